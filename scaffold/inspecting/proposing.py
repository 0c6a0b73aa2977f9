"""Pairing the names of two checkpoints of one model by their names, shapes and order, where that leaves no doubt."""

from __future__ import annotations

import difflib
import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from scaffold.inspecting.headers import Tensor


_NUMBER = re.compile(r"(?<=\.)\d+(?=\.)")
_WORD = re.compile(r"[a-z]+|\d+", re.IGNORECASE)
# Words that repositories use for the same thing, each with the one that stands for it here.
_SYNONYMS = {
    "image": "img",
    "x": "img",
    "txt": "text",
    "context": "text",
    "encoder": "text",
    "added": "text",
    "add": "text",
    "y": "text",
    "caption": "text",
    "ff": "mlp",
    "ffn": "mlp",
    "modulation": "mod",
    "adaln": "mod",
    "timestep": "time",
    "t": "time",
    "embedder": "in",
    "embed": "in",
    "embedding": "in",
    "proj": "out",
    "query": "q",
    "key": "k",
    "value": "v",
    "layers": "blocks",
    "transformer": "blocks",
    "scale": "weight",
    "gamma": "weight",
}
_ROLES = {"q", "k", "v", "qkv"}
# By how much the likeliest name has to be likelier than the next.
_MARGIN = 0.08


@dataclass(frozen=True)
class Group:
    """Tensors whose names differ in a block's number alone.

    Attributes:
        pattern: the name with `{}` for the number.
        blocks: the numbers; empty where the name has none.
        shape: the shape of each; `None` where they differ.
        place: how early it comes in the checkpoint.
    """

    pattern: str
    blocks: frozenset[int]
    shape: tuple[int, ...] | None
    place: int


@dataclass(frozen=True)
class Pair:
    """One name of the original and what it becomes; `why` says what shows it: `name`, `shape` or `order`."""

    original: str
    ours: tuple[str, ...]
    why: str


@dataclass(frozen=True)
class Proposal:
    """How the names of two checkpoints go together.

    Attributes:
        pairs: those without doubt.
        ambiguous: names of the original with those of ours that fit as well as one another.
        unmatched: names of the original that nothing fits.
        unused: names of ours that nothing fits.
    """

    pairs: tuple[Pair, ...]
    ambiguous: dict[str, tuple[str, ...]]
    unmatched: tuple[str, ...]
    unused: tuple[str, ...]


def propose(original: Mapping[str, Tensor], ours: Mapping[str, Tensor]) -> Proposal:
    """Pair the names of an original checkpoint with those of a model of ours.

    A tensor may stand for several of ours, whose rows it holds one after the other, as a fused projection does. Order
    says something only where a file is not sorted by name, as most writers sort it.
    """
    left, right = _groups(original), _groups(ours)
    candidates = {group.pattern: _likely(group.pattern, _fitting(group, right)) for group in left}
    pairs: list[Pair] = []
    taken: set[str] = set()
    open_ = {group.pattern: group for group in left}
    # What is certain takes names away from what is not, until nothing more becomes certain.
    ordered = not (_is_sorted(original) or _is_sorted(ours))
    places = {group.pattern: group.place for group in right}
    while True:
        found = _certain(open_, candidates, taken)
        if not found and ordered:
            found = _in_order(open_, candidates, taken, places)
        if not found:
            break
        for pair in found:
            pairs.append(pair)
            taken |= set(pair.ours)
            del open_[pair.original]
    ambiguous, unmatched = {}, []
    for pattern in open_:
        names = [" + ".join(each) for each in candidates[pattern] if not taken & set(each)]
        if names:
            ambiguous[pattern] = tuple(names)
        else:
            unmatched.append(pattern)
    possible = {name for names in ambiguous.values() for each in names for name in each.split(" + ")}
    unused = tuple(group.pattern for group in right if group.pattern not in taken | possible)
    order = {group.pattern: group.place for group in left}
    return Proposal(tuple(sorted(pairs, key=lambda pair: order[pair.original])), ambiguous, tuple(unmatched), unused)


def _groups(tensors: Mapping[str, Tensor]) -> list[Group]:
    shapes: dict[str, set[tuple[int, ...]]] = defaultdict(set)
    blocks: dict[str, set[int]] = defaultdict(set)
    places: dict[str, int] = {}
    for place, (name, tensor) in enumerate(tensors.items()):
        number = _NUMBER.search(name)
        pattern = name if number is None else f"{name[: number.start()]}{{}}{name[number.end() :]}"
        shapes[pattern].add(tensor.shape)
        places.setdefault(pattern, place)
        if number:
            blocks[pattern].add(int(number.group()))
    groups = []
    for pattern, place in places.items():
        name, numbers = pattern, frozenset(blocks[pattern])
        if numbers and sorted(numbers) != list(range(max(2, len(numbers)))):
            # Numbers that do not count from 0 are parts of names, as in `mlp.0` and `mlp.2` with nothing between.
            names = [pattern.replace("{}", str(number)) for number in sorted(numbers)]
            groups += [Group(name, frozenset(), tensors[name].shape, place) for name in names]
        else:
            found = shapes[pattern]
            groups.append(Group(name, numbers, next(iter(found)) if len(found) == 1 else None, place))
    return groups


