"""ATT003 default-processor."""

from __future__ import annotations

import re
from collections.abc import Iterator

from linter.edits.declaring import with_attributes
from linter.facts import Attribute, Span
from linter.findings import Edit, Finding, Safety
from linter.project import Class, Module
from linter.rules.attention import GUIDE, is_attention
from linter.rules.base import Rule


class DefaultProcessor(Rule):
    """An attention layer does not declare its processors, or its default is not among them.

    ## What it does
    For classes that inherit `AttentionModuleMixin`, checks that `_default_processor_cls` and `_available_processors`
    are declared and that the first is one of the second.

    ## Why is this bad?
    The declarations are how a reader, and code that swaps processors, learn which ones fit the layer.

    ## Fix safety
    Safe: the processor that `set_processor` is given, or the only one of the list, is declared; the default joins the
    list. Where nothing tells which one it is, the finding has no fix.
    """

    code = "ATT003"
    name = "default-processor"
    guide = GUIDE
    fixes = Safety.SAFE
    bad = """
        from diffusers.models.attention import AttentionModuleMixin
        from torch import nn


        class TinyAttnProcessor:
            pass


        class TinyAttention(nn.Module, AttentionModuleMixin):  #!
            _default_processor_cls = TinyAttnProcessor
    """
    good = """
        from diffusers.models.attention import AttentionModuleMixin
        from torch import nn


        class TinyAttnProcessor:
            pass


        class TinyAttention(nn.Module, AttentionModuleMixin):
            _default_processor_cls = TinyAttnProcessor
            _available_processors = [TinyAttnProcessor]
    """

    def check(self, module: Module) -> Iterator[Finding]:
        for cls in module.classes.values():
            if not is_attention(cls):
                continue
            default, available = cls.attribute("_default_processor_cls"), cls.attribute("_available_processors")
            if default is None or default.kind == "none":
                message = f"`{cls.name}` does not declare `_default_processor_cls`"
            elif available is None or (available.kind == "sequence" and not available.items):
                message = f"`{cls.name}` does not declare `_available_processors`"
            elif available.kind == "sequence" and available.complete and default.text not in available.items:
                message = (
                    f"`{default.text}` is the default processor of `{cls.name}` but not among `_available_processors`"
                )
            else:
                continue
            yield self.finding(module, cls.facts.header, message, cls, _declared(cls))


_OPENING = re.compile(r"=[\s(]*\[")
"""Up to the bracket that opens the list, not one of its annotation."""


def _declared(cls: Class) -> tuple[Edit, ...]:
    """The edit after which a layer declares its processors; none where there is no telling which they are."""
    default, available = (cls.own_attributes.get(name) for name in ("_default_processor_cls", "_available_processors"))
    if default is None:
        inherited = cls.attribute("_default_processor_cls")
        is_known = inherited is not None and inherited.kind != "none"
        name = "" if is_known else _processor_set(cls) or _only_one(available)
        wanted = (f"_default_processor_cls = {name}", f"_available_processors = [{name}]")
        return with_attributes(cls, wanted[:1] if available else wanted) if name else ()
    if default.value.kind != "name":
        return ()
    if available is None:
        return with_attributes(cls, (f"_available_processors = [{default.value.text}]",))
    text = cls.module.source.between(available.span)
    opening = _OPENING.search(text)
    if opening is None:
        return ()
    before, rest = text[: opening.end()], text[opening.end() :]
    line = available.span.line + before.count("\n")
    column = len(before.rpartition("\n")[2]) + (available.span.column if line == available.span.line else 0)
    separator = "" if rest.lstrip().startswith("]") else "," if rest[:1].isspace() else ", "
    return (Edit(str(cls.module.path), Span(line, column, line, column), default.value.text + separator),)


def _processor_set(cls: Class) -> str:
    """The name of the processor that `__init__` sets, empty where it is not one class."""
    init = cls.own_methods.get("__init__")
    calls = init.facts.calls if init is not None else ()
    setting = [place for place, call in enumerate(calls) if call.path == "self.set_processor"]
    made = {call.path for call in calls if call.parent in setting and isinstance(cls.module.find(call.path), Class)}
    return made.pop() if len(made) == 1 else ""


def _only_one(available: Attribute | None) -> str:
    items = available.value.items if available is not None and available.value.complete else ()
    return items[0] if len(items) == 1 and items[0].isidentifier() else ""
