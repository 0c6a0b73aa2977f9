"""ATT006 same-file."""

from __future__ import annotations

from collections.abc import Iterator

from linter.facts import Attribute
from linter.findings import Finding
from linter.project import Class, Module
from linter.rules.attention import GUIDE
from linter.rules.base import Rule


class SameFile(Rule):
    """An attention class and its processors live in different files.

    ## What it does
    Finds the processors that `_default_processor_cls` and `_available_processors` name in the file where they are
    defined.

    ## Why is this bad?
    A model is one file, so that it can be read, and changed, without another model's code in mind. A layer and what it
    computes are the last two things to part.
    """

    code = "ATT006"
    name = "same-file"
    guide = GUIDE
    bad = {
        "tinylib/__init__.py": "",
        "tinylib/processors.py": """
            class TinyAttnProcessor:
                def __call__(self, attn, hidden_states):
                    return attn.to_v(hidden_states)
        """,
        "tinylib/transformer_tiny.py": """
            from diffusers.models.attention import AttentionModuleMixin
            from torch import nn

            from .processors import TinyAttnProcessor


            class TinyAttention(nn.Module, AttentionModuleMixin):
                _default_processor_cls = TinyAttnProcessor  #!
                _available_processors = [TinyAttnProcessor]
        """,
    }
    good = {
        "tinylib/__init__.py": "",
        "tinylib/transformer_tiny.py": """
            from diffusers.models.attention import AttentionModuleMixin
            from torch import nn


            class TinyAttnProcessor:
                def __call__(self, attn, hidden_states):
                    return attn.to_v(hidden_states)


            class TinyAttention(nn.Module, AttentionModuleMixin):
                _default_processor_cls = TinyAttnProcessor
                _available_processors = [TinyAttnProcessor]
        """,
    }

    def check(self, module: Module) -> Iterator[Finding]:
        for cls in module.classes.values():
            named: dict[str, Attribute] = {}
            for name in ("_default_processor_cls", "_available_processors"):
                attribute = cls.own_attributes.get(name)
                if attribute is not None:
                    for path in attribute.value.items or (attribute.value.text,):
                        named.setdefault(path, attribute)
            for path, attribute in named.items():
                processor = module.find(path)
                if isinstance(processor, Class) and processor.module is not module:
                    message = f"`{path}` computes for `{cls.name}` and is defined in `{processor.module.name}`"
                    yield self.finding(module, attribute.span, message, cls)