def _fitting(group: Group, right: list[Group]) -> list[tuple[str, ...]]:
    """What a tensor of the original may become: one of ours of its shape, or several that have its rows together."""
    end = _words(group.pattern)[-1:]
    same = [
        other
        for other in right
        if other.blocks == group.blocks and other.shape is not None and _words(other.pattern)[-1:] == end
    ]
    if group.shape is None:
        return []
    whole: list[tuple[str, ...]] = [(other.pattern,) for other in same if other.shape == group.shape]
    return whole + [parts for parts in _families(same) if _rows(parts, same) == group.shape]


def _likely(pattern: str, fits: list[tuple[str, ...]]) -> list[tuple[str, ...]]:
    """What fits, the likeliest first, without what has another role where something has the same."""
    ranked = sorted(fits, key=lambda each: -_likeness(pattern, each))
    return [each for each in ranked if _likeness(pattern, each) > 0] or ranked


def _is_sorted(tensors: Mapping[str, Tensor]) -> bool:
    names = list(tensors)
    return names == sorted(names)


def _families(groups: list[Group]) -> Iterable[tuple[str, ...]]:
    """Query, key and value of one attention, in this order, with what may stand beside them in a fused layer."""
    names = {group.pattern for group in groups}
    for name in sorted(names):
        for mark, others in (("q", "kv"), ("query", ("key", "value"))):
            match = re.search(rf"(?<![a-z0-9]){mark}(?![a-z0-9])", name)
            if match is None:
                continue
            family = (name, *(f"{name[: match.start()]}{other}{name[match.end() :]}" for other in others))
            if names.issuperset(family):
                yield family
                stem, end = name[: match.start()], name.rpartition(".")[2]
                parent = stem.rstrip("._to").rpartition(".")[0]
                for beside in sorted(names):
                    if "mlp" in beside and beside.startswith(parent) and beside.endswith(f".{end}"):
                        yield (*family, beside)


def _rows(parts: tuple[str, ...], groups: list[Group]) -> tuple[int, ...] | None:
    shapes = [group.shape for part in parts for group in groups if group.pattern == part]
    first = shapes[0]
    if not first or any(shape is None or shape[1:] != first[1:] for shape in shapes):
        return None
    return (sum(shape[0] for shape in shapes if shape), *first[1:])


def _certain(
    open_: Mapping[str, Group], candidates: Mapping[str, list[tuple[str, ...]]], taken: set[str]
) -> list[Pair]:
    """Pairs that are each other's only or by far likeliest ones."""
    likeliest: dict[str, tuple[tuple[str, ...], str]] = {}
    wanted: dict[tuple[str, ...], list[str]] = defaultdict(list)
    for pattern in open_:
        free = [each for each in candidates[pattern] if not taken & set(each)]
        for each in free:
            wanted[each].append(pattern)
        if len(free) == 1:
            likeliest[pattern] = (free[0], "shape")
        elif free:
            ranked = sorted(free, key=lambda each: -_likeness(pattern, each))
            if _likeness(pattern, ranked[0]) - _likeness(pattern, ranked[1]) >= _MARGIN:
                likeliest[pattern] = (ranked[0], "name")
    found = []
    for pattern, (ours, why) in likeliest.items():
        rivals = [other for other in wanted[ours] if other != pattern]
        if any(_likeness(other, ours) > _likeness(pattern, ours) - _MARGIN for other in rivals):
            continue
        if any(set(ours) & set(others) for other, (others, _) in likeliest.items() if other != pattern):
            continue
        found.append(Pair(pattern, ours, "shape" if why == "shape" and not rivals else "name"))
    return found


def _in_order(
    open_: Mapping[str, Group],
    candidates: Mapping[str, list[tuple[str, ...]]],
    taken: set[str],
    places: Mapping[str, int],
) -> list[Pair]:
    """Pairs of names that fit the same names of ours, as many as they are, each side in the order of its file."""
    together: dict[frozenset[tuple[str, ...]], list[str]] = defaultdict(list)
    for pattern in open_:
        together[frozenset(each for each in candidates[pattern] if not taken & set(each))].append(pattern)
    found = []
    for fits, patterns in together.items():
        parts = [part for each in fits for part in each]
        if len(fits) == len(patterns) and len(set(parts)) == len(parts):
            ours = sorted(fits, key=lambda each: places[each[0]])
            theirs = sorted(patterns, key=lambda pattern: open_[pattern].place)
            found += [Pair(pattern, each, "order") for pattern, each in zip(theirs, ours, strict=True)]
    return found


def _likeness(original: str, ours: tuple[str, ...]) -> float:
    """How alike two names are, from 0 to 1, once words for the same thing are one word."""
    left, right = _words(original), _words(ours[0] if len(ours) == 1 else _fused(ours))
    if ("text" in left) != ("text" in right) or set(left) & _ROLES != set(right) & _ROLES:
        return 0.0
    common = len(set(left) & set(right)) / max(len(set(left) | set(right)), 1)
    return (common + difflib.SequenceMatcher(None, left, right, autojunk=False).ratio()) / 2


def _fused(names: tuple[str, ...]) -> str:
    """A name for query, key and value as one."""
    return re.sub(r"(?<![a-z0-9])(q|query)(?![a-z0-9])", "qkv", names[0])


def _words(name: str) -> list[str]:
    words = [word.lower() for word in _WORD.findall(name.replace("{}", ""))]
    return [_SYNONYMS.get(word, word) for word in words]
