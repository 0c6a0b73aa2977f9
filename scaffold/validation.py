"""What a spec must satisfy beyond the types of its fields: names that meet, numbers that fit, stages that can run."""

from __future__ import annotations

import dataclasses
import itertools
import keyword
import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Any

from scaffold.expressions import ExpressionError, check_expression, evaluate
from scaffold.parts import Declaration, Library, Parameter, Part
from scaffold.spec import Spec
from scaffold.spec.blocks import Stage
from scaffold.spec.interface import Draw
from scaffold.spec.pipelines import PICTURE, SLOTS, arguments_of


_NAME = re.compile(r"[a-z][a-z0-9]*([-_.][a-z0-9]+)*")
_KEY = re.compile(r"[\w.{}-]+")
_BREAKING = ("\\", '"""', "\0")
_IDENTIFIERS = ("attribute", "argument", "block")
_ANNOTATION = re.compile(r"[\w.\[\], |]+")
# The streams of each kind of stage, and the argument of a block's forward that carries each.
_ARGUMENTS = {
    "apart": {"image": "hidden_states", "text": "encoder_hidden_states"},
    "joined": {"joint": "hidden_states"},
    "joined_video_first": {"joint": "hidden_states"},
    "alone": {"video": "hidden_states"},
}
_TYPES = {
    "int": (int,),
    "float": (float, int),
    "bool": (bool,),
    "bool | None": (bool, type(None)),
    "str": (str,),
    "int | None": (int, type(None)),
    "str | None": (str, type(None)),
    "tuple[int, ...]": (list,),
    # Where the list itself is the default, as it is in diffusers' class.
    "Sequence[int]": (list,),
}
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


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong: its place, what was expected, and the names among which the right one may be."""

    steps: tuple[str | int, ...]
    reason: str
    given: str | None = None
    known: tuple[str, ...] = ()
    on_key: bool = False


def first_problem(spec: Spec, data: Any, library: Library) -> Problem | None:
    """The first problem in the order in which a person reads the file, or `None`.

    Args:
        spec: the architecture, as read.
        data: the same as plain values.
        library: the components that it may use.
    """
    problems = itertools.chain(
        _names(spec),
        _texts(data),
        _layout(spec, library),
        _config(spec),
        _derived(spec),
        _published(spec),
        _forward(spec),
        _components(spec, library),
        _pipeline(spec, library),
        _stages(spec),
        _weights(spec),
        _tiny(spec),
    )
    return next(problems, None)


def _layout(spec: Spec, library: Library) -> Iterator[Problem]:
    layouts = library.layouts()
    if spec.layout not in layouts:
        yield Problem(("layout",), f"{spec.layout!r} is none of {', '.join(layouts)}", spec.layout, layouts)


def _names(spec: Spec) -> Iterator[Problem]:
    if not _NAME.fullmatch(spec.name) or keyword.iskeyword(spec.package):
        yield Problem(("name",), f"{spec.name!r} cannot name a folder that Python imports; use a-z, 0-9, - and _")
    for key in ("prefix", "model"):
        name = getattr(spec, key)
        if not name.isidentifier():
            yield Problem((key,), f"{name!r} is not a Python name")


def _texts(data: Any) -> Iterator[Problem]:
    """Every text ends up in source code, as a name, a string or prose; none of them may end what it stands in."""
    for place, text in _walk(data, ()):
        if any(mark in text for mark in _BREAKING):
            yield Problem(place, 'a text cannot hold a backslash or """, because it becomes source code')
        elif place[-1] in _IDENTIFIERS and not text.isidentifier():
            yield Problem(place, f"{text!r} is not a Python name")
        elif place[0] == "weights" and not _KEY.fullmatch(text):
            yield Problem(place, f"{text!r} is not the name of a tensor")


def _walk(value: object, place: tuple[str | int, ...]) -> Iterator[tuple[tuple[str | int, ...], str]]:
    if isinstance(value, str):
        yield place, value
    elif isinstance(value, dict):
        for key, each in value.items():
            yield from _walk(each, (*place, key))
    elif isinstance(value, (list, tuple)):
        for index, each in enumerate(value):
            yield from _walk(each, (*place, index))


def _config(spec: Spec) -> Iterator[Problem]:
    for key, entry in spec.config.items():
        place = ("config", key)
        if not key.isidentifier() or keyword.iskeyword(key):
            yield Problem(place, f"{key!r} is not a Python name", on_key=True)
        if entry.type not in _TYPES:
            yield Problem((*place, "type"), f"{entry.type!r} is none of {', '.join(_TYPES)}")
        elif not _is_of_type(entry.default, entry.type):
            yield Problem((*place, "default"), f"expected {entry.type}, got {entry.default!r}")


