"""Whether the parts of a spec fit what the library declares: kinds, parameters, arguments of a pipeline's call."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Iterator, Mapping
from typing import Any

import msgspec

from scaffold.parts import Library, Parameter, Part
from scaffold.spec import Spec
from scaffold.spec.pipelines import FIRST_FRAME, PICTURE, SLOTS, Pipeline, arguments_of
from scaffold.validation.config import unmet_requirements
from scaffold.validation.problem import Problem, formula_problems


# What a parameter of a component is called in a message, and what YAML has for it.
_PARAMETER_TYPES: dict[str, tuple[str, tuple[type, ...]]] = {
    "name": ("a name", (str,)),
    "names": ("a list of names", (list,)),
    "path": ("names with dots between them", (str,)),
    "expressions": ("a mapping", (dict,)),
    "expression": ("a formula or a number", (str, int, float, list, bool)),
    "int": ("a whole number", (int,)),
    "ints": ("a list of whole numbers", (list,)),
    "float": ("a number", (float, int)),
    "bool": ("true or false", (bool,)),
    "text": ("text", (str,)),
    "choice": ("text", (str,)),
    "order": ("a list", (list,)),
    "records": ("a mapping", (dict,)),
}


def layout(spec: Spec, library: Library) -> Iterator[Problem]:
    """A layout that the library does not have."""
    layouts = library.layouts()
    if spec.layout not in layouts:
        yield Problem(("layout",), f"{spec.layout!r} is none of {', '.join(layouts)}", spec.layout, layouts)


def components(spec: Spec, library: Library) -> Iterator[Problem]:
    """Components that the library does not have, or not with these parameters."""
    slots = tuple(slot for slot in library.slots() if slot not in (*SLOTS, FIRST_FRAME))
    for place, slot, part in spec.parts():
        if slot not in slots:
            yield Problem(place, f"{slot!r} is no slot for a component", slot, slots, on_key=True)
            continue
        for problem in _kind(library, slot, part, place):
            yield problem
            break
        else:
            declared = library.declaration(slot, part.kind)
            yield from _parameters(part.given, declared.parameters, place, _names_in_scope(spec, place))
            yield from unmet_requirements(spec, part, declared, place)


def _kind(library: Library, slot: str, part: Part, place: tuple[str | int, ...]) -> Iterator[Problem]:
    kinds = library.kinds(slot)
    if part.kind not in kinds:
        key = "op" if slot == "sublayer" else "kind"
        yield Problem((*place, key), f"{part.kind!r} is none of {', '.join(kinds)}", part.kind, kinds)


def pipeline(spec: Spec, library: Library) -> Iterator[Problem]:
    """Parts of the pipelines that do not go with each other, with the model, or with the arguments of a call."""
    if spec.pipeline is None:
        return
    yield from _whole(spec, library, spec.pipeline, dict(spec.pipeline.parts()), ("pipeline",))
    yield from _redrawing(spec, library, spec.pipeline, ("pipeline",))
    if spec.pipeline.distilled is not None and spec.pipeline.in_few_steps is not None:
        few = spec.pipeline.distilled
        place = ("pipeline", "distilled")
        yield from _whole(spec, library, spec.pipeline.in_few_steps, dict(few.parts()), place)
        yield from _entries(spec, few.tiny, place)
        yield from _redrawing(spec, library, spec.pipeline.in_few_steps, place)
    if spec.pipeline.image_to_video is not None and spec.pipeline.from_picture is not None:
        second = spec.pipeline.image_to_video
        here = ("pipeline", "image_to_video")
        yield from _whole(spec, library, spec.pipeline.from_picture, dict(second.parts()), here)
        yield from _entries(spec, second.tiny, here)


def _redrawing(spec: Spec, library: Library, first: Pipeline, place: tuple[str, ...]) -> Iterator[Problem]:
    """What is wrong with the pipeline that begins with a picture, beside one of which this is the place."""
    second = first.image_to_image
    if second is None:
        return
    own, here = dict(second.parts()), (*place, "image_to_image")
    yield from _whole(spec, library, msgspec.structs.replace(first, **own), own, here)
    declared = [library.declaration(slot, part.kind) for slot, part in first.parts()]
    known = (*PICTURE, *first.call)
    for name in second.call:
        if name not in known:
            reason = f"{name!r} is no argument of this pipeline, with or without a picture"
            yield Problem((*here, "call", name), reason, name, known, on_key=True)
    arguments = arguments_of(declared).items()
    checked = {name: argument for name, argument in arguments if argument.checked and name in known}
    for name, argument in (PICTURE | checked).items():
        if name not in second.call:
            yield Problem((*here, "call"), f"the argument `{name}` is missing: {argument.doc}")


def _entries(spec: Spec, tiny: dict[str, Any], place: tuple[str, ...]) -> Iterator[Problem]:
    """Entries of the tiny transformer of a further pipeline that `config` does not have."""
    for name in tiny:
        if name not in spec.config:
            reason = f"{name!r} is not an entry of `config`"
            yield Problem((*place, "tiny", name), reason, name, tuple(spec.config), on_key=True)


def _whole(
    spec: Spec, library: Library, whole: Pipeline, written: Mapping[str, Part], place: tuple[str | int, ...]
) -> Iterator[Problem]:
    """What is wrong with one pipeline, of whose parts the spec writes some at this place."""
    for slot, part in written.items():
        yield from _kind(library, slot, part, (*place, slot))
    declared = {slot: library.declaration(slot, part.kind) for slot, part in whole.parts()}
    arguments = arguments_of(tuple(declared.values()))
    offered = [name for each in declared.values() for name in (*each.offers, *each.computes)]
    readable = ("latents", "timestep", "rounded_timestep", *arguments, *offered)
    for slot, part in written.items():
        scope = (*spec.config, *spec.derived, *(readable if slot == "transformer" else ()))
        for problem in _parameters(part.given, declared[slot].parameters, (*place, slot), scope):
            if "arguments" in problem.steps and problem.given:
                reason = f"{problem.given!r} is nothing that the parts of this pipeline offer"
                problem = dataclasses.replace(problem, reason=reason)
            yield problem
    for name in whole.call:
        if name not in arguments:
            reason = f"{name!r} is no argument that the parts of this pipeline bring"
            yield Problem((*place, "call", name), reason, name, tuple(arguments), on_key=True)
    for name, argument in arguments.items():
        if not argument.optional and name not in whole.call:
            yield Problem((*place, "call"), f"the argument `{name}` is missing: {argument.doc}")
    for name in whole.transformer.given["arguments"]:
        if name not in spec.forward:
            reason = f"{name!r} is not an argument of `forward`"
            where = (*place, "transformer", "arguments", name)
            yield Problem(where, reason, name, tuple(spec.forward), on_key=True)


def _names_in_scope(spec: Spec, place: tuple[str | int, ...]) -> Collection[str]:
    """What formulas at a place may read: in a block the arguments of its constructor, elsewhere the model's."""
    if place[0] == "stages":
        stage = spec.stages[int(place[1])]
        return ("dim", *stage.arguments)
    return (*spec.config, *spec.derived)


