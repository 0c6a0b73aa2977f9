"""MOD002 register-to-config."""

from __future__ import annotations

from collections.abc import Iterator

from linter.edits.importing import with_import
from linter.facts import FunctionFacts, Span
from linter.findings import Edit, Finding, Safety
from linter.project import Module
from linter.rules.base import Rule
from linter.rules.model_classes import GUIDE, REGISTER, is_container, is_registered
from linter.rules.model_classes.config_mixin import ConfigMixinMissing


class RegisterToConfig(Rule):
    """The `__init__` of a model with a config is not decorated with `@register_to_config`.

    ## What it does
    Checks models that inherit `ModelMixin` and `ConfigMixin` and define `__init__` with parameters.

    ## Why is this bad?
    The saved config stays empty, and `from_pretrained` builds the model with its defaults, whatever it was saved with.

    ## Fix safety
    The decorator stores the arguments and passes them on unchanged.

    ## Exceptions
    An `__init__` that calls `self.register_to_config(...)` itself, and containers of models that are given to it.
    """

    code = "MOD002"
    name = "register-to-config"
    guide = GUIDE
    fixes = Safety.SAFE
    bad = """
        from diffusers.configuration_utils import ConfigMixin
        from diffusers.models.modeling_utils import ModelMixin


        class TinyModel(ModelMixin, ConfigMixin):
            def __init__(self, num_layers: int = 2):  #!
                super().__init__()
    """
    good = ConfigMixinMissing.good

    def check(self, module: Module) -> Iterator[Finding]:
        for cls in module.classes.values():
            init = cls.own_methods.get("__init__")
            if init is None or not (cls.is_model and cls.inherits("ConfigMixin")) or is_registered(init):
                continue
            if is_container(cls):
                continue
            by_hand = any(call.path == f"self.{REGISTER}" for call in init.facts.calls)
            if len(init.facts.parameters) > 1 and not by_hand:
                message = f"`{cls.name}.__init__` is not decorated with `@{REGISTER}`"
                yield self.finding(module, init.facts.header, message, init, self._edits(module, init.facts))

    def _edits(self, module: Module, init: FunctionFacts) -> tuple[Edit, ...]:
        line = init.span.line
        decorator = Edit(str(module.path), Span(line, 0, line, 0), f"{' ' * init.span.column}@{REGISTER}\n")
        return (decorator, *with_import(module, f"diffusers.configuration_utils.{REGISTER}"))
