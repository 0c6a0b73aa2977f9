"""Experiments with patches: the order in which rows, columns and channels of one stand in a projection's channels."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

import torch
from torch import nn

from parity.bisection.bisect import Specimen
from parity.diagnosis.experiments.variant import Change, is_linear, on_modules, patterns


# The sides of a patch that models have.
_SIDES = (2, 4)


def change_layout(side: Specimen, other: Specimen) -> Iterator[tuple[str, Change]]:
    """Channels of a patch in another order: of what leaves the last projection, of what enters the first."""
    linears = patterns(side.module, is_linear)
    for text, axis, paths in _ends(side.module, list(linears.values())):
        linear: Any = side.module.get_submodule(paths[0])
        size = linear.weight.shape[axis]
        for patch in _SIDES:
            if size % patch**2 or size == patch**2:
                continue
            for order in itertools.permutations(range(3)):
                if order != (0, 1, 2):
                    for sizes in {(patch, patch, size // patch**2), (size // patch**2, patch, patch)}:
                        shape = "x".join(map(str, sizes))
                        words = f"the {text} of `{paths[0]}` as {shape} in the order {_shown(order)}"
                        yield words, on_modules(paths, lambda each, a=axis, s=sizes, o=order: _turn(each, a, s, o))  # type: ignore[misc]
    for pattern, paths in patterns(side.module, lambda each: isinstance(each, (nn.Conv2d, nn.Conv3d))).items():
        yield f"rows and columns of the patches of `{pattern}` exchanged", on_modules(paths, _transpose_patch)


def _ends(module: nn.Module, chosen: list[list[str]]) -> Iterator[tuple[str, int, list[str]]]:
    """Which channels of which projections belong to patches: those that are not in a block."""
    for paths in chosen:
        linear: Any = module.get_submodule(paths[0])
        if len(paths) == 1 and paths[0].count(".") < 2:
            if linear.out_features < linear.in_features:
                yield "output channels", 0, paths
            elif linear.in_features < linear.out_features:
                yield "input channels", 1, paths


def _turn(linear: nn.Module, axis: int, sizes: tuple[int, ...], order: tuple[int, ...]) -> None:
    index = torch.arange(sizes[0] * sizes[1] * sizes[2]).reshape(sizes).permute(order).flatten()
    weight: Any = linear.weight
    weight.copy_(weight.index_select(axis, index.to(weight.device)))
    bias: Any = linear.bias
    if bias is not None and axis == 0:
        bias.copy_(bias[index.to(bias.device)])


def _transpose_patch(convolution: nn.Module) -> None:
    weight: Any = convolution.weight
    if weight.shape[-1] == weight.shape[-2]:
        weight.copy_(weight.transpose(-1, -2).clone())


def _shown(order: tuple[int, ...]) -> str:
    return " ".join(str(each + 1) for each in order)
