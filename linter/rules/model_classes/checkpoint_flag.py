"""MOD007 checkpoint-flag."""

from __future__ import annotations

from collections.abc import Iterator

from linter.findings import Finding
from linter.project import Class, Module
from linter.project.queries import kept_query
from linter.rules.base import Rule
from linter.rules.model_classes import GUIDE, builds_unknown_parts, possible_parts


class CheckpointFlag(Rule):
    """`_supports_gradient_checkpointing` and the code disagree.

    ## What it does
    Finds models that set the flag while nothing they build branches on `self.gradient_checkpointing`, models with such
    branches and no flag, and classes that branch on the attribute without ever setting it.

    ## Why is this bad?
    With the flag alone `enable_gradient_checkpointing` succeeds and saves no memory. Without the flag it raises.

    ## Exceptions
    Models that build classes held in variables, where the branches cannot be seen.
    """

    code = "MOD007"
    name = "checkpoint-flag"
    guide = GUIDE
    bad = """
        from diffusers.configuration_utils import ConfigMixin, register_to_config
        from diffusers.models.modeling_utils import ModelMixin


        class TinyModel(ModelMixin, ConfigMixin):
            _supports_gradient_checkpointing = True  #!

            @register_to_config
            def __init__(self, num_layers: int = 2):
                super().__init__()

            def forward(self, hidden_states):
                return hidden_states
    """
    good = """
        import torch
        from diffusers.configuration_utils import ConfigMixin, register_to_config
        from diffusers.models.modeling_utils import ModelMixin


        class TinyModel(ModelMixin, ConfigMixin):
            _supports_gradient_checkpointing = True

            @register_to_config
            def __init__(self, num_layers: int = 2):
                super().__init__()
                self.gradient_checkpointing = False

            def forward(self, hidden_states):
                if torch.is_grad_enabled() and self.gradient_checkpointing:
                    return self._gradient_checkpointing_func(self.block, hidden_states)
                return self.block(hidden_states)
    """

    def check(self, module: Module) -> Iterator[Finding]:
        for cls in module.classes.values():
            if cls.is_module and _own_branch(cls) and not self._sets(cls):
                message = f"`{cls.name}` branches on `self.gradient_checkpointing` and never sets it in `__init__`"
                yield self.finding(module, cls.facts.header, message, cls)
            if not cls.is_model:
                continue
            flag = cls.attribute("_supports_gradient_checkpointing")
            supported = flag is not None and flag.text == "True"
            branching = branching_parts(cls)
            own = cls.own_attributes.get("_supports_gradient_checkpointing")
            if supported and not branching and own is not None and not builds_unknown_parts(cls):
                message = f"`{cls.name}` claims gradient checkpointing, and nothing it builds branches on it"
                yield self.finding(module, own.span, message, cls)
            if not supported and cls in branching and own is None:
                message = f"`{cls.name}` has a gradient-checkpointing branch and no `_supports_gradient_checkpointing`"
                yield self.finding(module, cls.facts.header, message, cls)

    def _sets(self, cls: Class) -> bool:
        return (
            "gradient_checkpointing" in cls.assigned
            or cls.attribute("gradient_checkpointing") is not None
            or cls.has_unknown_base_class
        )


def branching_parts(cls: Class) -> list[Class]:
    """The model and the classes that it may be built of, as far as they branch on `self.gradient_checkpointing`."""
    return [
        part
        for part in possible_parts(cls)
        if any(isinstance(ancestor, Class) and _own_branch(ancestor) for ancestor in part.ancestors)
    ]


@kept_query
def _own_branch(cls: Class) -> bool:
    """Whether a method asks for the attribute, in a test or to keep the answer for one."""
    return any(
        read.path == "self.gradient_checkpointing"
        for method in cls.own_methods.values()
        if method.facts.mentions("self.gradient_checkpointing")
        for read in method.facts.reads
    )
