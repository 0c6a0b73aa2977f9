"""FWD008 einops."""

from __future__ import annotations

from collections.abc import Iterator

from linter.facts import Span
from linter.findings import Finding
from linter.project import Module
from linter.rules.forward import GUIDE, ForwardRule, Running, running


class Einops(ForwardRule):
    """einops is used where native tensor operations serve.

    ## What it does
    Finds calls of `einops`, under any import name, in modules: functions of a forward and layers made in `__init__`.

    ## Why is this bad?
    It is a dependency that the library does not take. `reshape`, `permute`, `unflatten` and `flatten` say the same and
    compile.
    """

    code = "FWD008"
    name = "einops"
    guide = GUIDE
    bad = """
        from einops import rearrange
        from torch import nn


        class TinyAttention(nn.Module):
            def forward(self, hidden_states):
                return rearrange(hidden_states, "b s (h d) -> b s h d", h=8)  #!
    """
    good = """
        from torch import nn


        class TinyAttention(nn.Module):
            def forward(self, hidden_states):
                return hidden_states.unflatten(-1, (8, -1))
    """

    def check(self, module: Module) -> Iterator[Finding]:
        told: set[Span] = set()
        inits = [
            Running(method, method, None)
            for cls in module.classes.values()
            if cls.is_module
            for method in cls.own_methods.values()
        ]
        for where in (*running(module), *inits):
            for call in where.function.facts.calls:
                target = where.function.target(call.path)
                place = where.place or call.span
                if target.startswith("einops.") and place not in told:
                    told.add(place)
                    message = f"`{call.path}` is einops; write it with `reshape`, `permute` or `unflatten`"
                    yield self.told(module, where, call.span, message)
