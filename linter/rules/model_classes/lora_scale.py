"""MOD015 lora-scale."""

from __future__ import annotations

from collections.abc import Iterator

from linter.edits.importing import with_import
from linter.facts import Decorator, Span
from linter.findings import Edit, Finding, Safety
from linter.project import Function, Module
from linter.rules.base import Rule
from linter.rules.model_classes import GUIDE, decorator_of, is_container


class LoraScale(Rule):
    """A forward takes LoRA's arguments and does not apply their scale.

    ## What it does
    Finds models that inherit `PeftAdapterMixin` and whose `forward` takes `attention_kwargs` or
    `joint_attention_kwargs` without `@apply_lora_scale`, or with one that reads an argument of another name.

    ## Why is this bad?
    The decorator is what reads `scale` out of the dictionary. Without it a user's LoRA scale is ignored in silence, or
    lands in a processor that does not know it.

    ## Fix safety
    The decorator does nothing where no scale is passed.

    ## Exceptions
    A forward that calls `scale_lora_layers` itself, and containers, whose models apply the scale.
    """

    code = "MOD015"
    name = "lora-scale"
    guide = GUIDE
    fixes = Safety.SAFE
    bad = """
        from diffusers.configuration_utils import ConfigMixin, register_to_config
        from diffusers.loaders import PeftAdapterMixin
        from diffusers.models.modeling_utils import ModelMixin


        class TinyModel(ModelMixin, ConfigMixin, PeftAdapterMixin):
            @register_to_config
            def __init__(self, num_layers: int = 2):
                super().__init__()

            def forward(self, hidden_states, attention_kwargs=None):  #!
                return hidden_states
    """
    good = """
        from diffusers.configuration_utils import ConfigMixin, register_to_config
        from diffusers.loaders import PeftAdapterMixin
        from diffusers.models.modeling_utils import ModelMixin
        from diffusers.utils import apply_lora_scale


        class TinyModel(ModelMixin, ConfigMixin, PeftAdapterMixin):
            @register_to_config
            def __init__(self, num_layers: int = 2):
                super().__init__()

            @apply_lora_scale("attention_kwargs")
            def forward(self, hidden_states, attention_kwargs=None):
                return hidden_states
    """

    _DECORATOR = "apply_lora_scale"
    _NAMES = frozenset({"attention_kwargs", "joint_attention_kwargs"})

    def check(self, module: Module) -> Iterator[Finding]:
        for cls in module.classes.values():
            forward = cls.own_methods.get("forward")
            if forward is None or not (cls.is_model and cls.inherits("PeftAdapterMixin")) or is_container(cls):
                continue
            taken = next((item.name for item in forward.facts.parameters if item.name in self._NAMES), None)
            by_hand = any(call.method == "scale_lora_layers" for call in forward.facts.calls)
            if taken is None or by_hand:
                continue
            known = {item.name for item in forward.facts.parameters}
            decorator = decorator_of(forward, self._DECORATOR)
            if decorator is None:
                message = f"`{forward.qualname}` takes `{taken}` without `@{self._DECORATOR}`: its scale is ignored"
                yield self.finding(module, forward.facts.header, message, forward, self._edits(module, forward, taken))
            elif (named := self._named(decorator)) not in known:
                message = f"`@{self._DECORATOR}` reads `{named}`, and `{forward.qualname}` takes `{taken}`"
                renamed = Edit(str(module.path), decorator.span, f'{decorator.path}("{taken}")')
                yield self.finding(module, decorator.span, message, forward, (renamed,))

    def _named(self, decorator: Decorator) -> str:
        return decorator.arguments[0].strip("'\"") if decorator.arguments else "joint_attention_kwargs"

    def _edits(self, module: Module, forward: Function, taken: str) -> tuple[Edit, ...]:
        line = forward.facts.span.line
        decorator = f'{" " * forward.facts.span.column}@{self._DECORATOR}("{taken}")\n'
        place = Span(line, 0, line, 0)
        return (Edit(str(module.path), place, decorator), *with_import(module, f"diffusers.utils.{self._DECORATOR}"))
