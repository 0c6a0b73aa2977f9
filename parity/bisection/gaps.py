"""How far apart the tensors are that two paired modules take or return, whatever their layout and names."""

from __future__ import annotations

import weakref
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import msgspec
import torch

from parity.bisection.pairing import ModulePair


# So many values are subtracted at once: they stay in the processor's cache, and no copy of an activation is made.
_PORTION = 2**18
_HALVES = (torch.bfloat16, torch.float16)


class Gap(msgspec.Struct, frozen=True):
    """The difference of two tensors.

    Attributes:
        name: Its place in the inputs or the output, on the reference's side.
        reference_shape: Its sizes there.
        candidate_shape: Its sizes in the candidate.
        max: The largest absolute difference; None where one side alone has NaN or infinity, or the sizes do not fit,
            or an input has equal values and is in half precision on one side alone, which goes on in it.
        relative: That, of the largest value of the reference; None likewise.
        dtypes: Those of the two sides, where one alone is in half precision.
    """

    name: str
    reference_shape: tuple[int, ...]
    candidate_shape: tuple[int, ...]
    max: float | None
    relative: float | None
    dtypes: tuple[str, ...] = ()


def largest(gaps: Iterable[Gap]) -> float:
    """The largest relative difference: 0 of none, infinity where one could not be measured."""
    return max((float("inf") if gap.relative is None else gap.relative for gap in gaps), default=0.0)


class Gauge:
    """Measures tensors, and remembers what it measured for as long as both live and nobody writes to them.

    One module's output is the next one's input, and often the output of what holds it too.
    """

    def __init__(self) -> None:
        self._seen: dict[tuple[Any, ...], tuple[weakref.ref[Any], weakref.ref[Any], float]] = {}

    def compare_sets(
        self,
        ours: Mapping[str, torch.Tensor],
        theirs: Mapping[str, torch.Tensor],
        pair: ModulePair,
        *,
        are_outputs: bool,
    ) -> tuple[tuple[Gap, ...], tuple[str, ...]]:
        """Compares tensors of equal name, then those that remain with the most similar of fitting sizes.

        Args:
            ours: What the reference's module takes or returns, by place.
            theirs: The same of the candidate's.
            pair: The two modules; of fused projections only the channels that both have are compared.
            are_outputs: Whether these are outputs.

        Returns:
            The differences, and the places of either side that have no partner.
        """
        if are_outputs:
            ours = {name: _channels(tensor, pair.reference_rows) for name, tensor in ours.items()}
            theirs = {name: _channels(tensor, pair.candidate_rows) for name, tensor in theirs.items()}
        gaps: list[Gap] = []
        alone: list[str] = []
        free = dict(theirs)
        is_same_module = pair.reference == pair.candidate
        for name, tensor in ours.items():
            # The place in a tuple is a name only between two versions of one module.
            if name in free and (is_same_module or not name.rpartition(".")[2].isdecimal()):
                gap = self._measure(name, tensor, free.pop(name), is_same=is_same_module, are_outputs=are_outputs)
                if gap is None and is_same_module:
                    gap = Gap(name, tuple(tensor.shape), tuple(theirs[name].shape), None, None)
            else:
                measured = {
                    other: self._measure(name, tensor, each, are_outputs=are_outputs) for other, each in free.items()
                }
                fitting = {other: each for other, each in measured.items() if each is not None}
                nearest = min(fitting, key=lambda other: _or_infinity(fitting[other].max), default=None)
                gap = fitting[nearest] if nearest is not None else None
                if nearest is not None:
                    free.pop(nearest)
            if gap is None:
                alone.append(name)
            else:
                gaps.append(gap)
        return tuple(gaps), tuple(sorted({*alone, *free}))

    def _measure(
        self, name: str, ours: torch.Tensor, theirs: torch.Tensor, *, is_same: bool = False, are_outputs: bool
    ) -> Gap | None:
        """The difference, in the layout that makes it smallest: heads may stand before or after tokens.

        Whole numbers are measured against others only where both are known to be the same tensor of the same module.
        """
        shapes = tuple(ours.shape), tuple(theirs.shape)
        if not (is_same or ours.is_floating_point() == theirs.is_floating_point()):
            return None
        if not _fits(ours, theirs):
            # Tables of angles come with each once, or twice for the two channels of a pair.
            ours, theirs = _once(ours), _once(theirs)
            if not _fits(ours, theirs):
                return None
        difference: float | None = None
        for laid in _layouts(theirs, ours):
            difference = min(self._difference(ours, laid), _or_infinity(difference))
            if difference == 0:
                break
        if difference is None:
            return None
        # What takes equal numbers in half precision goes on in half precision. What comes out of it may be cast back.
        is_halved = (ours.dtype in _HALVES) != (theirs.dtype in _HALVES)
        matters = is_halved and not (are_outputs and ours.is_floating_point() and theirs.is_floating_point())
        dtypes = tuple(str(each.dtype).removeprefix("torch.") for each in (ours, theirs)) if is_halved else ()
        if difference == float("inf") or (matters and difference == 0):
            return Gap(name, *shapes, None, None, dtypes)
        # The scale is asked for only where it matters, since most tensors are equal.
        scale = _magnitude(ours) if difference else 0.0
        return Gap(name, *shapes, difference, difference / scale if scale else difference, dtypes)

    def _difference(self, ours: torch.Tensor, theirs: torch.Tensor) -> float:
        if ours.is_inference() or theirs.is_inference():  # which do not tell whether they were written to
            return _difference(ours, theirs)
        first, second = ours.untyped_storage(), theirs.untyped_storage()
        key = (*_part(ours), *_part(theirs))
        if key in self._seen:
            one, other, difference = self._seen[key]
            # An address may be that of another storage by now.
            if one() is first and other() is second:
                return difference
        difference = _difference(ours, theirs)
        self._seen[key] = weakref.ref(first), weakref.ref(second), difference
        return difference


