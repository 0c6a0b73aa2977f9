"""Which module of the reference does the work of which module of the candidate: by names, by weights, by place."""

from __future__ import annotations

import inspect
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import torch
from torch import nn

from parity.errors import ParityError, nearest_name
from parity.forwards.observing import watchable


# So many values of a row at least, or all that it has, are taken for the row.
_TELLING = 32


@dataclass(frozen=True)
class ModulePair:
    """Two modules that are meant to do the same.

    Attributes:
        reference: The path in the reference; the root's is empty.
        candidate: The path in the candidate.
        reference_rows: Which output channels of the reference's module the candidate's has, where it has a part; the
            parts of a fused projection.
        candidate_rows: The same with the sides exchanged.
        is_loose: Whether one module with weights in each is all that says that these two belong together.
    """

    reference: str
    candidate: str
    reference_rows: tuple[int, ...] | None = None
    candidate_rows: tuple[int, ...] | None = None
    is_loose: bool = False


def pair_modules(reference: nn.Module, candidate: nn.Module, given: Mapping[str, str]) -> list[ModulePair]:
    """Pairs the modules of two trees that hold the same weights.

    Trees with the same names are paired by name. Others by their weights, row by row, so that a fused projection meets
    its parts; then containers that hold the same pairs; then what is left under paired containers, by kind and order.

    Args:
        reference: The one side.
        candidate: The other, with the reference's weights.
        given: Pairs that the caller knows, reference's path to candidate's; they go first.

    Raises:
        ParityError: If a given path does not exist.
    """
    for side, module, paths in (("reference", reference, given), ("candidate", candidate, given.values())):
        known = watchable(module)
        for path in paths:
            if path not in known:
                raise ParityError(f"--modules: the {side} has no module `{path}`.{nearest_name(path, known)}")
    pairs = [ModulePair(*entry) for entry in given.items()]
    ours, theirs = watchable(reference), watchable(candidate)
    if _have_the_same_names(reference, candidate):
        pairs += [ModulePair(path, path) for path in ours if path in theirs and path not in given]
        return pairs
    pairs += list(_by_weights(ours, theirs, pairs))
    pairs += list(_by_contents(ours, theirs, pairs))
    pairs += list(_by_place(ours, theirs, pairs))
    if not any(pair.reference == "" for pair in pairs):
        pairs.append(ModulePair("", ""))
    return pairs


def unpaired(reference: nn.Module, candidate: nn.Module, pairs: list[ModulePair]) -> tuple[list[str], list[str]]:
    """The paths of modules with weights of their own that have no partner, on each side."""
    ours, theirs = {pair.reference for pair in pairs}, {pair.candidate for pair in pairs}
    return (
        [path for path, module in reference.named_modules() if path not in ours and _has_weights(module)],
        [path for path, module in candidate.named_modules() if path not in theirs and _has_weights(module)],
    )


def _have_the_same_names(reference: nn.Module, candidate: nn.Module) -> bool:
    ours, theirs = reference.state_dict(), candidate.state_dict()
    return ours.keys() == theirs.keys() and all(ours[name].shape == theirs[name].shape for name in ours)


def _has_weights(module: nn.Module) -> bool:
    return any(True for _ in module.parameters(recurse=False))


def _main_weight(module: nn.Module) -> torch.Tensor | None:
    """The weight that tells what a module is: its largest."""
    return max(module.parameters(recurse=False), key=torch.Tensor.numel, default=None)


