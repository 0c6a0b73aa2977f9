"""MOD022 swallowed-kwargs."""

from __future__ import annotations

from collections.abc import Iterator

from linter.findings import Finding
from linter.project import Module
from linter.rules.base import Rule
from linter.rules.model_classes import GUIDE


class SwallowedKwargs(Rule):
    """A forward takes `**kwargs` and drops them.

    ## What it does
    Finds `forward` of modules with a `**` parameter that the body never reads.

    ## Why is this bad?
    A misspelled argument, or one that the model does not support, is accepted and ignored: the user sees a picture and
    not an error.

    ## Exceptions
    A forward that takes `*args` too: it stands in for another class, whatever that is called with.
    """

    code = "MOD022"
    name = "swallowed-kwargs"
    guide = GUIDE
    bad = """
        from torch import nn


        class TinyBlock(nn.Module):
            def forward(self, hidden_states, **kwargs):  #!
                return hidden_states
    """
    good = """
        from torch import nn


        class TinyBlock(nn.Module):
            def forward(self, hidden_states):
                return hidden_states
    """

    def check(self, module: Module) -> Iterator[Finding]:
        for cls in module.classes.values():
            forward = cls.own_methods.get("forward")
            if forward is None or not cls.is_module or forward.facts.is_empty:
                continue
            if any(parameter.kind == "*" for parameter in forward.facts.parameters):
                continue
            names = forward.facts.body.names
            for parameter in forward.facts.parameters:
                if parameter.kind == "**" and parameter.name not in names and "locals" not in names:
                    message = (
                        f"`**{parameter.name}` is accepted and dropped; name the arguments of `{forward.qualname}`"
                    )
                    yield self.finding(module, parameter.span, message, forward)
