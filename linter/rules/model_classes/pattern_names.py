"""MOD006 pattern-names."""

from __future__ import annotations

import re
from collections.abc import Iterator

from linter.findings import Finding, Severity
from linter.project import Module
from linter.rules.base import Rule
from linter.rules.model_classes import GUIDE, member_names, repeated_blocks


class PatternNames(Rule):
    """A precision pattern matches no layer or parameter of the model.

    ## What it does
    Compares `_skip_layerwise_casting_patterns` and `_keep_in_fp32_modules` with the names of everything that the model
    builds, at any depth. A model with a list of blocks that declares neither gets a warning.

    ## Why is this bad?
    A pattern that matches nothing protects nothing, and says nothing: norms and embeddings are stored in float8 or
    loaded in half precision.

    ## Exceptions
    Models that build parts whose names cannot be known: classes held in variables, models of other libraries.
    """

    code = "MOD006"
    name = "pattern-names"
    guide = GUIDE
    bad = """
        from diffusers.configuration_utils import ConfigMixin, register_to_config
        from diffusers.models.modeling_utils import ModelMixin
        from torch import nn


        class TinyBlock(nn.Module):
            def __init__(self, dim):
                super().__init__()
                self.norm = nn.LayerNorm(dim)


        class TinyModel(ModelMixin, ConfigMixin):
            _skip_layerwise_casting_patterns = ["patch_embed", "norm"]  #!

            @register_to_config
            def __init__(self, num_layers: int = 2):
                super().__init__()
                self.x_embedder = nn.Linear(8, 8)
                self.blocks = nn.ModuleList([TinyBlock(8) for _ in range(num_layers)])
    """
    good = bad.replace('"patch_embed"', '"x_embedder"').replace("  #!", "")

    _ATTRIBUTES = ("_skip_layerwise_casting_patterns", "_keep_in_fp32_modules")

    def check(self, module: Module) -> Iterator[Finding]:
        for cls in module.classes.values():
            if not cls.is_model:
                continue
            declared = [cls.own_attributes[name] for name in self._ATTRIBUTES if name in cls.own_attributes]
            names = member_names(cls) if declared else None
            for attribute in declared if names is not None else ():
                for pattern in attribute.value.strings:
                    if not self._matches(pattern, names or frozenset()):
                        message = (
                            f"`{attribute.name}` has `{pattern}`, which nothing that `{cls.name}` builds is called"
                        )
                        yield self.finding(module, attribute.span, message, cls)
            values = [cls.attribute(name) for name in self._ATTRIBUTES]
            if all(value is None or value.kind == "none" for value in values) and repeated_blocks(cls):
                message = (
                    f"`{cls.name}` declares no `_skip_layerwise_casting_patterns`: only the default names are kept"
                )
                yield self.finding(module, cls.facts.header, message, cls, severity=Severity.WARNING)

    def _matches(self, pattern: str, names: frozenset[str]) -> bool:
        """Whether every word of a regular expression stands in some name."""
        return all(any(word in name for name in names) for word in re.findall(r"[a-zA-Z_]\w+", pattern))
