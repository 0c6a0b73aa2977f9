"""The same conventions under other names: aliases, inherited members, guarded imports, decorators in all forms."""

_BASE = """
    from diffusers import configuration_utils as config
    from diffusers.models.modeling_utils import ModelMixin as Model
    from torch import nn


    class TinyBlock(nn.Module):
        def forward(self, hidden_states):
            return hidden_states


    class TinyBase(Model, config.ConfigMixin):
        _no_split_modules = ["TinyBlock"]
        _repeated_blocks = ["TinyBlock"]
        _skip_layerwise_casting_patterns = ["blocks"]
        _supports_gradient_checkpointing = True

        @config.register_to_config
        def __init__(self, num_layers: int = 2):
            super().__init__()
            self.blocks = nn.ModuleList([TinyBlock() for _ in range(num_layers)])
            self.gradient_checkpointing = False

        def forward(self, hidden_states, return_dict: bool = True):
            for block in self.blocks:
                if self.gradient_checkpointing:
                    hidden_states = self._gradient_checkpointing_func(block, hidden_states)
                else:
                    hidden_states = block(hidden_states)
            if not return_dict:
                return (hidden_states,)
            return TinyOutput(sample=hidden_states)


    class TinyOutput:
        pass
"""

CASES = {
    "models made with aliases, and what they inherit": {
        "tiny/__init__.py": "",
        "tiny/base.py": _BASE,
        "tiny/model.py": """
            from typing import TYPE_CHECKING

            import diffusers.models.modeling_utils
            from diffusers.configuration_utils import ConfigMixin as Configurable
            from diffusers.configuration_utils import register_to_config as registered
            from torch import nn

            from .base import TinyBase as Base
            from .base import TinyBlock as Block

            if TYPE_CHECKING:
                from .base import TinyOutput

            try:
                from fast_norm import FastNorm
            except ImportError:
                FastNorm = nn.LayerNorm


            class TinyModel(diffusers.models.modeling_utils.ModelMixin, Configurable):
                _no_split_modules = ["TinyBlock", "FastNorm"]
                _repeated_blocks = ["Block"]  #! MOD005
                _skip_layerwise_casting_patterns = ["norm_out"]

                @registered
                def __init__(self, num_layers: int = 2):
                    super(TinyModel, self).__init__()
                    self.blocks = nn.ModuleList([Block() for _ in range(num_layers)])
                    self.norm_out = FastNorm(8)

                def forward(self, hidden_states, return_dict: bool = True):
                    for block in self.blocks:
                        hidden_states = block(hidden_states)
                    hidden_states = self.norm_out(hidden_states)
                    return TinyOutput(hidden_states) if return_dict else (hidden_states,)


            class TinyUnregisteredModel(diffusers.models.modeling_utils.ModelMixin, Configurable):
                _no_split_modules = _repeated_blocks = ["TinyBlock"]
                _skip_layerwise_casting_patterns = ["block"]

                def __init__(self, num_layers: int = 2):  #! MOD002
                    super().__init__()
                    self.blocks = nn.ModuleList([Block() for _ in range(num_layers)])

                def forward(self, hidden_states, return_dict: bool = True):
                    for block in self.blocks:
                        hidden_states = block(hidden_states)
                    return TinyOutput(hidden_states) if return_dict else (hidden_states,)


            class TinyDerivedModel(Base):  #! MOD021
                pass
        """,
    },
    "the scale of LoRA, with the decorator in all forms": """
        import diffusers.utils as tools
        from diffusers.configuration_utils import ConfigMixin, register_to_config
        from diffusers.loaders import PeftAdapterMixin as Adapters
        from diffusers.models.modeling_utils import ModelMixin
        from diffusers.utils import apply_lora_scale as scaled


        class TinyModel(ModelMixin, ConfigMixin, Adapters):
            @register_to_config
            def __init__(self, dim: int = 2):
                super().__init__()
                self.dim = dim

            @tools.apply_lora_scale("joint_attention_kwargs")
            def forward(self, hidden_states, joint_attention_kwargs=None, return_dict: bool = True):
                return (hidden_states,) if not return_dict else TinyOutput(hidden_states)


        class TinyOtherModel(ModelMixin, ConfigMixin, Adapters):
            @register_to_config
            def __init__(self, dim: int = 2):
                super().__init__()
                self.dim = dim

            @scaled("attention_kwargs")
            def forward(self, hidden_states, attention_kwargs=None, return_dict: bool = True):
                return (hidden_states,) if not return_dict else TinyOutput(hidden_states)


        class TinyBareModel(ModelMixin, ConfigMixin, Adapters):
            @register_to_config
            def __init__(self, dim: int = 2):
                super().__init__()
                self.dim = dim

            def forward(self, hidden_states, attention_kwargs=None, return_dict: bool = True):  #! MOD015
                return (hidden_states,) if not return_dict else TinyOutput(hidden_states)


        class TinyOutput:
            pass
    """,
}