def _rows(weight: torch.Tensor) -> list[bytes]:
    """What tells the rows from each other, each of which makes one output channel; a vector is one row."""
    flat = weight.detach().reshape(1 if weight.ndim < 2 else weight.shape[0], -1)
    # Some values of each, evenly spread, tell as much as all, and to read all takes as long as a forward.
    told = flat[:, :: max(1, flat.shape[1] // _TELLING)].cpu().contiguous().view(torch.uint8)
    return [row.tobytes() for row in told.numpy()]


def _by_weights(
    ours: Mapping[str, nn.Module], theirs: Mapping[str, nn.Module], known: list[ModulePair]
) -> Iterator[ModulePair]:
    taken, given = {pair.reference for pair in known}, {pair.candidate for pair in known}
    places: dict[bytes, list[tuple[str, int]]] = defaultdict(list)
    sizes: dict[str, int] = {}
    for path, module in ours.items():
        weight = None if path in taken else _main_weight(module)
        if weight is not None:
            digests = _rows(weight)
            sizes[path] = len(digests)
            for row, digest in enumerate(digests):
                places[digest].append((path, row))
    for path, module in theirs.items():
        weight = None if path in given else _main_weight(module)
        if weight is None:
            continue
        found = [places.get(digest, []) for digest in _rows(weight)]
        # Rows that stand in several places, such as zeros, say nothing.
        if any(len(each) != 1 for each in found):
            continue
        origins = [each[0] for each in found]
        for origin in dict.fromkeys(owner for owner, _ in origins):
            here = [index for index, (owner, _) in enumerate(origins) if owner == origin]
            there = [row for owner, row in origins if owner == origin]
            whole_reference = there == list(range(sizes[origin]))
            yield ModulePair(
                origin,
                path,
                None if whole_reference else tuple(there),
                None if len(here) == len(origins) else tuple(here),
            )


def _by_contents(
    ours: Mapping[str, nn.Module], theirs: Mapping[str, nn.Module], known: list[ModulePair]
) -> Iterator[ModulePair]:
    """Containers below which the same pairs lie. One pair alone tells it only of two that take as many arguments."""
    taken, given = {pair.reference for pair in known}, {pair.candidate for pair in known}

    def group(modules: Mapping[str, nn.Module], paths: list[str], used: set[str]) -> dict[frozenset[int], list[str]]:
        groups: dict[frozenset[int], list[str]] = defaultdict(list)
        for path, module in modules.items():
            inside = frozenset(number for number, leaf in enumerate(paths) if _is_below(leaf, path))
            if inside and path not in used and not isinstance(module, (nn.ModuleList, nn.ModuleDict)):
                groups[inside].append(path)
        return groups

    there = group(theirs, [pair.candidate for pair in known], given)
    for inside, paths in group(ours, [pair.reference for pair in known], taken).items():
        for one, other in zip(paths, there.get(inside, []), strict=False):
            if len(inside) > 1:
                yield ModulePair(one, other)
            elif _arguments(ours[one]) == _arguments(theirs[other]):
                yield ModulePair(one, other, is_loose=True)


def _arguments(module: nn.Module) -> int:
    return len(inspect.signature(module.forward).parameters)


def _by_place(
    ours: Mapping[str, nn.Module], theirs: Mapping[str, nn.Module], known: list[ModulePair]
) -> Iterator[ModulePair]:
    """What is left directly under paired containers, where each side has as many of one kind; without weights, one."""
    taken, given = {pair.reference for pair in known}, {pair.candidate for pair in known}
    for pair in known:
        there = _left_under(pair.candidate, theirs, given)
        for kind, paths in _left_under(pair.reference, ours, taken).items():
            others = there.get(kind, [])
            has_weights = bool(kind[1])
            if len(paths) == len(others) and (has_weights or len(paths) == 1):
                yield from (ModulePair(one, other) for one, other in zip(paths, others, strict=True))


def _left_under(
    parent: str, modules: Mapping[str, nn.Module], used: set[str]
) -> dict[tuple[str, tuple[tuple[int, ...], ...]], list[str]]:
    kinds: dict[tuple[str, tuple[tuple[int, ...], ...]], list[str]] = defaultdict(list)
    for path, module in modules.items():
        if path and path.rpartition(".")[0] == parent and path not in used and not list(module.children()):
            shapes = tuple(tuple(each.shape) for each in module.parameters(recurse=False))
            kinds["" if shapes else type(module).__name__, shapes].append(path)
    return kinds


def _is_below(path: str, container: str) -> bool:
    return not container or path.startswith(f"{container}.")
