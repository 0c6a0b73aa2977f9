"""MOD: model classes, what they declare and what their declarations name."""

from __future__ import annotations

from collections.abc import Iterator

from linter.facts import Call, Decorator
from linter.findings import Finding, Severity
from linter.project import Class, Function, Module
from linter.project.queries import kept_query
from linter.rules.base import Rule


GUIDE = "models.md#model-classes"


REGISTER = "register_to_config"
_LIST = "torch.nn.ModuleList"


def decorator_of(function: Function, name: str) -> Decorator | None:
    """The decorator of a function that is defined under a name, whatever the file calls it."""
    for decorator in function.facts.decorators:
        if (function.module.resolve(decorator.path) or decorator.path).rpartition(".")[2] == name:
            return decorator
    return None


def is_registered(init: Function) -> bool:
    """Whether an `__init__` is decorated with `@register_to_config`."""
    return decorator_of(init, REGISTER) is not None


def is_container(cls: Class) -> bool:
    """Whether a model only holds other models that are given to it, so that it has nothing of its own to save."""
    init = cls.own_methods.get("__init__")
    given = {parameter.name for parameter in init.facts.parameters} if init else set()
    return init is not None and any(
        call.arguments and call.arguments[0].path in given and init.target(call.path) == _LIST
        for call in init.facts.calls
    )


def repeated_blocks(cls: Class) -> list[Class]:
    """The project's classes that a model builds in module lists: its blocks."""
    found: list[Class] = []
    for ancestor in cls.ancestors:
        init = ancestor.own_methods.get("__init__") if isinstance(ancestor, Class) else None
        if init is None:
            continue
        lists = {index for index, call in enumerate(init.facts.calls) if init.target(call.path) == _LIST}
        for call in init.facts.calls:
            block = init.module.find(call.path, init.facts) if call.parent in lists else None
            if isinstance(block, Class) and block not in found:
                found.append(block)
    return found


@kept_query
def possible_parts(cls: Class) -> tuple[Class, ...]:
    """The classes of all modules that a model may own at any depth, itself included: those that are mentioned where
    it builds, in functions that this calls, too.
    """
    parts = [cls]
    for part in parts:
        building = [function for init in _inits(part) for function in init.reached]
        for function in building:
            parts.extend(found for found in _mentioned_modules(function) if found not in parts)
    return tuple(parts)


def class_names(cls: Class) -> set[str]:
    """The last names of all classes that the model may build at any depth, of other projects too."""
    names: set[str] = set()
    for part in possible_parts(cls):
        calls = [(init, call) for init in _inits(part) for call in init.facts.calls]
        names.update((init.target(call.path) or call.path).rpartition(".")[2] for init, call in calls)
        names.add(part.name)
    return names


def builds_unknown_parts(cls: Class) -> bool:
    """Whether parts come from calls that cannot be followed: a class out of a table or handed in, or another library's
    factory.
    """
    for part in possible_parts(cls):
        for init in _inits(part):
            given = {parameter.name for parameter in init.facts.parameters}
            if any(_is_unknown(init, call, given) for call in init.facts.calls if call.assigned.startswith("self.")):
                return True
    return cls.has_unknown_base_class


def _is_unknown(init: Function, call: Call, given: set[str]) -> bool:
    if call.path in given or call.path.endswith("[]"):
        return True
    makes = call.method.startswith(("get_", "make_", "create_", "build_", "from_"))
    return makes and init.callee(call) is None


def _inits(cls: Class) -> list[Function]:
    found = [ancestor.own_methods.get("__init__") for ancestor in cls.ancestors if isinstance(ancestor, Class)]
    return [init for init in found if init is not None]


def member_names(cls: Class) -> frozenset[str] | None:
    """The attribute names of all layers, parameters and buffers that a model owns at any depth; None where some cannot
    be known.
    """
    names: set[str] = set()
    parts = [cls]
    for part in parts:
        names |= part.assigned
        for ancestor in part.ancestors:
            if isinstance(ancestor, str):
                if part.has_unknown_base_class and not ancestor.startswith("torch.nn."):
                    return None
                continue
            init = ancestor.own_methods.get("__init__")
            if init is None:
                continue
            if any(_hides_names(init, call) for call in init.facts.calls):
                return None
            names.update(call.arguments[0].path[1:-1] for call in init.facts.calls if call.method in _REGISTERING)
            # Every class that is mentioned may be built, also through a variable that holds it.
            parts.extend(part for part in _mentioned_modules(init) if part not in parts)
    return frozenset(names)


_REGISTERING = ("register_buffer", "register_parameter", "add_module", "setattr")


def _mentioned_modules(function: Function) -> list[Class]:
    found = (
        function.module.find(name) for name in sorted(function.facts.body.names) if name.lstrip("_")[:1].isupper()
    )
    return [cls for cls in found if isinstance(cls, Class) and cls.is_module]


def _hides_names(init: Function, call: Call) -> bool:
    """Whether a call in `__init__` may bring layers whose own names cannot be seen: a class out of a table or that is
    handed in, a factory, another library's model.
    """
    if call.method in _REGISTERING:
        return not call.arguments or not call.arguments[0].path.startswith("'")
    if not call.assigned.startswith("self."):
        return False
    if call.path.endswith("[]") or any(call.path == parameter.name for parameter in init.facts.parameters):
        return True
    target = init.target(call.path)
    if target.startswith("torch."):
        return call.method.startswith(("Transformer", "MultiheadAttention"))
    callee = init.callee(call)
    if isinstance(callee, Function):
        return bool(_mentioned_modules(callee))
    # A variable holds a class that is mentioned where it is assigned; any other name may be another library's.
    return callee is None and call.path not in init.facts.local_names and call.method[:1].isupper()


class NamesOfClasses(Rule):
    """What `_no_split_modules` and `_repeated_blocks` share: a list of class names of the model's own parts."""

    attribute: str
    consequence: str

    def check(self, module: Module) -> Iterator[Finding]:
        for cls in module.classes.values():
            if not cls.is_model:
                continue
            value = cls.attribute(self.attribute)
            own = cls.own_attributes.get(self.attribute)
            if own is not None:
                known = class_names(cls)
                for name in own.value.strings:
                    if name not in known and not builds_unknown_parts(cls):
                        message = f"`{self.attribute}` of `{cls.name}` names `{name}`, which the model does not build"
                        yield self.finding(module, own.span, message, cls)
            elif value is None or value.kind == "none" or not (value.items or value.text):
                blocks = repeated_blocks(cls)
                if blocks and not cls.has_unknown_base_class:
                    names = ", ".join(f'"{block.name}"' for block in blocks)
                    message = (
                        f"`{cls.name}` declares no `{self.attribute}` ({self.consequence}); its blocks are {names}"
                    )
                    yield self.finding(module, cls.facts.header, message, cls, severity=Severity.WARNING)
