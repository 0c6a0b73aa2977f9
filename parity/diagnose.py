"""Tries the known pitfalls on copies of both sides, and says which one explains how much of their difference."""

from __future__ import annotations

import copy
import itertools
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import msgspec
import torch

from parity.bisect import ROUNDING, Specimen
from parity.errors import ParityError
from parity.execution import Execution, execute
from parity.experiments import EXPERIMENTS, Variant, variants
from parity.observing import left_as_found


# A change that leaves less of the difference than this explains it.
_EXPLAINED = 0.01
# One that closes less than this is not worth a line.
_WORTH_SHOWING = 0.3
# So many of the changes of each side that close anything are tried in pairs.
_PAIRED = 6


class Cause(msgspec.Struct, frozen=True):
    """A change that brings the two sides together.

    Attributes:
        experiment: The pitfall, or `rounding`, `global generator`, `state` for what needs no change.
        side: `candidate` if the change mends the candidate; `reference` if it makes the reference do what the
            candidate does, which then has the change already.
        text: What was changed.
        closed: The part of the difference that it closes, up to 1.
        remedy: What to do.
    """

    experiment: str
    side: str
    text: str
    closed: float
    remedy: str

    @property
    def explains(self) -> bool:
        """Whether next to nothing of the difference is left."""
        return self.closed >= 1 - _EXPLAINED


class Diagnosis(msgspec.Struct, frozen=True, tag_field="command", tag="diagnose"):
    """The answer; also the JSON report, whose form `schema` numbers.

    Attributes:
        verdict: `agree`, `explained` (see the first cause) or `unexplained`.
        difference: The distance of the outputs, of the size of the reference's.
        tried: The number of changes.
        failed: Of these, changes with which the side could not run.
        causes: What closes a good part of the difference, best first.
    """

    schema: int
    reference: str
    candidate: str
    verdict: str
    dtype: str
    difference: float
    tried: int
    failed: int
    causes: tuple[Cause, ...]


def diagnose(
    reference: Specimen,
    candidate: Specimen,
    dtype: torch.dtype,
    tolerance: float | None = None,
    seed: int = 0,
    announce: Callable[[str], None] = lambda step: None,
) -> Diagnosis:
    """Runs the experiments on copies of both sides, up to the first that explains the difference.

    If none does, the most promising changes are tried in pairs.

    Args:
        reference: The side that is taken to be right. Neither side is changed.
        candidate: The side that is examined.
        dtype: The dtype that both are in.
        tolerance: The distance, of the size of the reference's output, that counts as agreement; rounding by default.
        seed: For global random generators.
        announce: Is told each experiment before it begins.

    Raises:
        ParityError: If a side cannot run, or the outputs cannot be compared.
    """
    limit = ROUNDING[dtype] if tolerance is None else tolerance
    with left_as_found(reference.module, candidate.module):
        ours, theirs = _outputs(reference, seed), _outputs(candidate, seed)
        if not all(bool(each.isfinite().all()) for each in ours.values()):
            raise ParityError(
                f"{reference.name}: the reference itself has NaN or infinity in its output. Give it weights and "
                "inputs that it can compute with."
            )
        if not all(bool(each.isfinite().all()) for each in theirs.values()):
            raise ParityError(
                f"{candidate.name}: has NaN or infinity in its output, to which no distance can be measured. "
                "`parity bisect` names the module where it begins."
            )
        before = _distance(ours, theirs)
        if before is None:
            raise ParityError(
                "The outputs have other names or shapes, so no change can be judged: `parity compare` them."
            )
        causes: list[Cause] = []
        tried = failed = 0
        if before > limit:
            trials = _try_all(reference, candidate, (theirs, ours), before, limit, seed, announce)
            tried, failed = len(trials), sum(trial.closed is None for trial in trials)
            if not any(trial.explains for trial in trials):
                trials += _try_pairs(reference, candidate, (theirs, ours), trials, before, limit, seed, announce)
            causes += [trial.as_cause() for trial in trials if (trial.closed or 0) >= _WORTH_SHOWING]
            causes += _without_change(reference, candidate, dtype, before, seed, announce)
    causes.sort(key=lambda cause: -cause.closed)
    verdict = "agree" if before <= limit else "explained" if causes and causes[0].explains else "unexplained"
    name = str(dtype).removeprefix("torch.")
    return Diagnosis(1, reference.name, candidate.name, verdict, name, before, tried, failed, tuple(causes))


@dataclass(frozen=True)
class _Trial:
    """A change, or two, that were tried on one side; `closed` is None if the side could not run with them."""

    side: str
    variants: tuple[Variant, ...]
    remedies: tuple[str, ...]
    closed: float | None

    @property
    def explains(self) -> bool:
        return self.closed is not None and self.closed >= 1 - _EXPLAINED

    def as_cause(self) -> Cause:
        names = " and ".join(dict.fromkeys(each.experiment for each in self.variants))
        text = ", and ".join(each.text for each in self.variants)
        return Cause(names, self.side, text, self.closed or 0.0, " ".join(dict.fromkeys(self.remedies)))


