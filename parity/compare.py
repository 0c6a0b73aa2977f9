"""The comparison: the same weights and the same inputs through two classes, in each dtype."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import msgspec
import torch
from torch import nn

from parity.errors import ParityError
from parity.execution import Execution, check_forward_arguments, execute
from parity.inputs import Argument, draw_inputs
from parity.loading import build_module
from parity.seeding import seeded
from parity.tensors import TensorComparison, compare_tensors
from parity.weights import WeightMatch, cast_weights, draw_weights, match_weights, share_weights


@dataclass(frozen=True)
class Side:
    """One of the two implementations: its import path, for people, and its class."""

    path: str
    module_class: type[nn.Module]


@dataclass(frozen=True)
class Question:
    """All that a comparison depends on.

    Attributes:
        reference: The implementation that is taken to be right.
        candidate: The one that is measured against it.
        config: Keyword arguments of both classes.
        inputs: Arguments of both forwards.
        tolerances: The dtypes to run in, with the largest absolute difference that passes in each.
        seed: For weights, inputs and whatever the modules draw.
        gradients: Whether to compare gradients too.
    """

    reference: Side
    candidate: Side
    config: Mapping[str, Any]
    inputs: Mapping[str, Argument]
    tolerances: Mapping[torch.dtype, float]
    seed: int = 0
    gradients: bool = False


class Run(msgspec.Struct, frozen=True):
    """What one dtype gave.

    Attributes:
        dtype: The dtype's name.
        tolerance: The largest absolute difference that passes.
        problem: Why there is nothing to compare, or what is missing on one side.
        outputs: The tensors that both sides returned.
        gradients: The gradients that reach both sides; empty unless asked for.
        without_gradient: Inputs and parameters that no gradient reaches, on either side.
        not_compared: Places of the output that hold something else than tensors.
    """

    dtype: str
    tolerance: float
    problem: str | None = None
    outputs: tuple[TensorComparison, ...] = ()
    gradients: tuple[TensorComparison, ...] = ()
    without_gradient: tuple[str, ...] = ()
    not_compared: tuple[str, ...] = ()

    @property
    def has_passed(self) -> bool:
        """Whether there was something to compare and all of it passed."""
        return self.problem is None and all(entry.passed for entry in (*self.outputs, *self.gradients))


class Comparison(msgspec.Struct, frozen=True):
    """The answer; also the JSON report, whose form `schema` numbers."""

    schema: int
    reference: str
    candidate: str
    seed: int
    passed: bool
    weights: WeightMatch
    runs: tuple[Run, ...]


def compare(question: Question, announce: Callable[[str], None] = lambda step: None) -> Comparison:
    """Compares two implementations.

    Each dtype starts from freshly made modules with the same weights, so that no run sees the rounding of another.
    When the weights do not fit there are no runs.

    Args:
        question: What to compare, and how.
        announce: Is told each step before it begins.

    Raises:
        ParityError: If a class cannot be made from the config, a forward does not take the inputs, or the reference
            itself raises on them.
    """
    for side in (question.reference, question.candidate):
        check_forward_arguments(side.path, side.module_class, question.inputs)
    runs: list[Run] = []
    weights = None
    for dtype, tolerance in question.tolerances.items():
        announce(f"making both models for {_name(dtype)}")
        reference, candidate = _build(question.reference, question), _build(question.candidate, question)
        weights = match_weights(reference, candidate)
        if not weights.is_complete:
            break
        draw_weights(reference, question.seed)
        share_weights(reference, candidate)
        announce(f"running both models in {_name(dtype)}")
        cast_weights(reference, dtype)
        cast_weights(candidate, dtype)
        runs.append(_run(question, reference, candidate, dtype, tolerance))
    if weights is None:
        raise ParityError("No dtype to compare in.")
    passed = weights.is_complete and all(run.has_passed for run in runs)
    return Comparison(1, question.reference.path, question.candidate.path, question.seed, passed, weights, tuple(runs))


def _build(side: Side, question: Question) -> nn.Module:
    # Seeded, because what a class draws and does not save, such as a table of random frequencies, is never shared.
    with seeded(question.seed):
        return build_module(side.path, side.module_class, question.config)


def _run(question: Question, reference: nn.Module, candidate: nn.Module, dtype: torch.dtype, tolerance: float) -> Run:
    inputs = draw_inputs(question.inputs, dtype, question.seed)
    ours = execute(reference, inputs, question.seed, gradients=question.gradients)
    if ours.problem:
        raise ParityError(
            f"{question.reference.path}: the reference cannot run on these inputs in {_name(dtype)}: {ours.problem}"
        )
    theirs = execute(candidate, inputs, question.seed, gradients=question.gradients)
    if theirs.problem:
        return Run(_name(dtype), tolerance, f"the candidate raises where the reference does not: {theirs.problem}")
    gradients, without_gradient = _compare_gradients(ours, theirs, tolerance)
    return Run(
        _name(dtype),
        tolerance,
        _difference_in_structure(ours, theirs),
        tuple(
            compare_tensors(name, tensor, theirs.outputs[name], tolerance)
            for name, tensor in ours.outputs.items()
            if name in theirs.outputs
        ),
        gradients,
        without_gradient,
        tuple(sorted({*ours.others, *theirs.others})),
    )


def _difference_in_structure(reference: Execution, candidate: Execution) -> str | None:
    if not reference.outputs:
        return "the reference returns no tensor, so there is nothing to compare"
    only_reference = [name for name in reference.outputs if name not in candidate.outputs]
    only_candidate = [name for name in candidate.outputs if name not in reference.outputs]
    parts = [
        f"only the {side} returns {', '.join(f'`{name}`' for name in names)}"
        for side, names in (("reference", only_reference), ("candidate", only_candidate))
        if names
    ]
    return "; ".join(parts) or None


def _compare_gradients(
    reference: Execution, candidate: Execution, tolerance: float
) -> tuple[tuple[TensorComparison, ...], tuple[str, ...]]:
    compared: list[TensorComparison] = []
    unreached: list[str] = []
    for name, ours in reference.gradients.items():
        theirs = candidate.gradients.get(name)
        if not (_is_nonzero(ours) or _is_nonzero(theirs)):
            unreached.append(name)
            continue
        # A gradient of zero and none at all are the same to an optimiser.
        template = ours if ours is not None else theirs
        assert template is not None
        zero = torch.zeros_like(template)
        compared.append(
            compare_tensors(name, zero if ours is None else ours, zero if theirs is None else theirs, tolerance)
        )
    return tuple(compared), tuple(unreached)


def _is_nonzero(gradient: torch.Tensor | None) -> bool:
    return gradient is not None and bool(gradient.any())


def _name(dtype: torch.dtype) -> str:
    return str(dtype).removeprefix("torch.")
