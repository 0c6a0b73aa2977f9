"""ATT016 attention-mixin-model."""

from __future__ import annotations

from collections.abc import Iterator

from linter.edits.declaring import with_base
from linter.findings import Finding, Safety
from linter.project import Module
from linter.rules.attention import GUIDE, MIXINS, is_attention
from linter.rules.base import Rule


class AttentionMixinModel(Rule):
    """A model that owns attention layers does not inherit `AttentionMixin`.

    ## What it does
    Follows what the model's `__init__` builds, through its blocks, to layers that inherit `AttentionModuleMixin`.

    ## Why is this bad?
    Without the mixin the model has no `attn_processors`, no `set_attn_processor` and no QKV fusion.

    ## Fix safety
    Safe: the mixin joins the bases and is imported. It brings methods and no state.

    ## Exceptions
    A model that defines `attn_processors` itself.
    """

    code = "ATT016"
    name = "attention-mixin-model"
    guide = GUIDE
    fixes = Safety.SAFE
    bad = """
        from diffusers.configuration_utils import ConfigMixin, register_to_config
        from diffusers.models.attention import AttentionModuleMixin
        from diffusers.models.modeling_utils import ModelMixin
        from torch import nn


        class TinyAttention(nn.Module, AttentionModuleMixin):
            pass


        class TinyModel(ModelMixin, ConfigMixin):  #!
            @register_to_config
            def __init__(self, num_layers: int = 2):
                super().__init__()
                self.blocks = nn.ModuleList([TinyAttention() for _ in range(num_layers)])
    """
    good = """
        from diffusers.configuration_utils import ConfigMixin, register_to_config
        from diffusers.models.attention import AttentionMixin, AttentionModuleMixin
        from diffusers.models.modeling_utils import ModelMixin
        from torch import nn


        class TinyAttention(nn.Module, AttentionModuleMixin):
            pass


        class TinyModel(ModelMixin, ConfigMixin, AttentionMixin):
            @register_to_config
            def __init__(self, num_layers: int = 2):
                super().__init__()
                self.blocks = nn.ModuleList([TinyAttention() for _ in range(num_layers)])
    """

    def check(self, module: Module) -> Iterator[Finding]:
        for cls in module.classes.values():
            if not cls.is_model or cls.inherits("AttentionMixin") or cls.method("attn_processors") is not None:
                continue
            layer = next((part for part in cls.all_parts()[1:] if is_attention(part)), None)
            if layer is not None:
                message = f"`{cls.name}` owns `{layer.name}` layers and does not inherit `AttentionMixin`"
                yield self.finding(module, cls.facts.header, message, cls, with_base(cls, f"{MIXINS}.AttentionMixin"))
