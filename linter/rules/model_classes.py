"""MOD: model classes, what they declare and what their declarations name."""

from __future__ import annotations

from collections.abc import Iterator

from linter.facts import FunctionFacts
from linter.findings import Finding, Severity
from linter.project import Class, Module
from linter.rules.base import Rule


GUIDE = "models.md#model-classes"
REGISTER = "register_to_config"


def is_registered(init: FunctionFacts) -> bool:
    """Whether an `__init__` is decorated with `@register_to_config`."""
    return any(decorator.path.rpartition(".")[2] == REGISTER for decorator in init.decorators)


def is_container(cls: Class) -> bool:
    """Whether a model only holds other models that are given to it, so that it has nothing of its own to save."""
    init = cls.own_methods.get("__init__")
    given = {parameter.name for parameter in init.facts.parameters} if init else set()
    return init is not None and any(
        call.path.endswith("ModuleList") and call.arguments and call.arguments[0].path in given
        for call in init.facts.calls
    )


def repeated_blocks(cls: Class) -> list[Class]:
    """The project's classes that a model builds in module lists: its blocks."""
    found: list[Class] = []
    for ancestor in cls.ancestors:
        init = ancestor.own_methods.get("__init__") if isinstance(ancestor, Class) else None
        if init is None:
            continue
        for call in init.facts.calls:
            if call.parent < 0 or not init.facts.calls[call.parent].path.endswith("ModuleList"):
                continue
            block = init.module.find(call.path, init.facts)
            if isinstance(block, Class) and block.is_module and block not in found:
                found.append(block)
    return found


def class_names(cls: Class) -> set[str]:
    """The last names of all classes that the model builds at any depth, of other projects too."""
    names: set[str] = set()
    for part in cls.all_parts():
        for ancestor in part.ancestors:
            init = ancestor.own_methods.get("__init__") if isinstance(ancestor, Class) else None
            if init is not None:
                names.update(call.method for call in init.facts.calls)
        names.add(part.name)
    return names


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


class RegisterToConfig(Rule):
    """The `__init__` of a model with a config is not decorated with `@register_to_config`.

    ## What it does
    Checks models that inherit `ModelMixin` and `ConfigMixin` and define `__init__` with parameters.

    ## Why is this bad?
    The saved config stays empty, and `from_pretrained` builds the model with its defaults, whatever it was saved with.

    ## Fix safety
    No fix yet.

    ## Exceptions
    An `__init__` that calls `self.register_to_config(...)` itself, and containers of models that are given to it.
    """

    code = "MOD002"
    name = "register-to-config"
    guide = GUIDE
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
            if init is None or not (cls.is_model and cls.inherits("ConfigMixin")) or is_registered(init.facts):
                continue
            if is_container(cls):
                continue
            by_hand = any(call.path == f"self.{REGISTER}" for call in init.facts.calls)
            if len(init.facts.parameters) > 1 and not by_hand:
                message = f"`{cls.name}.__init__` is not decorated with `@{REGISTER}`"
                yield self.finding(module, init.facts.header, message, init)


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
            if is_registered(init.facts):
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


class _NamesOfClasses(Rule):
    """What `_no_split_modules` and `_repeated_blocks` share: a list of class names of the model's own parts."""

    attribute: str
    consequence: str

    def check(self, module: Module) -> Iterator[Finding]:
        for cls in module.classes.values():
            if not cls.is_model:
                continue
            value = cls.attribute(self.attribute)
            own = cls.own_attributes.get(self.attribute)
            if own is not None and own.value.kind == "sequence":
                known = class_names(cls)
                for name in own.value.strings:
                    if name not in known and not self._built_elsewhere(cls):
                        message = f"`{self.attribute}` of `{cls.name}` names `{name}`, which the model does not build"
                        yield self.finding(module, own.span, message, cls)
            elif own is None and (value is None or value.kind == "none" or not (value.items or value.text)):
                blocks = repeated_blocks(cls)
                if blocks and not cls.has_unknown_base_class:
                    names = ", ".join(f'"{block.name}"' for block in blocks)
                    message = (
                        f"`{cls.name}` declares no `{self.attribute}` ({self.consequence}); its blocks are {names}"
                    )
                    yield self.finding(module, cls.facts.header, message, cls, severity=Severity.WARNING)

    def _built_elsewhere(self, cls: Class) -> bool:
        """Whether parts come from calls that cannot be followed: a class held in a variable, or a factory function."""
        for part in cls.all_parts():
            init = part.own_methods.get("__init__")
            for call in init.facts.calls if init else ():
                local = call.path in init.facts.local_names if init else False
                factory = call.path.rpartition(".")[2].startswith(("get_", "make_", "create_", "build_", "from_"))
                if call.assigned.startswith("self.") and (local or factory or call.path.endswith("[]")):
                    return True
        return cls.has_unknown_base_class


class NoSplitNames(_NamesOfClasses):
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


class RepeatedBlockNames(_NamesOfClasses):
    """`_repeated_blocks` names a class that the model does not build, or is missing.

    ## What it does
    Compares the names with the classes that the model's `__init__` builds, at any depth. Missing altogether is a
    warning, for models with a list of blocks.

    ## Why is this bad?
    `compile_repeated_blocks` raises without the list; one wrong name among right ones leaves those blocks uncompiled
    in silence.

    ## Exceptions
    Models that build classes held in variables, where the names cannot be known.
    """

    code = "MOD005"
    name = "repeated-block-names"
    guide = GUIDE
    attribute = "_repeated_blocks"
    consequence = "`compile_repeated_blocks` raises"
    bad = NoSplitNames.bad.replace("_no_split_modules", "_repeated_blocks")
    good = NoSplitNames.good.replace("_no_split_modules", "_repeated_blocks")


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
            if cls.is_module and self._own_branch(cls) and not self._sets(cls):
                message = f"`{cls.name}` branches on `self.gradient_checkpointing` and never sets it in `__init__`"
                yield self.finding(module, cls.facts.header, message, cls)
            if not cls.is_model:
                continue
            flag = cls.attribute("_supports_gradient_checkpointing")
            supported = flag is not None and flag.text == "True"
            branching = [part for part in cls.all_parts() if self._branches(part)]
            own = cls.own_attributes.get("_supports_gradient_checkpointing")
            if supported and not branching and own is not None and not NoSplitNames()._built_elsewhere(cls):
                message = f"`{cls.name}` claims gradient checkpointing, and nothing it builds branches on it"
                yield self.finding(module, own.span, message, cls)
            if not supported and cls in branching and own is None:
                message = f"`{cls.name}` has a gradient-checkpointing branch and no `_supports_gradient_checkpointing`"
                yield self.finding(module, cls.facts.header, message, cls)

    def _own_branch(self, cls: Class) -> bool:
        return any(
            read.path == "self.gradient_checkpointing"
            for method in cls.own_methods.values()
            for read in method.facts.reads
            if read.test >= 0
        )

    def _branches(self, cls: Class) -> bool:
        return any(isinstance(ancestor, Class) and self._own_branch(ancestor) for ancestor in cls.ancestors)

    def _sets(self, cls: Class) -> bool:
        return (
            "gradient_checkpointing" in cls.assigned
            or cls.attribute("gradient_checkpointing") is not None
            or cls.has_unknown_base_class
        )
