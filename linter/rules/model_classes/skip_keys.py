"""MOD009 skip-keys."""

from __future__ import annotations

from collections.abc import Iterator

from linter.findings import Finding
from linter.project import Class, Module
from linter.rules.base import Rule
from linter.rules.model_classes import GUIDE


class SkipKeys(Rule):
    """`_skip_keys` names an argument that no forward of the model takes.

    ## What it does
    Compares the names with the parameters of the `forward` of the model and of everything that it builds.

    ## Why is this bad?
    The list keeps caches from being moved between devices at every call. A name that no forward has keeps nothing: the
    cache is copied each time, and what a layer writes into the copy is lost.

    ## Exceptions
    A forward that takes `**kwargs`.
    """

    code = "MOD009"
    name = "skip-keys"
    guide = GUIDE
    bad = """
        from diffusers.configuration_utils import ConfigMixin, register_to_config
        from diffusers.models.modeling_utils import ModelMixin


        class TinyModel(ModelMixin, ConfigMixin):
            _skip_keys = ["kv_caches"]  #!

            @register_to_config
            def __init__(self, num_layers: int = 2):
                super().__init__()

            def forward(self, hidden_states, kv_cache=None, return_dict: bool = True):
                return hidden_states
    """
    good = bad.replace("kv_caches", "kv_cache").replace("  #!", "")

    def check(self, module: Module) -> Iterator[Finding]:
        for cls in module.classes.values():
            own = cls.own_attributes.get("_skip_keys")
            if own is None or not cls.is_module or cls.method("forward") is None:
                continue
            taken = self._taken(cls)
            for key in own.value.strings:
                if taken is not None and key not in taken:
                    message = f"`_skip_keys` names `{key}`, which neither `{cls.name}.forward` nor its parts' take"
                    yield self.finding(module, own.span, message, cls)

    def _taken(self, cls: Class) -> set[str] | None:
        """The arguments of all forwards below a model; None where one takes any."""
        taken: set[str] = set()
        for part in cls.all_parts():
            forward = part.method("forward")
            for parameter in forward.facts.parameters if forward else ():
                if parameter.kind == "**" and part is cls:
                    return None
                taken.add(parameter.name)
        return taken
