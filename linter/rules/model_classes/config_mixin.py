"""MOD001 config-mixin."""

from __future__ import annotations

from collections.abc import Iterator

from linter.findings import Finding
from linter.project import Class, Module
from linter.rules.base import Rule
from linter.rules.model_classes import GUIDE, is_container


class ConfigMixinMissing(Rule):
    """A model inherits one of `ModelMixin` and `ConfigMixin` without the other.

    ## What it does
    Checks classes that inherit `ModelMixin`, and modules that inherit `ConfigMixin`.

    ## Why is this bad?
    `from_pretrained` needs both: one reads the weights, the other the arguments that the model is built with.

    ## Exceptions
    Mixins, and containers of models that are given to `__init__`.
    """

    code = "MOD001"
    name = "config-mixin"
    guide = GUIDE
    bad = """
        from diffusers.models.modeling_utils import ModelMixin


        class TinyModel(ModelMixin):  #!
            def __init__(self, num_layers: int = 2):
                super().__init__()
    """
    good = """
        from diffusers.configuration_utils import ConfigMixin, register_to_config
        from diffusers.models.modeling_utils import ModelMixin


        class TinyModel(ModelMixin, ConfigMixin):
            @register_to_config
            def __init__(self, num_layers: int = 2):
                super().__init__()
    """

    def check(self, module: Module) -> Iterator[Finding]:
        for cls in module.classes.values():
            if cls.name.endswith("Mixin") or not cls.is_module or is_container(cls):
                continue
            has_model, has_config = cls.inherits("ModelMixin"), cls.inherits("ConfigMixin")
            # A base of another project may bring the missing half.
            if has_model == has_config or self._may_inherit_more(cls):
                continue
            missing = "ConfigMixin" if has_model else "ModelMixin"
            yield self.finding(module, cls.facts.header, f"`{cls.name}` does not inherit `{missing}`", cls)

    def _may_inherit_more(self, cls: Class) -> bool:
        return any(isinstance(base, str) and not base.endswith(("Mixin", ".Module")) for base in cls.ancestors)
