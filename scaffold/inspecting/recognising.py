"""Which preset a checkpoint is of, in which layout, and with which configuration."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from scaffold.errors import ScaffoldError
from scaffold.inspecting.headers import Checkpoint, Tensor
from scaffold.loading import load_spec, load_weights, preset_names
from scaffold.spec import Spec
from scaffold.spec.checkpoints import KeyRule, Measure, Weights


Layout = Literal["original", "diffusers"]
Shapes = Mapping[str, tuple[int, ...]]

_NUMBER = re.compile(r"(?<=\.)\d+(?=\.)")
# What training and export tools put before every name, beside the prefix that a preset has.
_PREFIXES = ("", "model.diffusion_model.", "diffusion_model.", "transformer.", "model.", "module.", "net.")


@dataclass(frozen=True)
class Match:
    """How far the names of a checkpoint are those of a preset in one layout.

    Attributes:
        preset: the preset.
        layout: whose names.
        prefix: what stands before every name.
        known: the names of the checkpoint that the layout has, each with its rule, pattern, part and block's number.
        unknown: those that it does not have.
        missing: names of the layout, `{}` for a block's number, that the checkpoint lacks.
    """

    preset: str
    layout: Layout
    prefix: str
    known: dict[str, tuple[KeyRule, str, int, str]]
    unknown: tuple[str, ...]
    missing: tuple[str, ...]

    @property
    def score(self) -> tuple[float, float]:
        """The share of the checkpoint's names that the layout has, and of the layout's that the checkpoint has."""
        names, patterns = len(self.known) + len(self.unknown), len({found[1] for found in self.known.values()})
        return len(self.known) / max(names, 1), patterns / max(patterns + len(self.missing), 1)


@dataclass(frozen=True)
class Recognition:
    """What a checkpoint is.

    Attributes:
        spec: the preset, or the nearest.
        match: how far the names agree.
        config: entries of the configuration, as far as they show.
        sources: for each of these whether it is from `the shapes` or from `config.json`.
        disagreements: entries of `config.json` that the shapes contradict, with what these show.
        unreadable: entries that the shapes do not show as those of a published checkpoint do, with the reason.
        published: the published configurations that agree.
        problem: why it is not of the preset; empty if it is.
        others: presets whose names agree as well.
    """

    spec: Spec
    match: Match
    config: dict[str, Any]
    sources: dict[str, str]
    disagreements: dict[str, Any]
    unreadable: dict[str, str]
    published: tuple[str, ...]
    problem: str
    others: tuple[str, ...]

    @property
    def is_known(self) -> bool:
        """Whether it is a checkpoint of the preset."""
        return not self.problem


class _Missing(Exception):
    """A tensor that a size is read from is not there."""


class _Unreadable(Exception):
    """A size is none that a published checkpoint has."""


def recognise(checkpoint: Checkpoint) -> Recognition:
    """Find the preset whose names a checkpoint has, or the nearest, and read the configuration from the shapes.

    Raises:
        ScaffoldError: there is no tensor in it.
    """
    if not checkpoint.tensors:
        raise ScaffoldError(f"{checkpoint.path} holds no tensor")
    matches = [
        match
        for name in preset_names()
        if (weights := load_weights(name))
        for match in _matches(name, weights, checkpoint.tensors)
    ]
    best = max(matches, key=lambda match: match.score)
    others = {match.preset for match in matches if match.score == best.score} - {best.preset}
    spec = load_spec(best.preset)
    assert spec.weights is not None
    problem = ""
    if best.unknown:
        problem = f"{len(best.unknown)} of its {len(checkpoint.tensors)} names are none of this preset"
    shown: dict[str, Any] = {}
    unreadable: dict[str, str] = {}
    shapes = _in_the_original(best, checkpoint.tensors)
    if telling := spec.weights.told_by:
        told = (name for name, shape in telling.shapes.items() if shapes.get(telling.tensor) == shape)
        if name := next(told, None):
            shown = {key: entry.default for key, entry in spec.config.items()} | spec.published[name].config
    for key, measure in spec.weights.detect.items():
        try:
            shown[key] = _measured(measure, shapes, spec, key)
        except _Missing as error:
            problem = problem or f"it is no whole model: there is no {error}"
        except _Unreadable as error:
            unreadable[key] = str(error)
    written = {key: value for key, value in (checkpoint.config or {}).items() if key in spec.config}
    disagreements = {
        key: value for key, value in shown.items() if key in written and _plain(written[key]) != _plain(value)
    }
    config = shown | written
    sources = dict.fromkeys(shown, "the shapes") | dict.fromkeys(written, "config.json")
    published = tuple(
        name
        for name, each in spec.published.items()
        if all(
            _plain(each.config.get(key, spec.config[key].default)) == _plain(value) for key, value in config.items()
        )
    )
    return Recognition(
        spec, best, config, sources, disagreements, unreadable, published, problem, tuple(sorted(others))
    )


def _matches(preset: str, weights: Weights, tensors: Mapping[str, Tensor]) -> Iterable[Match]:
    """How far the names agree, in each layout, with the prefix that fits best."""
    own = [
        name
        for name in tensors
        if not weights.others or not name.removeprefix(weights.prefix).startswith(weights.others)
    ]
    tables: dict[Layout, dict[str, tuple[KeyRule, int]]] = {"original": {}, "diffusers": {}}
    for rule in weights.rules:
        for original, targets in rule.tensors:
            tables["original"][original] = (rule, 0)
            for part, target in enumerate(targets):
                tables["diffusers"][target] = (rule, part)
    if tables["original"].keys() == tables["diffusers"].keys():
        # The original's names are diffusers' own.
        del tables["original"]
    for layout, table in tables.items():
        names = own if layout == "original" else list(tensors)
        prefixes = {weights.prefix, *_PREFIXES}
        fits = {
            prefix: _sorted_out(preset, layout, prefix, names, table) for prefix in prefixes if _occurs(prefix, names)
        }
        yield max(fits.values(), key=lambda match: (match.score, len(match.prefix)))


def _occurs(prefix: str, names: list[str]) -> bool:
    return not prefix or all(name.startswith(prefix) for name in names)


def _sorted_out(
    preset: str, layout: Layout, prefix: str, names: list[str], table: Mapping[str, tuple[KeyRule, int]]
) -> Match:
    known, unknown = {}, []
    last = _last_block(table, [name[len(prefix) :] for name in names])
    for name in names:
        bare = name[len(prefix) :]
        number = _NUMBER.search(bare)
        found = None
        if bare in table:
            found = (*table[bare], bare, "")
        elif number:
            for place in ("{last}", "{}"):
                pattern = _NUMBER.sub(place, bare, count=1)
                if pattern in table and (place == "{}" or number.group() == last):
                    found = (*table[pattern], pattern, number.group())
                    break
        if found is None:
            unknown.append(name)
        else:
            rule, part, pattern, block = found
            known[name] = (rule, pattern, part, block)
    seen = {pattern for _, pattern, _, _ in known.values()}
    missing = tuple(pattern for pattern in table if pattern not in seen)
    return Match(preset, layout, prefix, known, tuple(unknown), missing)


def _last_block(table: Iterable[str], names: list[str]) -> str:
    """The number of the last block in the lists that have rules of their own for it."""
    starts = tuple({pattern.partition("{last}")[0] for pattern in table if "{last}" in pattern})
    found = (_NUMBER.search(name) for name in names if starts and name.startswith(starts))
    return str(max((int(number.group()) for number in found if number), default=0))


def _in_the_original(match: Match, tensors: Mapping[str, Tensor]) -> dict[str, tuple[int, ...]]:
    """The shapes under the names of the original; what diffusers has cut is put together."""
    shapes: dict[str, tuple[int, ...]] = {}
    for name, (rule, pattern, _, block) in match.known.items():
        shape = tensors[name].shape
        if match.layout == "original":
            shapes[name[len(match.prefix) :]] = shape
            continue
        original = next(each for each, targets in rule.tensors if pattern in targets)
        whole = original.replace("{last}", block).replace("{}", block)
        rows = shapes[whole][0] if shapes.get(whole) else 0
        shapes[whole] = (shape[0] + rows, *shape[1:]) if shape else shape
    return shapes


def _measured(measure: Measure, shapes: Shapes, spec: Spec, key: str) -> Any:
    default = spec.config[key].default
    if measure.blocks is not None:
        return _count(measure.blocks, shapes)
    if measure.numbers is not None:
        count = _count(measure.numbers.partition(".{}")[0], shapes)
        return [number for number in range(count) if measure.numbers.replace("{}", str(number)) in shapes]
    if measure.present is not None:
        if measure.value is not None:
            return measure.value if measure.present in shapes else default
        return measure.present in shapes
    assert measure.size is not None
    if measure.optional and measure.size[0] not in shapes:
        return default
    size = _size(measure.size, shapes)
    if measure.root:
        return math.isqrt(size)
    if measure.multiple:
        return _divided(size, measure.multiple, measure.size[0])
    if measure.over:
        over = _size(measure.over, shapes)
        return _divided(size, over, measure.size[0]) if spec.config[key].type == "int" else size / max(over, 1)
    if measure.unless and size == _size(measure.unless, shapes):
        return default
    return size


def _size(place: tuple[str, int], shapes: Shapes) -> int:
    name, axis = place
    if name not in shapes:
        raise _Missing(name)
    if axis >= len(shapes[name]):
        raise _Unreadable(f"{name} has the shape {shapes[name]}, without an axis {axis}")
    return shapes[name][axis]


def _divided(size: int, unit: int, name: str) -> int:
    if unit == 0 or size % unit:
        raise _Unreadable(f"{name} has {size} rows or columns, which is no multiple of {unit}")
    return size // unit


def _count(blocks: str, shapes: Shapes) -> int:
    start = f"{blocks}."
    return len({name[len(start) :].partition(".")[0] for name in shapes if name.startswith(start)})


def _plain(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value