def _is_of_type(value: object, kind: str) -> bool:
    # YAML's `true` is an int to Python, and never what a size means.
    if isinstance(value, bool):
        return bool in _TYPES[kind]
    return isinstance(value, _TYPES[kind])


def _derived(spec: Spec) -> Iterator[Problem]:
    known = set(spec.config)
    for name, formula in spec.derived.items():
        if not name.isidentifier() or keyword.iskeyword(name):
            yield Problem(("derived", name), f"{name!r} is not a Python name", on_key=True)
        yield from _formula(formula, ("derived", name), known)
        known.add(name)


def _formula(formula: object, place: tuple[str | int, ...], known: Collection[str]) -> Iterator[Problem]:
    try:
        check_expression(str(formula), known)
    except ExpressionError as error:
        yield Problem(place, str(error), error.unknown, tuple(known))


def _forward(spec: Spec) -> Iterator[Problem]:
    optional = None
    for name, argument in spec.forward.items():
        place = ("forward", name)
        if not name.isidentifier() or keyword.iskeyword(name):
            yield Problem(place, f"{name!r} is not a Python name", on_key=True)
        if not _ANNOTATION.fullmatch(argument.type):
            yield Problem((*place, "type"), f"{argument.type!r} is not an annotation")
        if argument.required and optional:
            yield Problem(place, f"it has no default, but {optional!r} before it has one", on_key=True)
        optional = optional or (None if argument.required else name)
        features = spec.features.__struct_fields__
        if argument.feature is not None and argument.feature not in features:
            yield Problem((*place, "feature"), f"{argument.feature!r} is not a feature", argument.feature, features)
        if argument.draw is not None:
            yield from _draw(spec, argument.draw, (*place, "draw"))


def _draw(spec: Spec, draw: Draw, place: tuple[str | int, ...]) -> Iterator[Problem]:
    given = [name for name in draw.__struct_fields__ if getattr(draw, name)]
    if len(given) != 1:
        yield Problem(place, f"expected exactly one of {', '.join(draw.__struct_fields__)}")
    known = {**spec.config, **spec.tiny.sizes}
    for name in given:
        for index, size in enumerate(getattr(draw, name)):
            if name != "each":
                yield from _formula(size, (*place, name, index), known)
                continue
            for axis, each in enumerate(size):
                yield from _formula(each, (*place, name, index, axis), known)


def _components(spec: Spec, library: Library) -> Iterator[Problem]:
    slots = tuple(slot for slot in library.slots() if slot not in SLOTS)
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
            yield from _requirements(spec, part, declared, place)


def _kind(library: Library, slot: str, part: Part, place: tuple[str | int, ...]) -> Iterator[Problem]:
    kinds = library.kinds(slot)
    if part.kind not in kinds:
        key = "op" if slot == "sublayer" else "kind"
        yield Problem((*place, key), f"{part.kind!r} is none of {', '.join(kinds)}", part.kind, kinds)


def _pipeline(spec: Spec, library: Library) -> Iterator[Problem]:
    """Parts of the pipeline that do not go with each other, with the model, or with the arguments of a call."""
    if spec.pipeline is None:
        return
    for slot, part in spec.pipeline.parts():
        yield from _kind(library, slot, part, ("pipeline", slot))
    declared = {slot: library.declaration(slot, part.kind) for slot, part in spec.pipeline.parts()}
    arguments = arguments_of(tuple(declared.values()))
    offered = [name for each in declared.values() for name in (*each.offers, *each.computes)]
    readable = ("latents", "timestep", "rounded_timestep", *arguments, *offered)
    for slot, part in spec.pipeline.parts():
        scope = (*spec.config, *spec.derived, *(readable if slot == "transformer" else ()))
        for problem in _parameters(part.given, declared[slot].parameters, ("pipeline", slot), scope):
            if "arguments" in problem.steps and problem.given:
                reason = f"{problem.given!r} is nothing that the parts of this pipeline offer"
                problem = dataclasses.replace(problem, reason=reason)
            yield problem
    for name in spec.pipeline.call:
        if name not in arguments:
            reason = f"{name!r} is no argument that the parts of this pipeline bring"
            yield Problem(("pipeline", "call", name), reason, name, tuple(arguments), on_key=True)
    for name, argument in arguments.items():
        if not argument.optional and name not in spec.pipeline.call:
            yield Problem(("pipeline", "call"), f"the argument `{name}` is missing: {argument.doc}")
    if spec.pipeline.image_to_image is not None:
        place = ("pipeline", "image_to_image", "call")
        call, known = spec.pipeline.image_to_image.call, (*PICTURE, *spec.pipeline.call)
        for name in call:
            if name not in known:
                reason = f"{name!r} is no argument of this pipeline, with or without a picture"
                yield Problem((*place, name), reason, name, known, on_key=True)
        checked = {name: argument for name, argument in arguments.items() if argument.checked and name in known}
        for name, argument in (PICTURE | checked).items():
            if name not in call:
                yield Problem(place, f"the argument `{name}` is missing: {argument.doc}")
    for name in spec.pipeline.transformer.given["arguments"]:
        if name not in spec.forward:
            reason = f"{name!r} is not an argument of `forward`"
            where = ("pipeline", "transformer", "arguments", name)
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
        yield from _formula(value, place, scope)
    elif parameter.type == "expressions":
        for name, formula in value.items():
            if not str(name).isidentifier():
                yield Problem((*place, name), f"{name!r} is not a Python name", on_key=True)
            yield from _formula(formula, (*place, name), scope)
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


