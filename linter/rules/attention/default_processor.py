"""ATT003 default-processor."""

from __future__ import annotations

from collections.abc import Iterator

from linter.findings import Finding
from linter.project import Module
from linter.rules.attention import GUIDE, is_attention
from linter.rules.base import Rule


class DefaultProcessor(Rule):
    """An attention layer does not declare its processors, or its default is not among them.

    ## What it does
    For classes that inherit `AttentionModuleMixin`, checks that `_default_processor_cls` and `_available_processors`
    are declared and that the first is one of the second.

    ## Why is this bad?
    The declarations are how a reader, and code that swaps processors, learn which ones fit the layer.
    """

    code = "ATT003"
    name = "default-processor"
    guide = GUIDE
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
            yield self.finding(module, cls.facts.header, message, cls)
