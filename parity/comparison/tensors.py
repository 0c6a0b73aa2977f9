"""Two tensors side by side, as numbers and a verdict."""

from __future__ import annotations

import msgspec
import torch


class TensorComparison(msgspec.Struct, frozen=True):
    """How far a candidate's tensor is from the reference's.

    Attributes:
        name: The tensor's place in the output, for example `sample` or `hidden_states.3`.
        shape: The reference's sizes.
        dtype: The reference's dtype.
        max: The largest absolute difference; None when the two cannot be subtracted or hold NaN or infinity.
        mean: The mean absolute difference, likewise.
        cosine: The cosine between the two as flat vectors; None also where one of them is zero.
        passed: Whether the pair is within tolerance and proves something.
        reason: Why it did not pass.
    """

    name: str
    shape: tuple[int, ...]
    dtype: str
    max: float | None
    mean: float | None
    cosine: float | None
    passed: bool
    reason: str | None


def compare_tensors(
    name: str, reference: torch.Tensor, candidate: torch.Tensor, tolerance: float, *, may_be_void: bool = False
) -> TensorComparison:
    """Measures two tensors against each other, in float64.

    NaN and infinity never pass, not even on both sides at the same place, and neither do tensors that are empty or
    zero on both sides: such a comparison proves nothing.

    Args:
        name: What to call the pair.
        reference: Any shape and dtype.
        candidate: Passes only in the reference's shape and dtype.
        tolerance: The largest absolute difference that passes.
        may_be_void: Whether equal zeros pass after all: among the inputs of a stage they are nothing unusual.
    """
    shape, dtype = tuple(reference.shape), _dtype_name(reference)

    def verdict(reason: str | None, maximum: float | None = None, mean: float | None = None) -> TensorComparison:
        cosine = None if mean is None else _cosine(a, b)
        return TensorComparison(name, shape, dtype, maximum, mean, cosine, reason is None, reason)

    if reference.shape != candidate.shape:
        return verdict(f"shape {_sizes(reference)} in the reference, {_sizes(candidate)} in the candidate")
    if reference.numel() == 0:
        return verdict("empty on both sides, which proves nothing")
    a, b = _as_float64(reference), _as_float64(candidate)
    if problem := _not_finite(a, b):
        return verdict(problem)
    difference = (a - b).abs()
    maximum, mean = difference.max().item(), difference.mean().item()
    if reference.dtype != candidate.dtype:
        reason = f"dtype {dtype} in the reference, {_dtype_name(candidate)} in the candidate"
    elif not (may_be_void or a.any() or b.any()):
        reason = "all zeros on both sides, which proves nothing"
    elif maximum > tolerance:
        reason = f"differs by {maximum:.2e}, tolerance {tolerance:g}"
    else:
        reason = None
    return verdict(reason, maximum, mean)


def _as_float64(tensor: torch.Tensor) -> torch.Tensor:
    tensor = tensor.detach().cpu()
    return (torch.view_as_real(tensor) if tensor.is_complex() else tensor).double().flatten()


def _not_finite(reference: torch.Tensor, candidate: torch.Tensor) -> str | None:
    in_reference = int((~reference.isfinite()).sum())
    in_candidate = int((~candidate.isfinite()).sum())
    if not (in_reference or in_candidate):
        return None
    total = reference.numel()
    return f"NaN or infinity in {in_reference} of {total} values of the reference, {in_candidate} of the candidate"


def _cosine(a: torch.Tensor, b: torch.Tensor) -> float | None:
    size = (a.norm() * b.norm()).item()
    return min(max((a @ b).item() / size, -1.0), 1.0) if size else None


def _dtype_name(tensor: torch.Tensor) -> str:
    return str(tensor.dtype).removeprefix("torch.")


def _sizes(tensor: torch.Tensor) -> str:
    return "x".join(str(size) for size in tensor.shape) or "scalar"