def _requirements(spec: Spec, part: Part, declared: Declaration, place: tuple[str | int, ...]) -> Iterator[Problem]:
    """Formulas of a component that do not hold in one of the configurations that the spec names."""
    if place[0] == "stages":
        return
    for changes_at, changes in {(): {}, **_configurations(spec)}.items():
        values = _evaluated(spec, changes)
        if values is None:
            continue
        for requirement in declared.requires:
            try:
                own = {
                    name: evaluate(str(part.given.get(name, parameter.default)), values)
                    for name, parameter in declared.parameters.items()
                    if parameter.type == "expression"
                }
                holds = evaluate(requirement.formula, own)
            except (ArithmeticError, TypeError, LookupError, ValueError, NameError, SyntaxError):
                # What is wrong with these values is said where they stand.
                continue
            if holds:
                continue
            blamed = str(part.given[requirement.blames])
            at = ("config", blamed, "default") if not changes_at else (*changes_at, blamed)
            at = at if not changes_at or blamed in changes else changes_at
            yield Problem(at if blamed in spec.config else place, _filled_in(requirement.message, own))


def _filled_in(message: str, values: dict[str, Any]) -> str:
    return re.sub(r"\{(.*?)\}", lambda formula: str(evaluate(formula.group(1), values)), message)


def _evaluated(spec: Spec, changes: dict[str, Any]) -> dict[str, Any] | None:
    """The values of config entries and derived attributes in one configuration; `None` where they cannot be had."""
    values = {key: entry.default for key, entry in spec.config.items()} | changes
    try:
        for name, formula in spec.derived.items():
            values[name] = evaluate(formula, values)
    except (ArithmeticError, TypeError, LookupError, ValueError):
        return None
    return values


def _stages(spec: Spec) -> Iterator[Problem]:
    for index, stage in enumerate(spec.stages):
        place = ("stages", index)
        yield from _config_key(spec, (*place, "count"), stage.count)
        for name, count in stage.also.items():
            if not name.isidentifier() or keyword.iskeyword(name):
                yield Problem((*place, "also", name), f"{name!r} is not a Python name", on_key=True)
            yield from _formula(count, (*place, "also", name), spec.config)
        for name, formula in stage.arguments.items():
            if not name.isidentifier() or keyword.iskeyword(name):
                yield Problem((*place, "arguments", name), f"{name!r} is not a Python name", on_key=True)
            yield from _formula(formula, (*place, "arguments", name), {**spec.config, **spec.derived, "index": 0})
        yield from _stream_names(stage, place)
        for name, stream in stage.streams.items():
            if stream.until is not None and stream.until not in stage.arguments:
                reason = f"{stream.until!r} is not an argument of this block"
                yield Problem((*place, "streams", name, "until"), reason, stream.until, tuple(stage.arguments))
        for position, step in enumerate(stage.program):
            if step.when is not None:
                yield from _condition(step.when, (*place, "program", position, "when"), stage)
            for key in ("norms", "norms_after"):
                for name in getattr(step, key):
                    if name not in stage.streams:
                        steps = (*place, "program", position, key, name)
                        reason = f"{name!r} is not a stream of this stage"
                        yield Problem(steps, reason, name, tuple(stage.streams), on_key=True)
        yield from _shared_modulation(spec, stage, place)


def _condition(formula: str, place: tuple[str | int, ...], stage: Stage) -> Iterator[Problem]:
    for problem in _formula(formula, place, stage.arguments):
        reason = f"{problem.given!r} is not an argument of this block" if problem.given else problem.reason
        yield dataclasses.replace(problem, reason=reason)


def _config_key(spec: Spec, steps: tuple[str | int, ...], key: str) -> Iterator[Problem]:
    if key not in spec.config:
        yield Problem(steps, f"{key!r} is not an entry of `config`", key, tuple(spec.config))


