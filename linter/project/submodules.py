"""Where a dotted submodule name such as `blocks.*.attn` leads in a model, as far as its classes say."""

from __future__ import annotations

from dataclasses import dataclass

from linter.facts import Call
from linter.project import Class, Function


_COUNTING = ("range", "len", "zip", "enumerate", "reversed")
"""The builtins that say how many elements a list of modules gets."""


@dataclass(frozen=True)
class Place:
    """What a name leads to.

    `classes` are the project's classes that may stand there, none where that is not known; `missing` is the part of
    the name that nothing has, with `owner`, the class that lacks it; `no_list` says that what a `*` follows is no
    list.
    """

    classes: tuple[Class, ...] = ()
    missing: str = ""
    owner: str = ""
    no_list: bool = False


def place_of(model: Class, name: str) -> Place:
    """Where a dotted name leads: attributes, and `*` or a number for the elements of a `ModuleList`."""
    here: tuple[Class, ...] = (model,)
    # The classes of the elements, where the name so far leads to a list.
    inside: tuple[Class, ...] = ()
    is_list = False
    for part in name.split(".") if name else ():
        if part == "*" or part.isdigit():
            if not is_list:
                return Place(missing=part, owner=here[0].name, no_list=True) if here and part == "*" else Place()
            here, inside, is_list = inside, (), False
        elif is_list:
            return Place(missing=part, owner="ModuleList")
        else:
            lacking = next((cls for cls in here if lacks(cls, part)), None)
            if lacking is not None and all(lacks(cls, part) for cls in here):
                return Place(missing=part, owner=lacking.name)
            built = _built(here[0], part) if len(here) == 1 else []
            is_list = bool(built) and all(call.method == "ModuleList" for _, call in built)
            found = _classes(built)
            here, inside = ((), found) if is_list else (found, ())
        if not here and not is_list:
            return Place()
    return Place(() if is_list else here)


def lacks(cls: Class, name: str) -> bool:
    """Whether a module surely has no such attribute."""
    if cls.has_unknown_base_class or any(_is_layer_of_torch(base) for base in cls.ancestors):
        return False
    own = [base for base in cls.ancestors if isinstance(base, Class)]
    calls = [call for base in own for method in base.own_methods.values() for call in method.facts.calls]
    return (
        name not in cls.assigned
        and cls.attribute(name) is None
        and cls.method(name) is None
        and not any(_may_register(call, name) for call in calls)
    )


def _is_layer_of_torch(base: Class | str) -> bool:
    return isinstance(base, str) and base.startswith("torch.nn.") and base != "torch.nn.Module"


def _may_register(call: Call, name: str) -> bool:
    """Whether a call may give a module an attribute under a name."""
    if call.method == "setattr":
        return len(call.arguments) < 2 or call.arguments[1].path in (f"'{name}'", "?") or _is_variable(call, 1)
    if call.method in ("add_module", "register_module", "register_parameter", "register_buffer"):
        return not call.arguments or call.arguments[0].path == f"'{name}'" or _is_variable(call, 0)
    return False


def _is_variable(call: Call, place: int) -> bool:
    return len(call.arguments) > place and call.arguments[place].path[:1] not in ("'", '"')


def _built(cls: Class, name: str) -> list[tuple[Function, Call]]:
    """The outermost calls that `__init__`s assign to an attribute; none where something else is assigned too."""
    found = []
    for base in cls.ancestors:
        init = base.own_methods.get("__init__") if isinstance(base, Class) else None
        if init is None:
            continue
        target = f"self.{name}"
        calls = [call for call in init.facts.calls if call.assigned == target and call.parent < 0]
        others = [
            write
            for write in init.facts.writes
            if write.target == target and not write.value.endswith("()") and write.value != "None"
        ]
        if others:
            return []
        found += [(init, call) for call in calls]
    return found


def _classes(built: list[tuple[Function, Call]]) -> tuple[Class, ...]:
    """The project's classes that calls make, or put into the lists that they make; none where one is not known."""
    found: list[Class] = []
    for init, call in built:
        made = [call]
        if call.method == "ModuleList":
            place = next(index for index, other in enumerate(init.facts.calls) if other is call)
            inside = [other for other in init.facts.calls if other.parent == place]
            made = [other for other in inside if init.target(other.path) not in _COUNTING]
        for part in made:
            cls = init.module.find(part.path, init.facts)
            if not isinstance(cls, Class) or not cls.is_module:
                return ()
            if cls not in found:
                found.append(cls)
    return tuple(found)
