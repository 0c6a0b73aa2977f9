"""How a check says what it saw, and compares what two runs gave."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import torch
from torch import nn

from parity.tensors import compare_tensors


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
        largest = float(expected.abs().max()) if expected.numel() else 0.0
        compared = compare_tensors(name, expected, outputs[name], tolerance * largest, may_be_void=True)
        if compared.passed:
            continue
        if compared.max is None or expected.dtype != outputs[name].dtype:
            reason = (compared.reason or "").replace("the reference", "the plain run").replace("the candidate", what)
            raise Broken(f"{what}: {reason}")
        raise Broken(
            f"{what} differs by {compared.max / largest if largest else compared.max:.1e} of the largest value"
        )


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