def _parameters(
    given: dict[str, Any], declared: dict[str, Parameter], place: tuple[str | int, ...], scope: Collection[str]
) -> Iterator[Problem]:
    for name, value in given.items():
        if name not in declared:
            known = tuple(declared)
            yield Problem((*place, name), f"{name!r} is not a parameter of this component", name, known, on_key=True)
        else:
            yield from _value(value, declared[name], (*place, name), scope)
    for name, parameter in declared.items():
        if name not in given and parameter.required:
            yield Problem(place, f"the key `{name}` is missing: {parameter.doc}")


def _value(
    value: Any, parameter: Parameter, place: tuple[str | int, ...], scope: Collection[str]
) -> Iterator[Problem]:
    expected, types = _PARAMETER_TYPES[parameter.type]
    if value is None and parameter.default is None:
        return
    if not _is_one_of(value, types):
        yield Problem(place, f"expected {expected}, got {value!r}")
    elif parameter.type == "expression":
        yield from formula_problems(value, place, scope)
    elif parameter.type == "expressions":
        for name, formula in value.items():
            if not str(name).isidentifier():
                yield Problem((*place, name), f"{name!r} is not a Python name", on_key=True)
            yield from formula_problems(formula, (*place, name), scope)
    elif parameter.type == "path" and not all(map(str.isidentifier, value.split("."))):
        yield Problem(place, f"{value!r} is not a name with its module")
    elif parameter.type == "choice" and value not in parameter.choices:
        yield Problem(place, f"{value!r} is none of {', '.join(parameter.choices)}", str(value), parameter.choices)
    elif parameter.type == "order" and sorted(map(str, value)) != sorted(parameter.default):
        yield Problem(place, f"expected each of {', '.join(parameter.default)} once")
    elif parameter.type == "name" and not value.isidentifier():
        yield Problem(place, f"{value!r} is not a Python name")
    elif parameter.type == "ints" and not all(type(each) is int for each in value):
        yield Problem(place, f"expected {expected}, got {value!r}")
    elif parameter.type == "names":
        for index, each in enumerate(value):
            if not isinstance(each, str) or not each.isidentifier():
                yield Problem((*place, index), f"{each!r} is not a Python name")
    elif parameter.type == "records":
        for name, record in value.items():
            if not str(name).isidentifier():
                yield Problem((*place, name), f"{name!r} is not a Python name", on_key=True)
            elif not isinstance(record, dict):
                yield Problem((*place, name), f"expected a mapping, got {record!r}")
            else:
                yield from _parameters(record, parameter.fields, (*place, name), scope)


def _is_one_of(value: object, types: tuple[type, ...]) -> bool:
    # To Python, YAML's `true` is a number too.
    return bool in types if isinstance(value, bool) else isinstance(value, types)