def _stream_names(stage: Stage, place: tuple[str | int, ...]) -> Iterator[Problem]:
    wanted = _ARGUMENTS[stage.kind]
    given = {name: stream.argument for name, stream in stage.streams.items()}
    if given != wanted:
        expected = " and ".join(f"{name!r} with the argument {argument}" for name, argument in wanted.items())
        yield Problem((*place, "streams"), f"a stage of kind {stage.kind!r} has the stream(s) {expected}")


def _shared_modulation(spec: Spec, stage: Stage, place: tuple[str | int, ...]) -> Iterator[Problem]:
    """Streams that read a shared layer which is not there, or gives them more or less than they use."""
    shared = spec.components.get("modulation")
    sources = shared.given.get("sources", {}) if shared else {}
    for name, stream in stage.streams.items():
        if stream.modulation.kind != "shared":
            continue
        source = stream.modulation.given.get("source")
        if source not in sources:
            yield Problem(
                (*place, "streams", name, "modulation", "source"),
                f"{source!r} is not one of `components.modulation.sources`",
                str(source),
                tuple(sources),
            )
            continue
        uses = [step.name for step in stage.program if name in step.norms]
        if len(uses) != sources[source]["sets"]:
            yield Problem(
                (*place, "program"),
                f"stream {name!r} is in {len(uses)} step(s), but {source!r} gives "
                f"{sources[source]['sets']} set(s) of modulation",
            )


def _weights(spec: Spec) -> Iterator[Problem]:
    if spec.weights is None:
        return
    originals: set[tuple[str, str | None]] = set()
    targets: set[str] = set()
    for index, rule in enumerate(spec.weights.rules):
        place = ("weights", "rules", index)
        if rule.parts and (len(rule.parts) != len(rule.targets) or min(rule.parts) < 1):
            reason = f"expected one positive number for each of the names, which are {len(rule.targets)}"
            yield Problem((*place, "parts"), reason)
        if rule.rounds is not None and (rule.rounds < 2 or rule.parts or rule.swap_halves):
            yield Problem((*place, "rounds"), "expected a number from 2 on, without `parts` and `swap_halves`")
        for original, becomes in rule.tensors:
            if (original, rule.beside) in originals:
                yield Problem((*place, "original"), f"{original!r} has a rule already")
            if rule.beside is not None and "{" in original:
                yield Problem((*place, "beside"), "a rule for names in blocks cannot have it")
            originals.add((original, rule.beside))
            for target in becomes:
                if target in targets:
                    yield Problem((*place, "diffusers"), f"{target!r} is already what another name becomes")
                if any(target.count(number) != original.count(number) for number in ("{}", "{last}")):
                    yield Problem((*place, "diffusers"), f"{target!r} needs as many {{}} as {original!r}")
                targets.add(target)
    for name in spec.weights.told_by.shapes if spec.weights.told_by else ():
        if name not in spec.published:
            reason = f"{name!r} is not a published configuration"
            yield Problem(("weights", "told_by", "shapes", name), reason, name, tuple(spec.published), on_key=True)
    for index, key in enumerate(spec.weights.unseen):
        yield from _config_key(spec, ("weights", "unseen", index), key)
    for key, measure in spec.weights.detect.items():
        where = ("weights", "detect", key)
        yield from _config_key(spec, where, key)
        given = [name for name in ("size", "blocks", "present", "numbers") if getattr(measure, name) is not None]
        if len(given) != 1:
            yield Problem(where, "expected exactly one of `size`, `blocks`, `present`, `numbers`")


def _configurations(spec: Spec) -> dict[tuple[str, ...], dict[str, Any]]:
    """The places that give the config other values, with these values."""
    places: dict[tuple[str, ...], dict[str, Any]] = {("tiny", "config"): spec.tiny.config}
    for name, published in spec.published.items():
        places["published", name, "config"] = published.config
    return places


def _published(spec: Spec) -> Iterator[Problem]:
    for place, config in _configurations(spec).items():
        for key, value in config.items():
            if key not in spec.config:
                reason = f"{key!r} is not an entry of `config`"
                yield Problem((*place, key), reason, key, tuple(spec.config), on_key=True)
            elif not _is_of_type(value, spec.config[key].type):
                yield Problem((*place, key), f"expected {spec.config[key].type}, got {value!r}")


def _tiny(spec: Spec) -> Iterator[Problem]:
    """Sizes that the pipeline's other tiny components are made to fit."""
    # Text has a component of its own, or is embedded beside the time.
    wanted = (("image", "channels"), ("text", "channels"), ("time", "text")) if spec.pipeline else ()
    for slot, parameter in wanted:
        if slot not in spec.components or parameter not in spec.components[slot].given:
            continue
        key = str(spec.components[slot].given[parameter])
        if key not in spec.tiny.config:
            yield Problem(("tiny", "config"), f"{key!r} is missing; the other tiny components are made to fit it")
