"""What can be said of a difference that no experiment explains: in what part of a tensor it is, and of what kind."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import msgspec
import torch


# What is left of a tensor, of its size, once a relation is taken for granted that holds: rounding, and no more.
_ROUNDING = {torch.float64: 1e-6, torch.float32: 1e-4, torch.bfloat16: 2e-2, torch.float16: 4e-3}
_HALVES = (torch.bfloat16, torch.float16)
# Larger axes are not searched for another order: to compare each entry with each other one takes long.
_SEARCHED = 4096
# A relation with numbers of its own for each column tells nothing of fewer rows.
_TELLING = 4
_TINY = 1e-30
# Of more axes there are too many orders.
_TURNED = 5


class Lead(msgspec.Struct, frozen=True):
    """How the candidate's tensor is related to the reference's where the two part.

    Attributes:
        place: Where it was measured.
        text: What was seen there.
    """

    place: str
    text: str


def describe(ours: Mapping[str, Any], theirs: Mapping[str, Any]) -> Iterator[str]:
    """Says of each pair of tensors that differ how they do.

    Args:
        ours: The reference's values at one place, by name.
        theirs: The candidate's, by the same names, or one under another.
    """
    if len(ours) == len(theirs) == 1:
        theirs = dict(zip(ours, theirs.values(), strict=True))
    for name, tensor in ours.items():
        one, other = (_real(each) for each in (tensor, theirs.get(name)))
        # Each side may lay out tables and masks as it likes: whole numbers, booleans and other sizes tell nothing.
        if one is None or other is None or one.shape != other.shape or torch.equal(one, other):
            continue
        subject = f"`{name}`" if len(ours) > 1 else "tensor"
        yield f"{subject} {relate(one, other)}"


def _real(value: Any) -> torch.Tensor | None:
    """A tensor of real numbers without axes of one; none of what is no such tensor."""
    if not isinstance(value, torch.Tensor):
        return None
    value = torch.view_as_real(value) if value.is_complex() else value
    return value.squeeze() if value.is_floating_point() else None


def relate(ours: torch.Tensor, theirs: torch.Tensor) -> str:
    """How two tensors of one shape that differ are related, in words that go on after `the candidate's`.

    Args:
        ours: The reference's.
        theirs: The candidate's.
    """
    limit = max(_ROUNDING.get(each.dtype, 1e-4) for each in (ours, theirs))
    one, other = ours.double(), theirs.double()
    found = _of_all(one, other, limit)
    parts = [] if found else list(_parts(one, other))
    for words, first, second in parts:
        if (there := _of_all(first, second, limit)) is not None:
            return f"{words} alone, where it {there}"
    found = found or _of_each(one, other, limit)
    if found is not None:
        return found
    if parts:
        words, first, second = parts[0]
        return f"{words} alone, where it {_of_each(first, second, limit) or _amount(first, second)}"
    return _amount(one, other)


def _of_all(one: torch.Tensor, other: torch.Tensor, limit: float) -> str | None:
    """A relation that is the same for every value."""
    for kind in _HALVES:
        name = str(kind).removeprefix("torch.")
        if torch.equal(one.to(kind).double(), other):
            return f"is the reference's, rounded to {name}"
        if torch.equal(other.to(kind).double(), one):
            return f"is what the reference's is before it is rounded to {name}"
    if not other.any():
        return "is zero"
    size = float(other.norm())
    factor = float((one * other).sum() / one.square().sum().clamp_min(_TINY))
    if float((factor * one - other).norm()) <= limit * size:
        return "has the other sign" if abs(factor + 1) < limit else f"is {factor:.4g} times the reference's"
    offset = float((other - one).mean())
    if float((one + offset - other).norm()) <= limit * size:
        return f"is the reference's plus {offset:.4g}"
    return None


def _of_each(one: torch.Tensor, other: torch.Tensor, limit: float) -> str | None:
    """A relation of the entries of an axis: which stands where, or what is done to each."""
    for axis, what in _axes(one):
        if (order := _order(one, other, axis, limit)) is not None:
            return f"has its {what} in another order, {_shown(order)}"
    if one.ndim > 1:
        rows, columns = (each.reshape(-1, one.shape[-1]) for each in (one, other))
        for what, first, second in (("channel", rows, columns), ("token", rows.T, columns.T)):
            # Of few values each relation holds.
            relation = _of_columns(first, second, limit) if len(first) > _TELLING else None
            if relation is not None:
                return f"{relation} of its own for each {what}"
    for axes in itertools.permutations(range(min(one.ndim, _TURNED))):
        if one.ndim == len(axes) and torch.equal(one.permute(axes).flatten(), other.flatten()):
            return f"holds the reference's numbers with its axes in the order {' '.join(map(str, axes))}"
    if torch.equal(one.flatten().sort().values, other.flatten().sort().values):
        return "holds the reference's numbers, laid out otherwise"
    if float((one - other).abs().max()) <= 2**-8 * float(one.abs().max()):
        return "differs by no more than rounding to bfloat16 does"
    return None


def _parts(one: torch.Tensor, other: torch.Tensor) -> Iterator[tuple[str, torch.Tensor, torch.Tensor]]:
    """What differs, where that is a part of an axis alone."""
    for axis, what in _axes(one):
        differs = (one != other).movedim(axis, 0).reshape(one.shape[axis], -1).any(1).nonzero().flatten()
        start, end = int(differs[0]), int(differs[-1]) + 1
        if end - start < one.shape[axis]:
            words = f"differs in {what} {start} to {end - 1} of {one.shape[axis]}"
            yield words, one.narrow(axis, start, end - start), other.narrow(axis, start, end - start)


def _axes(tensor: torch.Tensor) -> list[tuple[int, str]]:
    """The axes that have a meaning, as far as a shape tells it."""
    known = [(-1, "channels"), (-2, "tokens"), (1, "heads")]
    return known[: 3 if tensor.ndim > 3 else tensor.ndim]


def _of_columns(one: torch.Tensor, other: torch.Tensor, limit: float) -> str | None:
    """Whether each column of (rows, columns) is that of the other tensor times a factor, plus an offset, or both."""
    size = float(other.norm())
    factors = (one * other).sum(0) / one.square().sum(0).clamp_min(_TINY)
    if float((factors * one - other).norm()) <= limit * size:
        return "is the reference's times a factor"
    offsets = (other - one).mean(0)
    if float((one + offsets - other).norm()) <= limit * size:
        return "is the reference's plus an offset"
    centred, turned = one - one.mean(0), other - other.mean(0)
    factors = (centred * turned).sum(0) / centred.square().sum(0).clamp_min(_TINY)
    if float((factors * centred - turned).norm()) <= limit * size:
        return "is the reference's times a factor, plus an offset,"
    return None


def _order(one: torch.Tensor, other: torch.Tensor, axis: int, limit: float) -> list[int] | None:
    """Which entry of the reference stands at each place of an axis in the candidate, if that is all that differs."""
    count = one.shape[axis]
    if not 1 < count <= _SEARCHED:
        return None
    first, second = (each.movedim(axis, 0).reshape(count, -1) for each in (one, other))
    order = torch.cdist(second, first).argmin(1)
    if float((first[order] - second).norm()) > limit * float(second.norm()) or len(set(order.tolist())) < count:
        return None
    return [int(each) for each in order.tolist()]


def _shown(order: Sequence[int]) -> str:
    """An order by its name, or by its first places."""
    count = len(order)
    own = list(range(count))
    named = {
        "from the last to the first": own[::-1],
        "halves exchanged": own[count // 2 :] + own[: count // 2],
        "neighbours exchanged": [each ^ 1 for each in own],
    }
    for name, known in named.items():
        if list(order) == known:
            return name
    for outer in range(2, count):
        if count % outer == 0 and list(order) == [each for first in range(outer) for each in own[first::outer]]:
            return f"as if {count // outer} rows of {outer} were read column by column"
    shift = order[0]
    if list(order) == own[shift:] + own[:shift]:
        return f"moved on by {count - shift}"
    return f"{' '.join(map(str, order[:12]))}{' and so on' if count > 12 else ''}"


def _amount(one: torch.Tensor, other: torch.Tensor) -> str:
    cosine = float(torch.cosine_similarity(one.flatten(), other.flatten(), dim=0))
    ratio = float(other.norm() / one.norm().clamp_min(_TINY))
    gap = float((one - other).norm() / one.norm().clamp_min(_TINY))
    return f"differs by {gap:.1e} of its size, with a cosine of {cosine:.3f}, and is {ratio:.3g} times as large"
