"""ATT014 processor-exists."""

from __future__ import annotations

from collections.abc import Iterator

from linter.findings import Finding
from linter.project import Module
from linter.rules.attention import GUIDE
from linter.rules.base import Rule


class ProcessorExists(Rule):
    """`_available_processors` names a processor that is neither defined nor imported.

    ## What it does
    Looks up each name of `_available_processors`, and that of `_default_processor_cls`, in the file.

    ## Why is this bad?
    The class body is run when the file is imported: a name that is not there is a NameError for everybody.

    ## Exceptions
    Files with a star import, which may bring any name.
    """

    code = "ATT014"
    name = "processor-exists"
    guide = GUIDE
    bad = """
        from diffusers.models.attention import AttentionModuleMixin
        from torch import nn


        class TinyAttnProcessor:
            pass


        class TinyAttention(nn.Module, AttentionModuleMixin):
            _default_processor_cls = TinyAttnProcessor
            _available_processors = [TinyAttnProcessor, TinyFusedAttnProcessor]  #!
    """
    good = """
        from diffusers.models.attention import AttentionModuleMixin
        from torch import nn


        class TinyAttnProcessor:
            pass


        class TinyFusedAttnProcessor:
            pass


        class TinyAttention(nn.Module, AttentionModuleMixin):
            _default_processor_cls = TinyAttnProcessor
            _available_processors = [TinyAttnProcessor, TinyFusedAttnProcessor]
    """

    def check(self, module: Module) -> Iterator[Finding]:
        if any(item.name == "*" for item in module.facts.imports):
            return
        for cls in module.classes.values():
            for name in ("_available_processors", "_default_processor_cls"):
                attribute = cls.own_attributes.get(name)
                if attribute is None:
                    continue
                value = attribute.value
                for path in value.items if value.kind == "sequence" else (value.text,) if value.kind == "name" else ():
                    head = path.partition(".")[0]
                    if head.isidentifier() and not module.resolve(head) and head not in cls.own_attributes:
                        message = f"`{path}` in `{name}` is neither defined nor imported"
                        yield self.finding(module, attribute.span, message, cls)
