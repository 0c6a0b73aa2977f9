"""What models build, call it, and declare about it."""

_HEAD = """
        from diffusers import loaders
        from diffusers.configuration_utils import ConfigMixin
        from diffusers.loaders import FluxTransformer2DLoadersMixin, UNet2DConditionLoadersMixin
        from diffusers.models.attention import AttentionModuleMixin
        from diffusers.models.modeling_utils import ModelMixin
        from elsewhere import Base, Layer, get_layer, handed
        from torch import nn

"""

CASES = {
    "layers that are used, inherited, mentioned, or not": f"""{_HEAD}
        def made():
            return 2


        class TinyPart(nn.Module):
            pass


        class TinyTable:
            pass


        class TinyBlock(nn.Module):
            def __init__(self, dim):
                super().__init__()
                self.proj = nn.Linear(dim, dim)  #! MOD012
                self.part = TinyPart()  #! MOD012
                self.shapes = TinyTable()
                self.late = None
                self.late = nn.Linear(dim, dim)  #! MOD012
                self.used = nn.Linear(dim, dim)
                self.named = nn.Linear(dim, dim)
                self.table = nn.functional.relu(dim)
                self.made = made()
                self.other = Layer()
                self.none = nn.Linear(dim, dim)
                self.none = None
                self.twice = nn.Linear(dim, dim)  #! MOD012
                self.twice = nn.Linear(dim, dim)
                self.inner.proj = nn.Linear(dim, dim)
                local = nn.Linear(dim, dim)
                self.listed = [nn.Linear(dim, dim)]  #! MOD012
                self.wrapped = handed(nn.Linear(dim, dim))

            def forward(self, hidden_states):
                return self.used(hidden_states) + getattr(self, "named") + self.none


        class TinyBase(nn.Module):
            def forward(self, hidden_states):
                return self.base_proj(hidden_states)


        class TinyBelow(TinyBase):
            def __init__(self, dim):
                super().__init__()
                self.base_proj = nn.Linear(dim, dim)
                self.unused = nn.Linear(dim, dim)

            def other(self):
                return self


        class TinyAttention(nn.Module, AttentionModuleMixin):  #! MOD019
            def __init__(self, dim):
                super().__init__()
                self.to_z = nn.Linear(dim, dim)

            def forward(self, hidden_states):
                return hidden_states


        class TinyOldAttention(nn.Module):
            def __init__(self, dim):
                super().__init__()
                self.to_w = nn.Linear(dim, dim)

            def set_processor(self, processor):
                self.processor = processor

            def forward(self, hidden_states):
                return hidden_states


        class TinyEncoder(ModelMixin, ConfigMixin):
            def __init__(self):
                super().__init__()
                self.statistics = nn.Linear(2, 2)

            def forward(self, hidden_states):
                return hidden_states


        class TinyControlNet(ModelMixin, ConfigMixin):
            def __init__(self):
                super().__init__()
                self.first_gone = nn.Linear(2, 2)  #! MOD012

            def forward(self, hidden_states):
                return hidden_states


        class TinyUNet(ModelMixin, ConfigMixin):
            def __init__(self):
                super().__init__()
                self.second_gone = nn.Linear(2, 2)  #! MOD012

            def forward(self, hidden_states, return_dict=True):
                return hidden_states, return_dict


        class TinyTransformer(ModelMixin, ConfigMixin):
            def __init__(self):
                super().__init__()
                self.third_gone = nn.Linear(2, 2)  #! MOD012

            def forward(self, hidden_states, return_dict=True):
                return hidden_states, return_dict


        class TinyPlan:
            def __init__(self, dim):
                self.fourth_gone = nn.Linear(dim, dim)

            def forward(self, hidden_states):
                return hidden_states


        class TinyEmpty(nn.Module):
            def forward(self, hidden_states):
                return hidden_states
    """,
    "names of blocks: built, nested, gone, unknown, of a base": f"""{_HEAD}
        class TinyInner(nn.Module):
            pass


        class TinyBlock(nn.Module):
            def __init__(self):
                super().__init__()
                self.inner = TinyInner()


        class TinyDeclared(ModelMixin, ConfigMixin):
            _no_split_modules = ["TinyBlock", "TinyInner", "Linear"]
            _repeated_blocks = ["TinyBlock", "TinyGone"]  #! MOD005
            _skip_layerwise_casting_patterns = ["blocks", "gone", "norm.*blocks"]  #! MOD006
            _keep_in_fp32_modules = ["proj", "blocks.*gone"]  #! MOD006

            def __init__(self):
                super().__init__()
                self.blocks = nn.ModuleList([TinyBlock()])
                self.proj = nn.Linear(2, 2)


        class TinySilent(ModelMixin, ConfigMixin):  #! MOD004 MOD005 MOD006
            def __init__(self):
                super().__init__()
                self.blocks = nn.ModuleList([TinyBlock()])


        class TinyInheriting(TinyDeclared):  #! MOD021
            pass


        class TinyNone(ModelMixin, ConfigMixin):  #! MOD006
            _no_split_modules = None
            _repeated_blocks = []
            _skip_layerwise_casting_patterns = None

            def __init__(self):
                super().__init__()
                self.blocks = nn.ModuleList([TinyBlock()])


        class TinyWithout(ModelMixin, ConfigMixin):
            def __init__(self):
                super().__init__()
                self.block = TinyBlock()
                self.listed = list([TinyBlock()])
                self.layers = nn.ModuleList([nn.Linear(2, 2), Layer(), handed()])
                self.others = nn.ModuleList()


        class TinyOpen(ModelMixin, ConfigMixin):
            _no_split_modules = ["TinyGone"]
            _repeated_blocks = ["TinyGone"]
            _skip_layerwise_casting_patterns = ["gone"]

            def __init__(self, block_class):  #! MOD002
                super().__init__()
                self.block = block_class()


        class TinyTabled(ModelMixin, ConfigMixin):
            _no_split_modules = ["TinyGone"]
            _skip_layerwise_casting_patterns = ["gone"]

            def __init__(self):
                super().__init__()
                self.block = TABLE["block"]()


        class TinyMade(ModelMixin, ConfigMixin):
            _no_split_modules = ["TinyGone"]
            _repeated_blocks = ["TinyGone"]

            def __init__(self):
                super().__init__()
                self.block = get_layer()


        class TinyMaking(ModelMixin, ConfigMixin):
            _no_split_modules = ["TinyGone"]

            def __init__(self):
                super().__init__()
                self.block = handed.make_layer()


        class TinyCreating(ModelMixin, ConfigMixin):
            _no_split_modules = ["TinyGone"]

            def __init__(self):
                super().__init__()
                self.block = handed.create_layer()


        class TinyBuilding(ModelMixin, ConfigMixin):
            _no_split_modules = ["TinyGone"]

            def __init__(self):
                super().__init__()
                self.block = handed.build_layer()


        class TinyLoading(ModelMixin, ConfigMixin):
            _no_split_modules = ["TinyGone"]

            def __init__(self):
                super().__init__()
                self.block = Layer.from_config(2)


        def make_block():
            return TinyBlock()


        class TinyOwning(ModelMixin, ConfigMixin):
            _no_split_modules = ["TinyBlock", "TinyGone"]  #! MOD004

            def __init__(self):
                super().__init__()
                self.block = make_block()


        class TinyForeign(ModelMixin, ConfigMixin, Base):
            _no_split_modules = ["TinyGone"]
            _skip_layerwise_casting_patterns = ["gone"]

            def __init__(self):
                super().__init__()
                self.blocks = nn.ModuleList([TinyBlock()])


        class TinyPlan:
            _no_split_modules = ["TinyGone"]
            _skip_layerwise_casting_patterns = ["gone"]
    """,
    "names of layers that cannot all be known": f"""{_HEAD}
        class TinyTorch(ModelMixin, ConfigMixin):
            _keep_in_fp32_modules = ["gone"]

            def __init__(self):
                super().__init__()
                self.layers = nn.TransformerEncoder(2)


        class TinyAttending(ModelMixin, ConfigMixin):
            _keep_in_fp32_modules = ["gone"]

            def __init__(self):
                super().__init__()
                self.layers = nn.MultiheadAttention(2)


        class TinyForeign(ModelMixin, ConfigMixin):
            _keep_in_fp32_modules = ["gone"]

            def __init__(self):
                super().__init__()
                self.layer = Layer()


        class TinyPlain(ModelMixin, ConfigMixin):
            _keep_in_fp32_modules = ["gone", "scale", "ids", "extra"]  #! MOD006

            def __init__(self):
                super().__init__()
                self.layer = handed()
                self.register_buffer("scale", 2)
                self.register_parameter("ids", 2)
                self.add_module("extra", 2)
                self.note("gone")
                layer = Layer()


        class TinyRegistered(ModelMixin, ConfigMixin):
            _keep_in_fp32_modules = ["scale", "ids", "extra"]

            def __init__(self):
                super().__init__()
                self.register_buffer("scale", 2)
                self.register_parameter("ids", 2)
                self.add_module("extra", 2)


        class TinyNamed(ModelMixin, ConfigMixin):
            _keep_in_fp32_modules = ["scale"]

            def __init__(self, name):  #! MOD002
                super().__init__()
                self.register_parameter(name, 2)


        class TinyAdded(ModelMixin, ConfigMixin):
            _keep_in_fp32_modules = ["scale"]

            def __init__(self, name):  #! MOD002
                super().__init__()
                self.add_module(name, 2)


        class TinyConv(nn.Conv2d):
            def __init__(self):
                super().__init__(2, 2, 1)
                self.scale = 2


        class _TinyPrivate(nn.Module):
            def __init__(self):
                super().__init__()
                self.hidden_norm = nn.LayerNorm(2)


        class TinyTable:
            def __init__(self):
                self.shape_norm = 2


        class TinyConvolving(ModelMixin, ConfigMixin):
            _keep_in_fp32_modules = ["scale", "gone"]  #! MOD006

            def __init__(self):
                super().__init__()
                self.conv = TinyConv()


        class TinyOwningAll(ModelMixin, ConfigMixin):
            _keep_in_fp32_modules = ["hidden_norm"]

            def __init__(self):
                super().__init__()
                self.private = _TinyPrivate()


        class TinyTabling(ModelMixin, ConfigMixin):
            _keep_in_fp32_modules = ["shape_norm"]  #! MOD006

            def __init__(self):
                super().__init__()
                self.table = TinyTable()


        class TinyChoosing(ModelMixin, ConfigMixin):
            _keep_in_fp32_modules = ["hidden_norm", "gone"]  #! MOD006

            def __init__(self, is_private=True):  #! MOD002
                super().__init__()
                Part = _TinyPrivate if is_private else TinyConv
                self.part = Part()


        class TinyRegistering(ModelMixin, ConfigMixin):
            _keep_in_fp32_modules = ["gone"]

            def __init__(self, name):  #! MOD002
                super().__init__()
                self.register_buffer(name, 2)


        class TinySetting(ModelMixin, ConfigMixin):
            _keep_in_fp32_modules = ["gone"]

            def __init__(self):
                super().__init__()
                setattr()


        class TinyTabled(ModelMixin, ConfigMixin):
            _keep_in_fp32_modules = ["gone"]

            def __init__(self):
                super().__init__()
                self.layer = layers_by_kind["layer"]()


        def make_part():
            return TinyPart()


        def make_number():
            return 2


        class TinyPart(nn.Module):
            def __init__(self):
                super().__init__()
                self.deep_norm = nn.LayerNorm(2)


        class TinyMaking(ModelMixin, ConfigMixin):
            _keep_in_fp32_modules = ["gone"]

            def __init__(self):
                super().__init__()
                self.part = make_part()


        class TinyCounting(ModelMixin, ConfigMixin):
            _keep_in_fp32_modules = ["gone"]  #! MOD006

            def __init__(self):
                super().__init__()
                self.part = make_number()


        class TinyHolding(ModelMixin, ConfigMixin):
            _keep_in_fp32_modules = ["deep", "gone"]  #! MOD006

            def __init__(self, kind):  #! MOD002
                super().__init__()
                part = TinyPart if kind else None
                self.part = part()
    """,
    "blocks that a base leaves open, or names in a constant": {
        "tiny/__init__.py": "",
        "tiny/modeling_utils.py": """
            class ModelMixin:
                _no_split_modules = None
                _repeated_blocks = []
        """,
        "tiny/model.py": """
            from diffusers.configuration_utils import ConfigMixin
            from torch import nn

            from .modeling_utils import ModelMixin

            BLOCKS = ["TinyBlock"]


            class TinyBlock(nn.Module):
                pass


            class TinyModel(ModelMixin, ConfigMixin):  #! MOD004 MOD005 MOD006
                def __init__(self):
                    super().__init__()
                    self.blocks = nn.ModuleList([TinyBlock()])


            class TinyNamingMixin:
                _no_split_modules = BLOCKS
                _repeated_blocks = BLOCKS
                _skip_layerwise_casting_patterns = ["blocks"]


            class TinyNamed(TinyNamingMixin, ModelMixin, ConfigMixin):
                def __init__(self):
                    super().__init__()
                    self.blocks = nn.ModuleList([TinyBlock()])
        """,
    },
    "names that come with a star": """
        from diffusers.configuration_utils import *
        from diffusers.models.modeling_utils import *
        from torch import nn


        class TinyModel(ModelMixin, ConfigMixin):
            _no_split_modules = ["Transformer2DBlock"]

            @register_to_config
            def __init__(self, dim):
                super().__init__()
                self.block = Transformer2DBlock(dim)


        class TinyPatterned(ModelMixin, ConfigMixin):
            _keep_in_fp32_modules = ["norm_out"]

            def __init__(self):
                super().__init__()
                self.block = Transformer2DBlock(2)
    """,
    "gradient checkpointing: claimed, branched on, set": f"""{_HEAD}
        class TinyBranching(nn.Module):
            def __init__(self):
                super().__init__()
                self.gradient_checkpointing = False

            def forward(self, x):
                return x if self.gradient_checkpointing else x + 1


        class TinyUnset(nn.Module):  #! MOD007
            def forward(self, x):
                return x if self.gradient_checkpointing else x + 1


        class TinyDeclared(nn.Module):
            gradient_checkpointing = False

            def forward(self, x):
                return x if self.gradient_checkpointing else x + 1


        class TinyForeign(Base, nn.Module):
            def forward(self, x):
                return x if self.gradient_checkpointing else x + 1


        class TinyPlan:
            def forward(self, x):
                return x if self.gradient_checkpointing else x + 1


        class TinyClaiming(ModelMixin, ConfigMixin):
            _supports_gradient_checkpointing = True  #! MOD007

            def __init__(self):
                super().__init__()
                self.proj = nn.Linear(2, 2)


        class TinyDeclining(ModelMixin, ConfigMixin):
            _supports_gradient_checkpointing = False

            def __init__(self):
                super().__init__()
                self.proj = nn.Linear(2, 2)


        class TinyKept(ModelMixin, ConfigMixin):
            _supports_gradient_checkpointing = True

            def __init__(self):
                super().__init__()
                self.block = TinyBranching()


        class TinySubclassing(TinyClaiming):  #! MOD021
            pass


        class TinyOpen(ModelMixin, ConfigMixin):
            _supports_gradient_checkpointing = True

            def __init__(self, block):  #! MOD002
                super().__init__()
                self.block = block()


        class TinyQuiet(ModelMixin, ConfigMixin):  #! MOD007
            def __init__(self):
                super().__init__()
                self.gradient_checkpointing = False

            def forward(self, x):
                return x if self.gradient_checkpointing else x + 1


        class TinyRefusing(ModelMixin, ConfigMixin):
            _supports_gradient_checkpointing = False

            def __init__(self):
                super().__init__()
                self.gradient_checkpointing = False

            def forward(self, x):
                return x if self.gradient_checkpointing else x + 1


        class TinyBelow(ModelMixin, ConfigMixin):
            def __init__(self):
                super().__init__()
                self.block = TinyBranching()
    """,
    "keys that are skipped": f"""{_HEAD}
        class TinyPart(nn.Module):
            def forward(self, temb, **kwargs):
                return temb + kwargs


        class TinyModel(ModelMixin, ConfigMixin):
            _skip_keys = ["x", "temb", "gone"]  #! MOD009

            def __init__(self):
                super().__init__()
                self.part = TinyPart()

            def forward(self, x):
                return x


        class TinyOpen(ModelMixin, ConfigMixin):
            _skip_keys = ["gone"]

            def forward(self, x, **kwargs):
                return x + kwargs


        class TinyWithout(ModelMixin, ConfigMixin):
            _skip_keys = ["gone"]


        class TinyPlan:
            _skip_keys = ["gone"]

            def forward(self, x):
                return x
    """,
    "loaders of another family": f"""{_HEAD}
        class TinyTransformer(ModelMixin, ConfigMixin, FluxTransformer2DLoadersMixin):  #! MOD016
            pass


        class FluxTiny(ModelMixin, ConfigMixin, FluxTransformer2DLoadersMixin):
            pass


        class TinyUNet(ModelMixin, ConfigMixin, UNet2DConditionLoadersMixin):
            pass


        class FluxAttention(nn.Module, AttentionModuleMixin):  #! MOD020
            pass


        class FluxNorm(nn.Module):  #! MOD020
            pass


        class TinyOwning(ModelMixin, ConfigMixin, FluxTransformer2DLoadersMixin):
            def __init__(self):
                super().__init__()
                self.attn = FluxAttention()


        class TinyNorming(ModelMixin, ConfigMixin, FluxTransformer2DLoadersMixin):  #! MOD016
            def __init__(self):
                super().__init__()
                self.norm = FluxNorm()


        class TinyAttention(nn.Module, AttentionModuleMixin):  #! MOD019
            def __init__(self):
                super().__init__()
                self.to_q = nn.Linear(2, 2)


        class TinyAttending(ModelMixin, ConfigMixin, FluxTransformer2DLoadersMixin):  #! MOD016
            def __init__(self):
                super().__init__()
                self.attn = TinyAttention()


        class TinyDotted(ModelMixin, ConfigMixin, loaders.FluxTransformer2DLoadersMixin):  #! MOD016
            pass


        class TinyPlan(FluxTransformer2DLoadersMixin):
            pass
    """,
    "prefixes of a transformer's file": f"""{_HEAD}
        class QwenImageTransformer2DModel(ModelMixin, ConfigMixin):
            pass


        class QwenBlock(nn.Module):
            pass


        class ImageNorm(nn.Module):  #! MOD020
            pass


        class TinyBlock(nn.Module):  #! MOD020
            pass


        class TinyAttnProcessor:  #! MOD020
            def __call__(self, attn, x):
                return x


        class TinyPlan:
            class Block(nn.Module):
                pass


        class _Private(nn.Module):
            pass


        class TinyShim(nn.Module):
            def __new__(cls):
                return QwenBlock()


        # Copied from diffusers.models.tiny.TinyCopied
        class TinyCopied(nn.Module):
            pass


        class MyQwenNorm(nn.Module):
            pass


        class TinyOther(ModelMixin, ConfigMixin):
            pass
    """,
    "prefixes of several words": f"""{_HEAD}
        class LongCatAudioDiTTransformer(ModelMixin, ConfigMixin):
            pass


        class AudioDiTBlock(nn.Module):
            pass


        class LongNorm(nn.Module):
            pass


        class LongCatNorm(nn.Module):
            pass


        class CatNorm(nn.Module):  #! MOD020
            pass


        class DiTNorm(nn.Module):
            pass
    """,
    "prefixes of words that are short by themselves": f"""{_HEAD}
        class HiDreamImageTransformer2DModel(ModelMixin, ConfigMixin):
            pass


        class HiNorm(nn.Module):
            pass


        class SmallHiDreamNorm(nn.Module):
            pass


        class SmallHiNorm(nn.Module):  #! MOD020
            pass


        class DreamImageNorm(nn.Module):
            pass


        class ImageNorm(nn.Module):  #! MOD020
            pass
    """,
    "a prefix of three letters, alone and before another word": {
        "alone.py": f"""{_HEAD}
        class LtxTransformer3DModel(ModelMixin, ConfigMixin):
            pass


        class SmallLtxNorm(nn.Module):
            pass


        class TinyNorm(nn.Module):  #! MOD020
            pass
        """,
        "with_another.py": f"""{_HEAD}
        class LtxVideoTransformer3DModel(ModelMixin, ConfigMixin):
            pass


        class LtxNorm(nn.Module):
            pass


        class SmallLtxNorm(nn.Module):  #! MOD020
            pass
        """,
    },
    "a file of two transformers": f"""{_HEAD}
        class TinyTransformer2DModel(ModelMixin, ConfigMixin):
            pass


        class HiDreamTransformer2DModel(ModelMixin, ConfigMixin):
            pass


        class TinyNorm(nn.Module):
            pass


        class SmallTinyNorm(nn.Module):
            pass


        class HiNorm(nn.Module):
            pass


        class LargeNorm(nn.Module):  #! MOD020
            pass
    """,
    "prefixes that are too short to tell": {
        "alone.py": f"""{_HEAD}
        class DiTransformer(ModelMixin, ConfigMixin):
            pass


        class TinyBlock(nn.Module):
            pass
        """,
        "with_another.py": f"""{_HEAD}
        class DiTransformer(ModelMixin, ConfigMixin):
            pass


        class LargeTransformer(ModelMixin, ConfigMixin):
            pass


        class TinyBlock(nn.Module):
            pass
        """,
    },
    "a file without a transformer": f"""{_HEAD}
        class TinyEncoder(ModelMixin, ConfigMixin):
            pass


        class OtherTransformerBlock(nn.Module):
            pass


        class LargeNorm(nn.Module):
            pass
    """,
    "layers that another model's file lends": {
        "tinylib/__init__.py": "",
        "tinylib/transformers/__init__.py": "",
        "tinylib/transformers/layers.py": """
            from torch import nn


            class SharedNorm(nn.Module):
                pass
        """,
        "tinylib/transformers/large.py": f"""{_HEAD}
        class LargeOutput:
            pass


        class LargeNorm(nn.Module):
            pass


        class LargeAttnProcessor:
            def __call__(self, attn, x):
                return x


        def scaled(x):
            return x


        class LargeTransformer(ModelMixin, ConfigMixin):
            pass
        """,
        "tinylib/transformers/tiny.py": f"""{_HEAD}
        from . import large
        from .large import LargeAttnProcessor  #! MOD010
        from .large import LargeNorm  #! MOD010
        from .large import LargeOutput
        from .large import LargeTransformer
        from .large import scaled  #! MOD010
        from .layers import SharedNorm
        from .tiny import TinyNorm


        class TinyNorm(nn.Module):
            pass


        class TinyTransformer(ModelMixin, ConfigMixin):
            pass
        """,
        "tinylib/transformers/plain.py": """
            from .large import LargeNorm
        """,
        "tinylib/models.py": f"""{_HEAD}
        from .transformers.large import LargeNorm


        class LargeEncoder(ModelMixin, ConfigMixin):
            pass
        """,
        "tinylib/transformer_large.py": f"""{_HEAD}
        class LargeBlock(nn.Module):
            pass


        class LargeTransformer(ModelMixin, ConfigMixin):
            pass
        """,
        "tinylib/transformer_tiny.py": f"""{_HEAD}
        from .models import LargeEncoder
        from .transformer_large import LargeBlock  #! MOD010


        class TinyTransformer(ModelMixin, ConfigMixin):
            pass
        """,
    },
    "custom loading": """
        import sys

        import torch
        from diffusers.configuration_utils import ConfigMixin
        from diffusers.models.modeling_utils import ModelMixin
        from huggingface_hub import hf_hub_download, snapshot_download
        from safetensors.torch import load_file
        from torch import nn

        sys.path.append("elsewhere")  #! MOD011
        sys.path.insert(0, "elsewhere")  #! MOD011


        def loaded(path):
            sys.path.extend(path)  #! MOD011
            load_file(path)  #! MOD011
            hf_hub_download(path)  #! MOD011
            snapshot_download(path)  #! MOD011
            torch.save(path)
            return torch.load(path)  #! MOD011


        class TinyModel(ModelMixin, ConfigMixin):
            @classmethod
            def from_pretrained(cls, path):  #! MOD011
                return cls()


        class TinyLoaderMixin(ModelMixin):
            @classmethod
            def from_pretrained(cls, path):
                return cls()


        class TinyHeld(ModelMixin, ConfigMixin):
            def __init__(self, models):
                super().__init__()
                self.models = nn.ModuleList(models)

            @classmethod
            def from_pretrained(cls, path):
                return cls()


        class TinyPlan:
            @classmethod
            def from_pretrained(cls, path):
                return cls()
    """,
    "loading where no model is": """
        import sys

        import torch

        sys.path.append("elsewhere")


        def loaded(path):
            return torch.load(path)


        class TinyPlan:
            def from_pretrained(self, path):
                return self
    """,
}
_MODEL_FILE = """
from diffusers.configuration_utils import ConfigMixin
from diffusers.models.modeling_utils import ModelMixin


class TinyTransformer(ModelMixin, ConfigMixin):
    pass
"""
MESSAGES = {
    "a variant's import from the file that it is a variant of is a warning": (
        "MOD010",
        {
            "transformer_large.py": f"from transformer_tiny import scaled\n{_MODEL_FILE}",
            "transformer_tiny.py": f"{_MODEL_FILE}\n\ndef scaled(x):\n    return x\n",
            "transformer_tiny_video.py": f"from transformer_tiny import scaled\n{_MODEL_FILE}",
        },
        (
            "`scaled` is imported from the model file `transformer_tiny`; make it a marked copy",
            "warning: `scaled` is imported from the model file `transformer_tiny`; make it a marked copy",
        ),
    ),
    "blocks that are built twice are named once": (
        "MOD005",
        f"""{_HEAD}
        class TinyBlock(nn.Module):
            pass


        class TinyModel(ModelMixin, ConfigMixin):
            def __init__(self):
                super().__init__()
                self.down_blocks = nn.ModuleList([TinyBlock()])
                self.up_blocks = nn.ModuleList([TinyBlock()])
        """,
        (
            "warning: `TinyModel` declares no `_repeated_blocks` (`compile_repeated_blocks` raises); "
            'its blocks are "TinyBlock"',
        ),
    ),
}
