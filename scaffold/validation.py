"""What a spec must satisfy beyond the types of its fields: names that meet, numbers that fit, stages that can run."""

from __future__ import annotations

import keyword
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import msgspec

from scaffold.spec import Spec, Stage


_NAME = re.compile(r"[a-z][a-z0-9]*([-_.][a-z0-9]+)*")
_KEY = re.compile(r"[\w.{}]+")
_BREAKING = ("\\", '"""', "\0")
_IDENTIFIERS = ("attribute", "argument", "block", "norm", "projection")
# The streams of each kind of stage, and the argument of a block's forward that carries each.
_ARGUMENTS = {
    "apart": {"image": "hidden_states", "text": "encoder_hidden_states"},
    "joined": {"joint": "hidden_states"},
}
_SLOTS = ("shift", "scale", "gate")
_TYPES = {
    "int": (int,),
    "float": (float, int),
    "bool": (bool,),
    "str": (str,),
    "int | None": (int, type(None)),
    "tuple[int, ...]": (list,),
}


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong: its place, what was expected, and the names among which the right one may be."""

    steps: tuple[str | int, ...]
    reason: str
    given: str | None = None
    known: tuple[str, ...] = ()
    on_key: bool = False


def first_problem(spec: Spec) -> Problem | None:
    """The first problem in the order in which a person reads the file, or `None`."""
    for check in (_names, _texts, _config, _dimensions, _modulation, _stages, _weights, _published, _tiny, _rope):
        for problem in check(spec):
            return problem
    return None


def _names(spec: Spec) -> Iterator[Problem]:
    if not _NAME.fullmatch(spec.name) or keyword.iskeyword(spec.package):
        yield Problem(("name",), f"{spec.name!r} cannot name a folder that Python imports; use a-z, 0-9, - and _")
    for key in ("prefix", "model"):
        name = getattr(spec, key)
        if not name.isidentifier():
            yield Problem((key,), f"{name!r} is not a Python name")


def _texts(spec: Spec) -> Iterator[Problem]:
    """Every text ends up in source code, as a name, a string or prose; none of them may end what it stands in."""
    for place, text in _walk(msgspec.to_builtins(spec), ()):
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
        return kind == "bool"
    return isinstance(value, _TYPES[kind])


def _dimensions(spec: Spec) -> Iterator[Problem]:
    for field in msgspec.structs.fields(spec.dimensions):
        yield from _config_key(spec, ("dimensions", field.name), getattr(spec.dimensions, field.name))
    position, time = spec.components.position, spec.components.time
    for place, key in (
        (("position", "axes"), position.axes),
        (("position", "theta"), position.theta),
        (("time", "channels"), time.channels),
        (("time", "guidance"), time.guidance),
    ):
        yield from _config_key(spec, ("components", *place), key)


def _config_key(spec: Spec, steps: tuple[str | int, ...], key: str) -> Iterator[Problem]:
    if key not in spec.config:
        yield Problem(steps, f"{key!r} is not an entry of `config`", key, tuple(spec.config))


def _modulation(spec: Spec) -> Iterator[Problem]:
    if sorted(spec.modulation.slots) != sorted(_SLOTS):
        yield Problem(
            ("modulation", "slots"), f"expected {', '.join(_SLOTS)} in the order in which the layer gives them"
        )


def _stages(spec: Spec) -> Iterator[Problem]:
    kinds = tuple(stage.kind for stage in spec.stages)
    if kinds != ("apart", "joined"):
        yield Problem(
            ("stages",), f"the layout {spec.layout!r} has a stage of kind 'apart', then one of kind 'joined'"
        )
    for index, stage in enumerate(spec.stages):
        place = ("stages", index)
        yield from _config_key(spec, (*place, "count"), stage.count)
        yield from _stream_names(stage, place)
        yield from _streams(spec, stage, place)


def _stream_names(stage: Stage, place: tuple[str | int, ...]) -> Iterator[Problem]:
    wanted = _ARGUMENTS[stage.kind]
    given = {name: stream.argument for name, stream in stage.streams.items()}
    if given != wanted:
        expected = " and ".join(f"{name!r} with the argument {argument}" for name, argument in wanted.items())
        yield Problem((*place, "streams"), f"a stage of kind {stage.kind!r} has the stream(s) {expected}")


def _streams(spec: Spec, stage: Stage, place: tuple[str | int, ...]) -> Iterator[Problem]:
    sources = spec.modulation.sources
    for index, step in enumerate(stage.program):
        for name in step.norms:
            if name not in stage.streams:
                steps = (*place, "program", index, "norms", name)
                reason = f"{name!r} is not a stream of this stage"
                yield Problem(steps, reason, name, tuple(stage.streams), on_key=True)
    for name, stream in stage.streams.items():
        if stream.modulation not in sources:
            yield Problem(
                (*place, "streams", name, "modulation"),
                f"{stream.modulation!r} is not one of `modulation.sources`",
                stream.modulation,
                tuple(sources),
            )
            return
        uses = [step.name for step in stage.program if name in step.norms]
        if len(uses) != sources[stream.modulation].sets:
            yield Problem(
                (*place, "program"),
                f"stream {name!r} is in {len(uses)} step(s), but {stream.modulation!r} gives "
                f"{sources[stream.modulation].sets} set(s) of modulation",
            )


def _weights(spec: Spec) -> Iterator[Problem]:
    originals: set[str] = set()
    targets: set[str] = set()
    for index, rule in enumerate(spec.weights.rules):
        place = ("weights", "rules", index)
        if rule.original in originals:
            yield Problem((*place, "original"), f"{rule.original!r} has a rule already")
        originals.add(rule.original)
        for target in rule.targets:
            if target in targets:
                yield Problem((*place, "diffusers"), f"{target!r} is already what another name becomes")
            if target.count("{}") != rule.original.count("{}"):
                yield Problem((*place, "diffusers"), f"{target!r} needs as many {{}} as {rule.original!r}")
            targets.add(target)
    for key, measure in spec.weights.detect.items():
        where = ("weights", "detect", key)
        yield from _config_key(spec, where, key)
        given = [name for name in ("size", "blocks", "present") if getattr(measure, name) is not None]
        if len(given) != 1:
            yield Problem(where, "expected exactly one of `size`, `blocks`, `present`")


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
    for key in (spec.dimensions.in_channels, spec.dimensions.text):
        if key not in spec.tiny.config:
            yield Problem(("tiny", "config"), f"{key!r} is missing; the other tiny components are made to fit it")


def _rope(spec: Spec) -> Iterator[Problem]:
    axes_key, head_key = spec.components.position.axes, spec.dimensions.head_dim
    defaults = {key: entry.default for key, entry in spec.config.items()}
    places: dict[tuple[str, ...], dict[str, Any]] = {("config", axes_key, "default"): {}, **_configurations(spec)}
    for place, changes in places.items():
        config = defaults | changes
        axes, head_dim = config[axes_key], config[head_key]
        if sum(axes) != head_dim:
            at = (*place, axes_key) if axes_key in changes else place
            yield Problem(at, f"the axes {list(axes)} sum to {sum(axes)}, but a head has {head_dim} channels")
