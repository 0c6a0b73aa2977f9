"""How tensors lie in memory, and where those of two implementations lie otherwise, which no number shows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import NamedTuple

import msgspec
import torch
from torch import nn

from parity.forwards.lockstep import Halt, halting
from parity.forwards.observing import watchable


CONTIGUOUS = "contiguous"
EXPANDED = "expanded"
OVERLAPPING = "overlapping"
_FORMATS = {4: torch.channels_last, 5: torch.channels_last_3d}
# These take another kernel as soon as they are watched, which would not be what is compared.
_CLOSED = (nn.MultiheadAttention, nn.TransformerEncoderLayer, nn.TransformerEncoder)


class Layout(NamedTuple):
    """How one tensor lies in memory.

    Attributes:
        shape: Its sizes.
        kind: `contiguous`, `channels_last`, `channels_last_3d`, `transposed (0, 2, 1)` (its dimensions from slowest to
            fastest), `with gaps` (part of a larger tensor), both of these, `expanded` (a dimension without
            memory of its own), `overlapping`, or what torch calls a tensor without strides. Sizes of 1 do not count.
    """

    shape: tuple[int, ...]
    kind: str


class LayoutDifference(msgspec.Struct, frozen=True):
    """A tensor that lies otherwise on the two sides.

    Attributes:
        place: An output, or `PATH takes NAME` and `PATH gives NAME` of a submodule.
        reference: How the reference's lies.
        candidate: How the candidate's lies.
        is_lost: Whether what can be done with the reference's may raise with the candidate's: it is contiguous no
            more, so that `.view()` does not always exist, or shares memory with itself, so that it cannot be written
            into.
    """

    place: str
    reference: str
    candidate: str
    is_lost: bool


def layout_of(tensor: torch.Tensor) -> Layout:
    """Describes how a tensor lies in memory."""
    return Layout(tuple(tensor.shape), _kind(tensor))


def compare_layouts(place: str, reference: Layout, candidate: Layout) -> LayoutDifference | None:
    """Compares how two tensors lie in memory; None if alike, or if they have not the same shape."""
    if reference.shape != candidate.shape or reference.kind == candidate.kind:
        return None
    is_lost = reference.kind == CONTIGUOUS or candidate.kind in (EXPANDED, OVERLAPPING)
    return LayoutDifference(place, reference.kind, candidate.kind, is_lost)


@contextmanager
def noting_layouts(module: nn.Module) -> Iterator[dict[str, Layout]]:
    """Collects how what submodules take and give in their first call lies, while the block runs.

    Yields:
        Layouts by `PATH takes NAME` and `PATH gives NAME`, in the order of the run.
    """
    seen: dict[str, Layout] = {}

    def note(halt: Halt) -> None:
        for name, tensor in halt.tensors.items() if halt.call == 0 else ():
            seen[f"{halt.path} {'gives' if halt.leaves else 'takes'} {name}"] = layout_of(tensor)

    closed = {part for each in module.modules() if isinstance(each, _CLOSED) for part in each.modules()}
    paths = [path for path, each in watchable(module).items() if path and each not in closed]
    with halting(module, paths, note):
        yield seen


def lost_inside(reference: Mapping[str, Layout], candidate: Mapping[str, Layout]) -> tuple[LayoutDifference, ...]:
    """Of what submodules take and give, what is contiguous only in the reference, in the order of its run."""
    compared = (
        compare_layouts(place, each, candidate[place]) for place, each in reference.items() if place in candidate
    )
    return tuple(difference for difference in compared if difference is not None and difference.is_lost)


def _kind(tensor: torch.Tensor) -> str:
    if tensor.layout is not torch.strided:
        return str(tensor.layout).removeprefix("torch.")
    if tensor.is_contiguous():
        return CONTIGUOUS
    memory_format = _FORMATS.get(tensor.ndim)
    if memory_format is not None and tensor.is_contiguous(memory_format=memory_format):
        return str(memory_format).removeprefix("torch.")
    dimensions = [dimension for dimension, size in enumerate(tensor.shape) if size > 1]
    if any(tensor.stride(dimension) == 0 for dimension in dimensions):
        return EXPANDED
    order = sorted(dimensions, key=tensor.stride, reverse=True)
    dense = reach = 1
    has_gaps = False
    for dimension in reversed(order):
        size, stride = tensor.shape[dimension], tensor.stride(dimension)
        if stride < reach:
            return OVERLAPPING
        has_gaps = has_gaps or stride > dense
        dense, reach = stride * size, reach + stride * (size - 1)
    words = [f"transposed ({', '.join(map(str, order))})"] if order != dimensions else []
    return ", ".join([*words, "with gaps"] if has_gaps else words)
