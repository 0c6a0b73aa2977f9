"""What the keys of a spec say among each other: names that meet, stages that can run, rules that do not compete."""

from __future__ import annotations

import dataclasses
import keyword
import re
from collections.abc import Iterator
from typing import Any

from scaffold.spec import Spec
from scaffold.spec.blocks import Stage
from scaffold.spec.interface import Draw
from scaffold.validation.problem import Problem, formula_problems


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


def names(spec: Spec) -> Iterator[Problem]:
    """The names of the folder and of its classes."""
    if not _NAME.fullmatch(spec.name) or keyword.iskeyword(spec.package):
        yield Problem(("name",), f"{spec.name!r} cannot name a folder that Python imports; use a-z, 0-9, - and _")
    for key in ("prefix", "model"):
        name = getattr(spec, key)
        if not name.isidentifier():
            yield Problem((key,), f"{name!r} is not a Python name")


def texts(data: Any) -> Iterator[Problem]:
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


def forward(spec: Spec) -> Iterator[Problem]:
    """The arguments of `forward`: names, types, order, and how tests draw them."""
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
                yield from formula_problems(size, (*place, name, index), known)
                continue
            for axis, each in enumerate(size):
                yield from formula_problems(each, (*place, name, index, axis), known)


def stages(spec: Spec) -> Iterator[Problem]:
    """Stages: what counts and builds their blocks, and the streams that their steps run on."""
    for index, stage in enumerate(spec.stages):
        place = ("stages", index)
        yield from _config_key(spec, (*place, "count"), stage.count)
        for name, count in stage.also.items():
            if not name.isidentifier() or keyword.iskeyword(name):
                yield Problem((*place, "also", name), f"{name!r} is not a Python name", on_key=True)
            yield from formula_problems(count, (*place, "also", name), spec.config)
        for name, formula in stage.arguments.items():
            if not name.isidentifier() or keyword.iskeyword(name):
                yield Problem((*place, "arguments", name), f"{name!r} is not a Python name", on_key=True)
            yield from formula_problems(
                formula, (*place, "arguments", name), {**spec.config, **spec.derived, "index": 0}
            )
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
    for problem in formula_problems(formula, place, stage.arguments):
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


def weights(spec: Spec) -> Iterator[Problem]:
    """Rules for tensors that compete or cannot be read backwards, and sizes that no shape shows."""
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
