"""How a check says what it saw, and compares what two runs gave."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import torch
from torch import nn

from parity.comparison.tensors import compare_tensors


ROUNDING = 1e-5
"""How far the order of operations may move a float32 output, as a part of its largest value."""


class Broken(Exception):
    """The capability does not do what it has to; the message is the reason, in one line."""


class Untestable(Exception):
    """The capability cannot be tried here, or applies to nothing; the message says why."""


def require_equal(
    what: str, reference: Mapping[str, torch.Tensor], outputs: Mapping[str, torch.Tensor], tolerance: float = ROUNDING
) -> None:
    """Compares two outputs.

    Args:
        what: What the outputs are of, as the reason names it.
        reference: What there has to be.
        outputs: What there is.
        tolerance: The largest difference that passes, as a part of the reference's largest value.

    Raises:
        Broken: If they differ.
    """
    if reference.keys() != outputs.keys():
        raise Broken(f"{what} returns {', '.join(outputs) or 'nothing'} instead of {', '.join(reference)}")
    for name, expected in reference.items():
        output = outputs[name]
        place = f"{what}, `{name}`," if len(reference) > 1 else what
        if expected.shape != output.shape or expected.dtype != output.dtype:
            raise Broken(f"{place} is {_kind(output)} instead of {_kind(expected)}")
        if strange := int((~output.isfinite()).sum()):
            raise Broken(f"{place} has NaN or infinity in {strange} of {output.numel()} values")
        largest = float(expected.abs().max()) if expected.numel() else 0.0
        compared = compare_tensors(name, expected, output, tolerance * largest, may_be_void=True)
        if not compared.passed and compared.max is not None:
            share = compared.max / largest if largest else compared.max
            raise Broken(f"{place} differs by {share:.1e} of the largest value")


def _kind(tensor: torch.Tensor) -> str:
    return f"{str(tensor.dtype).removeprefix('torch.')} {'x'.join(map(str, tensor.shape)) or 'scalar'}"


def is_equal(reference: Mapping[str, torch.Tensor], outputs: Mapping[str, torch.Tensor]) -> bool:
    """Whether two outputs are the same but for rounding."""
    try:
        require_equal("", reference, outputs)
    except Broken:
        return False
    return True


@contextmanager
def counting_layers(module: nn.Module) -> Iterator[list[str]]:
    """Collects, while the block runs, the path of each layer without children that is left."""
    seen: list[str] = []
    handles = [
        layer.register_forward_hook(lambda *_, path=path: seen.append(path))
        for path, layer in module.named_modules()
        if not any(layer.children())
    ]
    try:
        yield seen
    finally:
        for handle in handles:
            handle.remove()
