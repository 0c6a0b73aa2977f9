"""Runs one forward, and backward if asked, on inputs of its own and with every random generator seeded."""

from __future__ import annotations

import copy
import traceback
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import nn
from torch.utils._pytree import tree_map

from parity.errors import ParityError, asks_for_gpu, describe
from parity.forwards.outputs import named_tensors
from parity.forwards.seeding import seeded


@dataclass(frozen=True)
class Execution:
    """What one side gave.

    Attributes:
        outputs: The output's tensors, by their place.
        others: What else the output holds, by its place.
        gradients: The gradient of each floating-point input (`input NAME`) and parameter, or None where none arrives.
        problem: What the module raised, if it did; all else is empty then.
    """

    outputs: dict[str, torch.Tensor] = field(default_factory=dict)
    others: dict[str, object] = field(default_factory=dict)
    gradients: dict[str, torch.Tensor | None] = field(default_factory=dict)
    problem: str | None = None


def execute(module: nn.Module, inputs: Mapping[str, Any], seed: int, *, gradients: bool) -> Execution:
    """Runs a module once.

    The module gets copies of the inputs, so that what it changes in place does not reach the other side.

    Args:
        module: The module, in eval mode.
        inputs: The keyword arguments of its forward.
        seed: Seeds the generators of torch, numpy and Python during the call; they are put back afterwards.
        gradients: Whether to differentiate a random projection of the outputs.

    Raises:
        ParityError: If the module asks for a GPU where there is none.
    """
    own = own_inputs(inputs)
    if gradients:
        for value in own.values():
            if isinstance(value, torch.Tensor) and value.is_floating_point():
                value.requires_grad_()
    with seeded(seed), torch.set_grad_enabled(gradients):
        try:
            leaves = dict(named_tensors(module(**own)))
            outputs = {name: leaf for name, leaf in leaves.items() if isinstance(leaf, torch.Tensor)}
            others = {name: leaf for name, leaf in leaves.items() if name not in outputs}
            if gradients:
                _project(outputs, seed).backward()  # type: ignore[no-untyped-call]
        except Exception as error:
            if asks_for_gpu(error):
                raise ParityError(f"{type(module).__name__}: cannot run: {describe(error)}") from error
            return Execution(problem=_describe(error))
    found: dict[str, torch.Tensor | None] = {}
    if gradients:
        found |= {f"input {name}": value.grad for name, value in own.items() if _is_differentiable(value)}
        found |= {name: parameter.grad for name, parameter in module.named_parameters()}
    return Execution(outputs, others, found)


def own_inputs(inputs: Mapping[str, Any]) -> dict[str, Any]:
    """Arguments of a forward with tensors and objects of its own, which it may write into."""
    copies: dict[str, Any] = tree_map(
        lambda value: value.clone() if isinstance(value, torch.Tensor) else copy.deepcopy(value), dict(inputs)
    )
    return copies


def _project(outputs: Mapping[str, torch.Tensor], seed: int) -> torch.Tensor:
    """Weighs every output value at random and sums: a plain sum would hide what a normalisation cancels."""
    generator = torch.Generator().manual_seed(seed)
    total = torch.zeros(())
    for output in outputs.values():
        if output.is_floating_point():
            total = total + (output.float() * torch.randn(output.shape, generator=generator)).sum()
    return total


def _is_differentiable(value: object) -> bool:
    return isinstance(value, torch.Tensor) and value.requires_grad


def _describe(error: Exception) -> str:
    """Says what was raised, and where, without the stack in between."""
    frame = traceback.extract_tb(error.__traceback__)[-1]
    return f"{type(error).__name__}: {error} ({Path(frame.filename).name}, line {frame.lineno})"
