"""ATT008 unused-mask."""

from __future__ import annotations

from collections.abc import Iterator

from linter.findings import Finding
from linter.project import Class, Function, Module
from linter.rules.attention import GUIDE, is_attention
from linter.rules.base import Rule


class UnusedMask(Rule):
    """A mask parameter is declared and never read.

    ## What it does
    Looks at the `forward` of modules and the `__call__` of processors for parameters with `mask` in their name.

    ## Why is this bad?
    Whoever passes a mask believes that padding is masked. It is attended to, and nothing says so.

    ## Exceptions
    A parameter that is deleted, or named by a decorator; one of a processor that is not its layer's default, where
    another one reads it, because they share a signature; and processors of the older shared `Attention` class, which
    hands every processor a mask.
    """

    code = "ATT008"
    name = "unused-mask"
    guide = GUIDE
    bad = """
        from torch import nn


        class TinyBlock(nn.Module):
            def __init__(self, attn):
                super().__init__()
                self.attn = attn

            def forward(self, hidden_states, attention_mask=None):  #!
                return hidden_states + self.attn(hidden_states)
    """
    good = """
        from torch import nn


        class TinyBlock(nn.Module):
            def __init__(self, attn):
                super().__init__()
                self.attn = attn

            def forward(self, hidden_states, attention_mask=None):
                return hidden_states + self.attn(hidden_states, attention_mask)
    """

    def check(self, module: Module) -> Iterator[Finding]:
        for cls in module.classes.values():
            function = cls.own_methods.get("__call__" if cls.is_processor else "forward")
            if function is None or function.facts.is_empty or not (cls.is_processor or cls.is_module):
                continue
            for parameter in function.facts.parameters:
                name = parameter.name
                if "mask" in name and not _is_used(function, name) and not _is_shared(cls, function, name):
                    message = f"`{name}` is declared and never read, so what is passed for it masks nothing"
                    yield self.finding(module, parameter.span, message, function)


def _is_used(function: Function, name: str) -> bool:
    facts = function.facts
    is_deleted = any(write.kind == "del" and write.target == name for write in facts.writes)
    is_consumed = any(repr(name) in decorator.arguments for decorator in facts.decorators)
    return is_deleted or is_consumed or bool({name, "locals"} & facts.body.names)


def _is_shared(cls: Class, function: Function, name: str) -> bool:
    """Whether a processor declares a parameter because the layer passes it to every processor."""
    if not cls.is_processor:
        return False
    layer = cls.module.find(function.facts.parameters[1].annotation.strip("'\""))
    if isinstance(layer, Class) and not is_attention(layer):
        return True
    for owner in cls.module.classes.values():
        default, available = owner.attribute("_default_processor_cls"), owner.attribute("_available_processors")
        is_default = default is not None and default.text == cls.name
        if available is not None and cls.name in available.items and not is_default:
            processors = map(cls.module.find, available.items)
            calls = [item.method("__call__") for item in processors if isinstance(item, Class)]
            if any(call is not None and name in call.facts.body.names for call in calls):
                return True
    return False
