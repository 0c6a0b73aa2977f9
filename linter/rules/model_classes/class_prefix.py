"""MOD020 class-prefix."""

from __future__ import annotations

import re
from collections.abc import Iterator

from linter.findings import Finding, Severity
from linter.project import Module
from linter.rules.base import Rule


_SHORTEST = 3
"""A shorter word than this begins too many names."""


class ClassPrefix(Rule):
    """A class of a model's file does not begin with the model's name.

    ## What it does
    Compares the layers and processors of a transformer's file with the first words of its models' names.

    ## Why is this bad?
    Hooks, registries and `_no_split_modules` know classes by their bare names: one model's `TransformerBlock` is taken
    for another's, and a search for it finds all of them.

    ## Exceptions
    Marked copies that keep the name of their source, private classes, deprecated names, and files without a
    transformer.
    """

    code = "MOD020"
    name = "class-prefix"
    guide = "models.md#porting"
    severity = Severity.WARNING
    bad = """
        from diffusers.configuration_utils import ConfigMixin
        from diffusers.models.modeling_utils import ModelMixin
        from torch import nn


        class FeedForward(nn.Module):  #!
            pass


        class TinyTransformer2DModel(ModelMixin, ConfigMixin):
            pass
    """
    good = bad.replace("FeedForward", "TinyFeedForward").replace("  #!", "")

    _WORDS = re.compile(r"[A-Z]+(?=[A-Z][a-z])|[A-Z]?[a-z]+|[A-Z]+|\d+")

    def check(self, module: Module) -> Iterator[Finding]:
        models = [cls for cls in module.classes.values() if cls.is_model and "Transformer" in cls.name]
        families = {cls.name.partition("Transformer")[0] for cls in models}
        prefixes = {self._first_words(family) for family in families}
        if not prefixes or any(len(prefix) < _SHORTEST for prefix in prefixes):
            return
        copied = {marker.qualname for marker in module.facts.copied}
        for cls in module.classes.values():
            if "." in cls.qualname or cls.is_model or cls.is_shim or cls.name[0] == "_" or cls.qualname in copied:
                continue
            named = any(prefix.lower() in cls.name.lower() for prefix in prefixes) or any(
                self._WORDS.findall(cls.name)[:1] == self._WORDS.findall(family)[:1]
                or cls.name.startswith(self._last_words(family))
                for family in families
            )
            if (cls.is_module or cls.is_processor) and not named:
                message = f"`{cls.name}` does not begin with `{min(families)}`, the name of the file's model"
                yield self.finding(module, cls.facts.header, message, cls)

    def _first_words(self, family: str) -> str:
        """As many words of a name as tell it from others: `Qwen` of `QwenImage`, but `HiDream` of `HiDreamImage`."""
        found = ""
        for word in self._WORDS.findall(family):
            found += word
            if len(found) > _SHORTEST:
                break
        return found

    def _last_words(self, family: str) -> tuple[str, ...]:
        """What a name may be shortened to at its front: `AudioDiT` of `LongCatAudioDiT`, but no single word of it."""
        words = self._WORDS.findall(family)
        return tuple("".join(words[place:]) for place in range(1, len(words) - 1))
