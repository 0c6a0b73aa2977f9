"""How far apart the tensors are that two paired modules take or return, whatever their layout and names."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import msgspec
import torch

from parity.pairing import ModulePair


class Gap(msgspec.Struct, frozen=True):
    """The difference of two tensors.

    Attributes:
        name: Its place in the inputs or the output, on the reference's side.
        reference_shape: Its sizes there.
        candidate_shape: Its sizes in the candidate.
        max: The largest absolute difference; infinity where one side alone has NaN or infinity.
        relative: That, of the largest value of the reference.
    """

    name: str
    reference_shape: tuple[int, ...]
    candidate_shape: tuple[int, ...]
    max: float
    relative: float


def compare_tensor_sets(
    ours: Mapping[str, torch.Tensor], theirs: Mapping[str, torch.Tensor], pair: ModulePair, *, are_outputs: bool
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
            gap = _measure(name, tensor, free.pop(name))
            if gap is None and is_same_module:
                gap = Gap(name, tuple(tensor.shape), tuple(theirs[name].shape), float("inf"), float("inf"))
        else:
            measured = {other: _measure(name, tensor, each) for other, each in free.items()}
            fitting = {other: each for other, each in measured.items() if each is not None}
            nearest = min(fitting, key=lambda other: fitting[other].max, default=None)
            gap = fitting[nearest] if nearest is not None else None
            if nearest is not None:
                free.pop(nearest)
        if gap is None:
            alone.append(name)
        else:
            gaps.append(gap)
    return tuple(gaps), tuple(sorted({*alone, *free}))


def _channels(tensor: torch.Tensor, rows: tuple[int, ...] | None) -> torch.Tensor:
    """Some output channels: of a linear layer the last axis, of a convolution the second."""
    if rows is None:
        return tensor
    axis = -1 if tensor.shape[-1] > max(rows) else 1
    return tensor.index_select(axis, torch.tensor(rows, device=tensor.device))


def _fits(one: torch.Tensor, other: torch.Tensor) -> bool:
    return sorted(_sizes(one)) == sorted(_sizes(other)) and one.is_floating_point() == other.is_floating_point()


def _sizes(tensor: torch.Tensor) -> list[int]:
    return [size for size in tensor.shape if size != 1]


def _measure(name: str, ours: torch.Tensor, theirs: torch.Tensor) -> Gap | None:
    """The difference, in the layout that makes it smallest: heads may stand before or after tokens."""
    if not _fits(ours, theirs):
        return None
    differences = [
        difference for laid in _layouts(theirs, ours) if (difference := _difference(ours, laid)) is not None
    ]
    if not differences:
        return None
    largest = min(differences)
    # The scale is asked for only where it matters, since most tensors are equal.
    scale = float(ours.abs().max()) if largest else 0.0
    relative = largest / scale if scale and largest < float("inf") else largest
    return Gap(name, tuple(ours.shape), tuple(theirs.shape), largest, relative)


def _layouts(tensor: torch.Tensor, like: torch.Tensor) -> Iterator[torch.Tensor]:
    squeezed = tensor.reshape(_sizes(tensor))
    sizes = _sizes(like)
    if list(squeezed.shape) == sizes:
        yield squeezed.reshape(like.shape)
    for axis in range(squeezed.ndim - 1):
        turned = squeezed.transpose(axis, axis + 1)
        if squeezed.ndim > 1 and list(turned.shape) == sizes and tensor.ndim > 3:
            yield turned.reshape(like.shape)


def _difference(ours: torch.Tensor, theirs: torch.Tensor) -> float:
    if ours.numel() == 0 or torch.equal(ours, theirs):
        return 0.0
    wide = torch.float64 if torch.float64 in (ours.dtype, theirs.dtype) else torch.float32
    if ours.is_complex() or theirs.is_complex():
        ours, theirs, wide = torch.view_as_real(ours), torch.view_as_real(theirs), torch.float64
    difference = (ours.to(wide) - theirs.to(device=ours.device, dtype=wide)).abs()
    # Equal infinities cancel to NaN: masks hold them on both sides.
    difference = difference.masked_fill(ours == theirs, 0)
    largest = float(difference.max())
    return largest if largest == largest else float("inf")
