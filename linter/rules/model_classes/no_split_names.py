"""MOD004 no-split-names."""

from __future__ import annotations

from linter.rules.model_classes import GUIDE, NamesOfClasses


class NoSplitNames(NamesOfClasses):
    """`_no_split_modules` names a class that the model does not build, or is missing.

    ## What it does
    Compares the names with the classes that the model's `__init__` builds, at any depth. Missing altogether is a
    warning, for models with a list of blocks.

    ## Why is this bad?
    `device_map="auto"` raises without the list, and a wrong name lets a block with a residual connection be split over
    two devices.

    ## Exceptions
    Models that build classes held in variables, where the names cannot be known.
    """

    code = "MOD004"
    name = "no-split-names"
    guide = GUIDE
    attribute = "_no_split_modules"
    consequence = '`device_map="auto"` raises'
    bad = """
        from diffusers.configuration_utils import ConfigMixin, register_to_config
        from diffusers.models.modeling_utils import ModelMixin
        from torch import nn


        class TinyBlock(nn.Module):
            pass


        class TinyModel(ModelMixin, ConfigMixin):
            _no_split_modules = ["TinyTransformerBlock"]  #!

            @register_to_config
            def __init__(self, num_layers: int = 2):
                super().__init__()
                self.blocks = nn.ModuleList([TinyBlock() for _ in range(num_layers)])
    """
    good = """
        from diffusers.configuration_utils import ConfigMixin, register_to_config
        from diffusers.models.modeling_utils import ModelMixin
        from torch import nn


        class TinyBlock(nn.Module):
            pass


        class TinyModel(ModelMixin, ConfigMixin):
            _no_split_modules = ["TinyBlock"]

            @register_to_config
            def __init__(self, num_layers: int = 2):
                super().__init__()
                self.blocks = nn.ModuleList([TinyBlock() for _ in range(num_layers)])
    """
