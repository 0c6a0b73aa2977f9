"""MOD021 model-subclass."""

from __future__ import annotations

from collections.abc import Iterator

from linter.findings import Finding
from linter.project import Class, Module
from linter.rules.base import Rule


class ModelSubclass(Rule):
    """A model subclasses another model.

    ## What it does
    Finds models whose base is a model of the project, directly or through a class between them.

    ## Why is this bad?
    A change of the base changes the variant unseen, what the variant switches off stays in its config, and neither
    file tells what the model is. A variant is a class of its own, its common parts marked copies.

    ## Exceptions
    Deprecated names: a subclass that does nothing but warn.
    """

    code = "MOD021"
    name = "model-subclass"
    guide = "models.md#porting"
    bad = """
        from diffusers.configuration_utils import ConfigMixin, register_to_config
        from diffusers.models.modeling_utils import ModelMixin


        class TinyModel(ModelMixin, ConfigMixin):
            @register_to_config
            def __init__(self, num_layers: int = 2):
                super().__init__()


        class TinyEditModel(TinyModel):  #!
            pass
    """
    good = """
        from diffusers.configuration_utils import ConfigMixin, register_to_config
        from diffusers.models.modeling_utils import ModelMixin


        class TinyModel(ModelMixin, ConfigMixin):
            @register_to_config
            def __init__(self, num_layers: int = 2):
                super().__init__()


        class TinyEditModel(ModelMixin, ConfigMixin):
            @register_to_config
            def __init__(self, num_layers: int = 2):
                super().__init__()
    """

    def check(self, module: Module) -> Iterator[Finding]:
        for cls in module.classes.values():
            base = next(
                (base for base in cls.ancestors[1:] if isinstance(base, Class) and self._is_concrete(base)), None
            )
            if base is not None and not self._warns(cls):
                message = f"`{cls.name}` subclasses the model `{base.name}`; write it as a class of its own"
                yield self.finding(module, cls.facts.header, message, cls)

    def _is_concrete(self, base: Class) -> bool:
        return base.is_model and base.inherits("ConfigMixin") and "__init__" in base.own_methods

    def _warns(self, cls: Class) -> bool:
        return any(call.method == "deprecate" for method in cls.own_methods.values() for call in method.facts.calls)
