"""Draws the weights of a module at random, casts them, and says how two state dicts fit together."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping

import msgspec
import torch
from torch import nn


class ShapeMismatch(msgspec.Struct, frozen=True):
    """A key that both sides have, with another shape."""

    key: str
    reference_shape: tuple[int, ...]
    candidate_shape: tuple[int, ...]


class WeightMatch(msgspec.Struct, frozen=True):
    """How the state dicts of two modules fit together.

    Attributes:
        shared: The number of tensors that both sides have in the same shape.
        missing: Keys that only the reference has.
        unexpected: Keys that only the candidate has.
        mismatched: Keys that both sides have, in different shapes.
    """

    shared: int
    missing: tuple[str, ...]
    unexpected: tuple[str, ...]
    mismatched: tuple[ShapeMismatch, ...]

    @property
    def is_complete(self) -> bool:
        """Whether every tensor of each side has its place on the other."""
        return not (self.missing or self.unexpected or self.mismatched)


def draw_weights(module: nn.Module, seed: int) -> None:
    """Fills every floating-point tensor of a module's state dict with random values.

    Freshly made modules hide faults: a zero-initialised projection silences all that leads to it, and norm weights of
    one commute with everything. So nothing keeps its initial value. Matrices are normal with the variance that keeps
    the size of activations; vectors (biases, norm weights, running variances) are uniform between 0.5 and 1.5, thus
    neither zero nor one, and positive where a variance has to be. Buffers outside the state dict, such as tables of
    rotary frequencies, belong to the code that is being compared and stay as they are.

    Args:
        module: The module to fill, in place.
        seed: The same seed gives the same values.
    """
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for tensor in module.state_dict().values():
            if not (tensor.is_floating_point() or tensor.is_complex()):
                continue
            if tensor.ndim >= 2:
                fan_in = math.prod(tensor.shape[1:])
                drawn = torch.randn(tensor.shape, generator=generator) / math.sqrt(max(fan_in, 1))
            else:
                drawn = torch.rand(tensor.shape, generator=generator) + 0.5
            tensor.copy_(drawn)


def match_weights(reference: Mapping[str, torch.Tensor], candidate: Mapping[str, torch.Tensor]) -> WeightMatch:
    """Compares the keys and shapes of two state dicts."""
    both = [key for key in reference if key in candidate]
    mismatched = tuple(
        ShapeMismatch(key, tuple(reference[key].shape), tuple(candidate[key].shape))
        for key in both
        if reference[key].shape != candidate[key].shape
    )
    return WeightMatch(
        shared=len(both) - len(mismatched),
        missing=tuple(key for key in reference if key not in candidate),
        unexpected=tuple(key for key in candidate if key not in reference),
        mismatched=mismatched,
    )


def cast_weights(module: nn.Module, dtype: torch.dtype) -> None:
    """Casts a module in place, as loading it with `torch_dtype` does.

    What lies below a name in the class's `_keep_in_fp32_modules` (diffusers, transformers) keeps its dtype.

    Args:
        module: The module to cast.
        dtype: The dtype of its floating-point parameters and buffers afterwards.
    """
    kept = set(getattr(module, "_keep_in_fp32_modules", None) or ())
    for name, tensor in itertools.chain(module.named_parameters(), module.named_buffers()):
        if tensor.is_floating_point() and kept.isdisjoint(name.split(".")):
            tensor.data = tensor.data.to(dtype)