def _part(tensor: torch.Tensor) -> tuple[Any, ...]:
    """What a tensor shows of which storage, and how often that was written to."""
    return tensor.data_ptr(), tensor.shape, tensor.stride(), tensor.dtype, tensor._version


def _channels(tensor: torch.Tensor, rows: tuple[int, ...] | None) -> torch.Tensor:
    """Some output channels: of a linear layer the last axis, of a convolution the second."""
    if rows is None:
        return tensor
    axis = -1 if tensor.shape[-1] > max(rows) else 1
    if rows == tuple(range(rows[0], rows[0] + len(rows))):
        return tensor.narrow(axis, rows[0], len(rows))
    return tensor.index_select(axis, torch.tensor(rows, device=tensor.device))


def _once(tensor: torch.Tensor) -> torch.Tensor:
    """The even channels where the odd ones are equal to them."""
    if tensor.ndim < 2 or tensor.shape[-1] % 2 or not torch.equal(tensor[..., ::2], tensor[..., 1::2]):
        return tensor
    return tensor[..., ::2]


def _fits(one: torch.Tensor, other: torch.Tensor) -> bool:
    return sorted(_sizes(one)) == sorted(_sizes(other))


def _sizes(tensor: torch.Tensor) -> list[int]:
    return [size for size in tensor.shape if size != 1]


def _layouts(tensor: torch.Tensor, like: torch.Tensor) -> Iterator[torch.Tensor]:
    squeezed, sizes = tensor.squeeze(), _sizes(like)
    if list(squeezed.shape) == sizes:
        yield _unsqueezed(squeezed, like)
    if tensor.ndim > 3:
        for axis in range(squeezed.ndim - 1):
            turned = squeezed.transpose(axis, axis + 1)
            if list(turned.shape) == sizes:
                yield _unsqueezed(turned, like)


def _unsqueezed(tensor: torch.Tensor, like: torch.Tensor) -> torch.Tensor:
    """The same values with axes of one where another tensor has them; never a copy."""
    for axis, size in enumerate(like.shape):
        if size == 1:
            tensor = tensor.unsqueeze(axis)
    return tensor


def _difference(ours: torch.Tensor, theirs: torch.Tensor) -> float:
    """The largest absolute difference; infinity where one side alone has NaN or infinity."""
    wide = torch.float64 if torch.float64 in (ours.dtype, theirs.dtype) else torch.float32
    if ours.is_complex() or theirs.is_complex():
        ours, theirs, wide = torch.view_as_real(ours), torch.view_as_real(theirs), torch.float64
    largest = 0.0
    for one, other in _portions(ours, theirs.to(ours.device)):
        if torch.equal(one, other):
            continue
        difference = (one.to(wide) - other.to(wide)).abs_()
        here = float(difference.max())
        if here != here:
            # Equal infinities cancel to NaN: masks hold them on both sides.
            here = float(difference.masked_fill_(one == other, 0).max())
        largest = max(largest, here if here == here else float("inf"))
    return largest


def _portions(ours: torch.Tensor, theirs: torch.Tensor) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
    """Two tensors of one shape in parts that are small."""
    if ours.numel() <= _PORTION:
        yield ours, theirs
        return
    if ours.is_contiguous() and theirs.is_contiguous():
        ours, theirs = ours.view(-1), theirs.view(-1)
    axis = max(range(ours.ndim), key=lambda each: ours.shape[each])
    length = max(1, _PORTION * ours.shape[axis] // ours.numel())
    yield from zip(torch.split(ours, length, axis), torch.split(theirs, length, axis), strict=True)


def _magnitude(tensor: torch.Tensor) -> float:
    """The largest absolute value."""
    if tensor.is_complex():
        tensor = torch.view_as_real(tensor)
    if not tensor.is_floating_point():
        tensor = tensor.float()
    low, high = tensor.aminmax()
    return max(-float(low), float(high))


def _or_infinity(value: float | None) -> float:
    return float("inf") if value is None else value
