"""MOD014 unread-config."""

from __future__ import annotations

import re
from collections.abc import Iterator

from linter.facts import Parameter
from linter.findings import Finding, Severity
from linter.project import Class, Function, Module
from linter.rules.base import Rule
from linter.rules.model_classes import GUIDE, is_registered


class UnreadConfig(Rule):
    """A config entry that says how layers are built is read by nothing.

    ## What it does
    Finds parameters of a registered `__init__` that neither it nor a method of the file reads, through `self.config`
    or otherwise, and whose names tell of layers: widths, depths, heads, norms, dropout, activations, positions.

    ## Why is this bad?
    Who sets it believes that the model is another one. Saved configs carry it for ever.

    ## Exceptions
    Entries that describe the data, such as `scaling_factor`: pipelines read those. An `__init__` that hands on all its
    arguments at once.
    """

    code = "MOD014"
    name = "unread-config"
    guide = GUIDE
    severity = Severity.WARNING
    bad = """
        from diffusers.configuration_utils import ConfigMixin, register_to_config
        from diffusers.models.modeling_utils import ModelMixin
        from torch import nn


        class TinyModel(ModelMixin, ConfigMixin):
            @register_to_config
            def __init__(self, num_layers: int = 2, dropout: float = 0.0):  #!
                super().__init__()
                self.blocks = nn.ModuleList([nn.Linear(8, 8) for _ in range(num_layers)])
    """
    good = """
        from diffusers.configuration_utils import ConfigMixin, register_to_config
        from diffusers.models.modeling_utils import ModelMixin
        from torch import nn


        class TinyModel(ModelMixin, ConfigMixin):
            @register_to_config
            def __init__(self, num_layers: int = 2, patch_size: int = 2):
                super().__init__()
                self.blocks = nn.ModuleList([nn.Linear(8, 8) for _ in range(num_layers)])

            def forward(self, hidden_states):
                return hidden_states[:, :: self.config.patch_size]
    """

    _OF_LAYERS = re.compile(
        r"dropout|norm|eps\b|bias|activation|act_fn|act\b|layers\b|heads\b|_dims?\b|intermediate|hidden|mlp|ffn|(?:^|_)rope|qk"
        r"|pos_embed|position|causal|interpolation|sigma\b"
    )

    def check(self, module: Module) -> Iterator[Finding]:
        for cls in module.classes.values():
            init = cls.own_methods.get("__init__")
            if init is None or not cls.is_model or not is_registered(init):
                continue
            for parameter in self._unread(cls, init):
                message = f"nothing reads the config entry `{parameter.name}` of `{cls.name}`"
                yield self.finding(module, parameter.span, message, init)

    def _unread(self, cls: Class, init: Function) -> list[Parameter]:
        names = init.facts.body.names
        unread = [
            item
            for item in init.facts.parameters[1:]
            if item.name not in names and not item.kind.startswith("*") and self._OF_LAYERS.search(item.name)
        ]
        if not unread or "locals" in names:
            return []
        # A config is read in many ways: `config.x`, `getattr(config, "x")`, `self.config["x"]`.
        modules = [ancestor.module for ancestor in cls.ancestors if isinstance(ancestor, Class)]
        words = {word for module in modules for word in module.attribute_names}
        unread = [item for item in unread if item.name not in words]
        return [item for item in unread if not any(_is_looked_up(item.name, module) for module in modules)]


def _is_looked_up(name: str, module: Module) -> bool:
    return re.search(rf"""\[\s*(["']){name}\1\s*\]""", module.source.text) is not None
