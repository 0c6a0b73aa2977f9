"""MOD003 config-gap."""

from __future__ import annotations

from collections.abc import Iterator

from linter.facts import FunctionFacts
from linter.findings import Finding
from linter.project import Module
from linter.rules.base import Rule
from linter.rules.model_classes import GUIDE, REGISTER, is_registered
from linter.rules.model_classes.config_mixin import ConfigMixinMissing


class ConfigGap(Rule):
    """A config does not hold what the model was built with.

    ## What it does
    Finds a registered `__init__` that takes `*args` or `**kwargs`, and one that registers by hand a parameter under
    another name or after changing it.

    ## Why is this bad?
    What is not in the saved config is lost: the loaded model is built differently from the saved one.
    """

    code = "MOD003"
    name = "config-gap"
    guide = GUIDE
    bad = """
        from diffusers.configuration_utils import ConfigMixin, register_to_config
        from diffusers.models.modeling_utils import ModelMixin


        class TinyModel(ModelMixin, ConfigMixin):
            @register_to_config
            def __init__(self, num_layers: int = 2, **kwargs):  #!
                super().__init__()
    """
    good = ConfigMixinMissing.good

    def check(self, module: Module) -> Iterator[Finding]:
        for cls in module.classes.values():
            init = cls.own_methods.get("__init__")
            if init is None or not (cls.is_model and cls.inherits("ConfigMixin")):
                continue
            if is_registered(init):
                for parameter in init.facts.parameters:
                    if parameter.kind in ("*", "**"):
                        stars = parameter.kind + parameter.name
                        message = f"`{stars}` is not saved in the config; name each parameter of `{cls.name}`"
                        yield self.finding(module, parameter.span, message, init)
            else:
                yield from self._by_hand(module, init.facts)

    def _by_hand(self, module: Module, init: FunctionFacts) -> Iterator[Finding]:
        names = {parameter.name for parameter in init.parameters}
        for call in init.calls:
            if call.path != f"self.{REGISTER}":
                continue
            for argument in call.arguments:
                if argument.path in names and argument.name not in ("", "*", "**", argument.path):
                    message = f"`{argument.path}` is registered as `{argument.name}`, which `__init__` does not take"
                    yield self.finding(module, call.span, message, init.qualname)
                changed = [w for w in init.writes if w.target == argument.path and w.span.line < call.span.line]
                if argument.path in names and changed:
                    message = f"`{argument.path}` is changed before it is registered"
                    yield self.finding(module, changed[0].span, message, init.qualname)
