"""MOD001 config-mixin."""

from __future__ import annotations

from collections.abc import Iterator

from linter.edits.declaring import with_base
from linter.edits.importing import with_import
from linter.findings import Edit, Finding, Safety
from linter.project import Class, Module
from linter.rules.base import Rule
from linter.rules.model_classes import GUIDE, is_container


class ConfigMixinMissing(Rule):
    """A model inherits one of `ModelMixin` and `ConfigMixin` without the other.

    ## What it does
    Checks classes that inherit `ModelMixin`, and modules that inherit `ConfigMixin`.

    ## Why is this bad?
    `from_pretrained` needs both: one reads the weights, the other the arguments that the model is built with.

    ## Fix safety
    The mixin adds methods and changes none. `nn.Module` gives way to `ModelMixin`, which inherits it.

    ## Exceptions
    Mixins, and containers of models that are given to `__init__`.
    """

    code = "MOD001"
    name = "config-mixin"
    guide = GUIDE
    fixes = Safety.SAFE
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
            message = f"`{cls.name}` does not inherit `{missing}`"
            yield self.finding(module, cls.facts.header, message, cls, self._edits(cls, missing))

    def _may_inherit_more(self, cls: Class) -> bool:
        return any(isinstance(base, str) and not base.endswith(("Mixin", ".Module")) for base in cls.ancestors)

    def _edits(self, cls: Class, missing: str) -> tuple[Edit, ...]:
        if missing == "ConfigMixin":
            return with_base(cls, "diffusers.configuration_utils.ConfigMixin")
        target = "diffusers.models.modeling_utils.ModelMixin"
        for base, span in zip(cls.facts.bases, cls.facts.base_spans, strict=True):
            if cls.module.resolve(base) == "torch.nn.Module":
                # A class cannot inherit `nn.Module` ahead of what inherits it.
                return (Edit(str(cls.module.path), span, missing), *with_import(cls.module, target))
        return with_base(cls, target)