def _try_all(
    reference: Specimen,
    candidate: Specimen,
    targets: tuple[Mapping[str, torch.Tensor], Mapping[str, torch.Tensor]],
    before: float,
    limit: float,
    seed: int,
    announce: Callable[[str], None],
) -> list[_Trial]:
    """Tries one experiment after the other on both sides, up to the first that explains the difference."""
    trials: list[_Trial] = []
    for experiment in EXPERIMENTS:
        for side, specimen, target in (("candidate", candidate, targets[1]), ("reference", reference, targets[0])):
            for variant in variants(experiment, specimen.module, specimen.inputs):
                announce(f"{side}: {variant.text}")
                closed = _closed(specimen, (variant,), target, before, limit, seed)
                trials.append(_Trial(side, (variant,), (experiment.remedy,), closed))
        if any(trial.explains for trial in trials):
            break
    return trials


def _try_pairs(
    reference: Specimen,
    candidate: Specimen,
    targets: tuple[Mapping[str, torch.Tensor], Mapping[str, torch.Tensor]],
    trials: list[_Trial],
    before: float,
    limit: float,
    seed: int,
    announce: Callable[[str], None],
) -> list[_Trial]:
    """Tries the most promising changes of each side in pairs, for two faults at a time."""
    pairs: list[_Trial] = []
    for side, specimen, target in (("candidate", candidate, targets[1]), ("reference", reference, targets[0])):
        promising = [trial for trial in trials if trial.side == side and (trial.closed or 0) > 0]
        promising = sorted(promising, key=lambda trial: -(trial.closed or 0))[:_PAIRED]
        for first, second in itertools.combinations(promising, 2):
            both = (*first.variants, *second.variants)
            announce(f"{side}: {both[0].text}, and {both[1].text}")
            closed = _closed(specimen, both, target, before, limit, seed)
            pairs.append(_Trial(side, both, (*first.remedies, *second.remedies), closed))
            if pairs[-1].explains:
                break
    return [pair for pair in pairs if pair.explains]


def _closed(
    specimen: Specimen,
    changes: tuple[Variant, ...],
    target: Mapping[str, torch.Tensor],
    before: float,
    limit: float,
    seed: int,
) -> float | None:
    """The part of the difference that changes to a copy close, or None if it cannot run with them."""
    module, inputs = copy.deepcopy(specimen.module), dict(specimen.inputs)
    for variant in changes:
        variant.change(module, inputs)
    execution = execute(module, inputs, seed, gradients=False)
    after = None if execution.problem else _distance(target, execution.outputs)
    if after is None:
        return None
    # What is left of it may be the rounding that the two would have without a fault.
    return 1.0 if after <= limit < before else 1 - after / before


def _without_change(
    reference: Specimen,
    candidate: Specimen,
    dtype: torch.dtype,
    before: float,
    seed: int,
    announce: Callable[[str], None],
) -> Iterator[Cause]:
    """What can be told by running again: in another dtype, with another seed, or a second time."""
    announce("running once more")
    again = _distance(_outputs(candidate, seed), _outputs(_copied(candidate, runs=1, seed=seed), seed))
    if again:
        text = "a second call on the same inputs gives another output"
        yield Cause("state", "candidate", text, 1.0, "Reset what the model keeps between calls before each.")
    if _distance(_outputs(candidate, seed), _outputs(candidate, seed + 1)):
        text = "another seed of the global generator gives another output"
        remedy = "Draw where the reference draws, in its order, and seed immediately before each side runs."
        yield Cause("global generator", "candidate", text, 1.0, remedy)
    if dtype in (torch.bfloat16, torch.float16):
        announce("running both in float32")
        wide = [_in_float32(side) for side in (reference, candidate)]
        after = _distance(_outputs(wide[0], seed), _outputs(wide[1], seed))
        if after is not None and after <= ROUNDING[torch.float32]:
            text = f"in float32 {after:.1e} is left of {before:.1e}"
            remedy = (
                "Nothing to mend: allow for rounding in this dtype, or order the operations as the reference does."
            )
            yield Cause("rounding", "candidate", text, 1.0, remedy)


def _copied(specimen: Specimen, runs: int, seed: int) -> Specimen:
    """A copy that has run before."""
    module = copy.deepcopy(specimen.module)
    for _ in range(runs):
        execute(module, specimen.inputs, seed, gradients=False)
    return Specimen(specimen.name, module, specimen.inputs)


def _in_float32(specimen: Specimen) -> Specimen:
    inputs = {
        name: each.float() if isinstance(each, torch.Tensor) and each.is_floating_point() else each
        for name, each in specimen.inputs.items()
    }
    return Specimen(specimen.name, copy.deepcopy(specimen.module).float(), inputs)


def _outputs(specimen: Specimen, seed: int) -> dict[str, torch.Tensor]:
    # Each run has a copy, so that what a forward keeps does not reach the next.
    execution: Execution = execute(copy.deepcopy(specimen.module), specimen.inputs, seed, gradients=False)
    if execution.problem:
        raise ParityError(f"{specimen.name}: cannot run on these inputs: {execution.problem}")
    return execution.outputs


def _distance(reference: Mapping[str, torch.Tensor], candidate: Mapping[str, torch.Tensor]) -> float | None:
    """The norm of the difference, of the norm of the reference; None if the two cannot be subtracted."""
    if len(reference) == len(candidate) == 1:
        candidate = dict(zip(reference, candidate.values(), strict=True))
    if reference.keys() != candidate.keys():
        return None
    if any(reference[name].shape != candidate[name].shape for name in reference):
        return None
    size = sum(float(each.double().square().sum()) for each in reference.values())
    gap = sum(float((each.double() - candidate[name].double()).square().sum()) for name, each in reference.items())
    value = (gap / size) ** 0.5 if size else gap**0.5
    return value if value == value else float("inf")
