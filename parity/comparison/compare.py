"""The comparison: the same weights and the same inputs through two classes, in each dtype."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import msgspec
import torch
from torch import nn

from parity.comparison.layouts import LayoutDifference, compare_layouts, layout_of, lost_inside, noting_layouts
from parity.comparison.tensors import TensorComparison, compare_tensors
from parity.errors import ParityError
from parity.forwards.execution import Execution, execute
from parity.sides.checkpoints import read_tensors
from parity.sides.inputs import SameAs
from parity.sides.pair import Made, Pair, draw_pair_inputs, make_pair
from parity.sides.weights import WeightMatch, cast_weights, match_weights


@dataclass(frozen=True)
class Question:
    """All that a comparison depends on.

    Attributes:
        pair: The two implementations.
        tolerances: The dtypes to run in, with the largest absolute difference that passes in each.
        gradients: Whether to compare gradients too.
        saved: A safetensors file or folder that the candidate was saved into, to be compared and run as well.
    """

    pair: Pair
    tolerances: Mapping[torch.dtype, float]
    gradients: bool = False
    saved: Path | None = None


class Run(msgspec.Struct, frozen=True):
    """What one dtype gave.

    Attributes:
        dtype: The dtype's name.
        weights: `fresh` for the reference's weights, mapped; `saved` for those that the candidate was saved with.
        tolerance: The largest absolute difference that passes.
        problem: Why there is nothing to compare, or what is missing on one side.
        outputs: The tensors that both sides returned.
        gradients: The gradients that reach both sides; empty unless asked for.
        without_gradient: Inputs and parameters that no gradient reaches, on either side.
        not_compared: Places of the output that hold something else than tensors.
        layouts: Outputs that lie otherwise in memory, and what submodules of the same path take and give, where it is
            contiguous in the reference only; none of the latter through a mapping.
    """

    dtype: str
    weights: str
    tolerance: float
    problem: str | None = None
    outputs: tuple[TensorComparison, ...] = ()
    gradients: tuple[TensorComparison, ...] = ()
    without_gradient: tuple[str, ...] = ()
    not_compared: tuple[str, ...] = ()
    layouts: tuple[LayoutDifference, ...] = ()

    @property
    def has_passed(self) -> bool:
        """Whether there was something to compare and all of it passed."""
        return self.problem is None and all(entry.passed for entry in (*self.outputs, *self.gradients))


class SavedWeights(msgspec.Struct, frozen=True):
    """The tensors that the candidate was saved with, beside those that the reference's become.

    Attributes:
        path: Where they were read.
        match: How names and shapes fit.
        differing: The tensors of equal name and shape that are not equal to the bit.
    """

    path: str
    match: WeightMatch
    differing: tuple[TensorComparison, ...]

    @property
    def are_equal(self) -> bool:
        """Whether the file holds what a fresh conversion gives."""
        return self.match.is_complete and not self.differing


class Comparison(msgspec.Struct, frozen=True, tag_field="command", tag="compare"):
    """The answer; also the JSON report, whose form `schema` numbers."""

    schema: int
    reference: str
    candidate: str
    mapping: str | None
    checkpoint: str | None
    seed: int
    passed: bool
    weights: WeightMatch
    saved: SavedWeights | None
    runs: tuple[Run, ...]


def compare(question: Question, announce: Callable[[str], None] = lambda step: None) -> Comparison:
    """Compares two implementations.

    Each dtype starts from freshly made modules with the same weights, so that no run sees the rounding of another.
    When the weights do not fit there are no runs.

    Args:
        question: What to compare, and how.
        announce: Is told each step before it begins.

    Raises:
        ParityError: If a class cannot be made from the config, a forward does not take the inputs, a file cannot be
            read, or the reference itself raises on the inputs.
    """
    pair = question.pair
    runs: list[Run] = []
    weights = saved = None
    stored = read_tensors(question.saved) if question.saved else None
    for dtype, tolerance in question.tolerances.items():
        announce(f"making both models for {_name(dtype)}")
        made = make_pair(pair, dtype)
        weights = made.weights
        if not weights.is_complete:
            break
        announce(f"running both models in {_name(dtype)}")
        runs.append(_run(question, made, dtype, tolerance, "fresh"))
        if stored is not None:
            saved = _compare_saved(str(question.saved), made.mapped, stored)
            if saved.match.is_complete:
                made.candidate.load_state_dict(stored, strict=True)
                cast_weights(made.candidate, dtype)
                runs.append(_run(question, made, dtype, tolerance, "saved"))
    if weights is None:
        raise ParityError("No dtype to compare in.")
    passed = weights.is_complete and all(run.has_passed for run in runs) and (saved is None or saved.are_equal)
    return Comparison(
        schema=3,
        reference=pair.reference.path,
        candidate=pair.candidate.path,
        mapping=pair.mapping.path if pair.mapping else None,
        checkpoint=str(pair.checkpoint) if pair.checkpoint else None,
        seed=pair.seed,
        passed=passed,
        weights=weights,
        saved=saved,
        runs=tuple(runs),
    )


def _compare_saved(path: str, mapped: Mapping[str, torch.Tensor], stored: Mapping[str, torch.Tensor]) -> SavedWeights:
    match = match_weights(mapped, stored)
    strangers = {*match.missing, *(entry.key for entry in match.mismatched)}
    same = [name for name in mapped if name not in strangers]
    differing = (
        compare_tensors(name, mapped[name], stored[name], 0.0)
        for name in same
        if mapped[name].dtype != stored[name].dtype or not torch.equal(mapped[name], stored[name])
    )
    return SavedWeights(path, match, tuple(differing))


def _run(question: Question, made: Made, dtype: torch.dtype, tolerance: float, source: str) -> Run:
    pair = question.pair
    our_inputs, their_inputs = draw_pair_inputs(pair, dtype)
    with noting_layouts(made.reference) as our_layouts:
        ours = execute(made.reference, our_inputs, pair.seed, gradients=question.gradients)
    if ours.problem:
        raise ParityError(
            f"{pair.reference.path}: the reference cannot run on these inputs in {_name(dtype)}: {ours.problem}"
        )
    with noting_layouts(made.candidate) as their_layouts:
        theirs = execute(made.candidate, their_inputs, pair.seed, gradients=question.gradients)
    if theirs.problem:
        problem = f"the candidate raises where the reference does not: {theirs.problem}"
        return Run(_name(dtype), source, tolerance, problem)
    returned = _line_up(ours.outputs, theirs.outputs)
    outputs = [
        _compare_outputs(name, tensor, returned[name], tolerance)
        for name, tensor in ours.outputs.items()
        if name in returned
    ]
    expected = _as_the_candidate_names_them(ours.gradients, made.reference, pair)
    gradients, without_gradient = _compare_gradients(expected, theirs.gradients, tolerance)
    return Run(
        _name(dtype),
        source,
        tolerance,
        _difference_in_structure(ours, returned),
        tuple(compared for compared, _ in outputs),
        gradients,
        without_gradient,
        tuple(sorted({*ours.others, *theirs.others})),
        (
            *(difference for _, difference in outputs if difference is not None),
            # Under a mapping, modules of one path need not be the same part.
            *(() if pair.mapping else lost_inside(our_layouts, their_layouts)),
        ),
    )


def _compare_outputs(
    name: str, reference: torch.Tensor, candidate: torch.Tensor, tolerance: float
) -> tuple[TensorComparison, LayoutDifference | None]:
    """An output's numbers, which do not pass where a caller's next line may raise for its layout, and its layout."""
    compared = compare_tensors(name, reference, candidate, tolerance)
    difference = compare_layouts(name, layout_of(reference), layout_of(candidate))
    if difference is None or not difference.is_lost:
        return compared, difference
    sides = f"{difference.reference} in the reference, {difference.candidate} in the candidate"
    reason = f"{compared.reason}; " if compared.reason else ""
    reason += f"{sides}: return it with `.contiguous()`"
    return msgspec.structs.replace(compared, passed=False, reason=reason), difference


def _line_up(
    reference: Mapping[str, torch.Tensor], candidate: Mapping[str, torch.Tensor]
) -> Mapping[str, torch.Tensor]:
    # One tensor on each side is the same tensor, whatever it is called: research code returns it bare.
    if len(reference) == len(candidate) == 1:
        return dict(zip(reference, candidate.values(), strict=True))
    return candidate


def _as_the_candidate_names_them(
    gradients: Mapping[str, torch.Tensor | None], reference: nn.Module, pair: Pair
) -> dict[str, torch.Tensor | None]:
    """The reference's gradients under the candidate's names: a mapping moves gradients as it moves weights."""
    inputs = {name: gradient for name, gradient in gradients.items() if name.startswith("input ")}
    weights = {name: gradient for name, gradient in gradients.items() if name not in inputs}
    for name, argument in pair.candidate.inputs.items():
        if isinstance(argument, SameAs) and f"input {argument.name}" in inputs:
            inputs[f"input {name}"] = inputs.pop(f"input {argument.name}")
    if pair.mapping and gradients:
        state = reference.state_dict()
        given = {name: weights.get(name) for name in state}
        full = {name: torch.zeros_like(state[name]) if each is None else each for name, each in given.items()}
        return {**inputs, **pair.mapping.apply(full)}
    return {**inputs, **weights}


def _difference_in_structure(reference: Execution, candidate: Mapping[str, torch.Tensor]) -> str | None:
    if not reference.outputs:
        return "the reference returns no tensor, so there is nothing to compare"
    only_reference = [name for name in reference.outputs if name not in candidate]
    only_candidate = [name for name in candidate if name not in reference.outputs]
    parts = [
        f"only the {side} returns {', '.join(f'`{name}`' for name in names)}"
        for side, names in (("reference", only_reference), ("candidate", only_candidate))
        if names
    ]
    return "; ".join(parts) or None


def _compare_gradients(
    reference: Mapping[str, torch.Tensor | None], candidate: Mapping[str, torch.Tensor | None], tolerance: float
) -> tuple[tuple[TensorComparison, ...], tuple[str, ...]]:
    compared: list[TensorComparison] = []
    unreached: list[str] = []
    for name, ours in reference.items():
        theirs = candidate.get(name)
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
