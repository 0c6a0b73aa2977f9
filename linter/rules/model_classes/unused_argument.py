"""MOD013 unused-argument."""

from __future__ import annotations

import re
from collections.abc import Iterator

from linter.findings import Finding, Severity
from linter.project import Class, Function, Module
from linter.rules.base import Rule
from linter.rules.model_classes import GUIDE, decorator_of


_LAST_WORD = re.compile(r"[A-Z][a-z]+")


class UnusedArgument(Rule):
    """A forward takes an argument that it never reads.

    ## What it does
    Looks at the `forward` of modules. Masks are ATT008's, `**kwargs` are MOD022's.

    ## Why is this bad?
    A caller who passes it believes that it does something.

    ## Exceptions
    Arguments that a decorator consumes, such as `@apply_lora_scale("attention_kwargs")`; names that begin with an
    underscore; a forward that keeps to the signature of its base class, or of another block of its file.
    """

    code = "MOD013"
    name = "unused-argument"
    guide = GUIDE
    severity = Severity.WARNING
    bad = """
        from torch import nn


        class TinyBlock(nn.Module):
            def forward(self, hidden_states, temb):  #!
                return hidden_states
    """
    good = """
        from torch import nn


        class TinyBlock(nn.Module):
            def forward(self, hidden_states, temb):
                return hidden_states + temb
    """

    def check(self, module: Module) -> Iterator[Finding]:
        for cls in module.classes.values():
            forward = cls.own_methods.get("forward")
            if forward is None or not cls.is_module or forward.facts.is_empty:
                continue
            unread = self._unread(forward)
            shared = self._shared(cls) if unread else frozenset()
            for name in unread:
                if name not in shared:
                    span = next(item.span for item in forward.facts.parameters if item.name == name)
                    yield self.finding(module, span, f"`{forward.qualname}` never reads `{name}`", forward)

    def _unread(self, forward: Function) -> list[str]:
        facts = forward.facts
        consumed = {text for item in facts.decorators for text in item.arguments}
        scaled = decorator_of(forward, "apply_lora_scale")
        if scaled is not None and scaled.called and not scaled.arguments:
            consumed.add(repr("joint_attention_kwargs"))
        deleted = {write.target for write in facts.writes if write.kind == "del"}
        if "locals" in facts.body.names:
            return []
        return [
            item.name
            for item in facts.parameters[1:]
            if item.kind in ("positional", "keyword")
            and item.name not in facts.body.names
            and item.name not in deleted
            and not item.name.startswith("_")
            and "mask" not in item.name
            and repr(item.name) not in consumed
        ]

    def _shared(self, cls: Class) -> frozenset[str]:
        """The arguments that the same call may pass to another class: a base, or one of its kind in the file."""
        bases = [base for base in cls.ancestors[1:] if isinstance(base, Class)]
        kind = _LAST_WORD.findall(cls.name)[-1:]
        others = [
            other
            for other in cls.module.classes.values()
            if other is not cls and other.is_module and _LAST_WORD.findall(other.name)[-1:] == kind
        ]
        forwards = [other.own_methods.get("forward") for other in (*bases, *others)]
        return frozenset(item.name for forward in forwards if forward for item in forward.facts.parameters)
