"""Says which of the known pitfalls explains the difference of two models, by experiments on copies of both."""

from __future__ import annotations

import copy
import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import torch
from torch import nn

from parity.bisection.bisect import ROUNDING, Passage, Specimen, bisect
from parity.bisection.gaps import Gauge, largest
from parity.bisection.pairing import ModulePair, pair_modules
from parity.diagnosis.experiments.models import MODEL_EXPERIMENTS
from parity.diagnosis.experiments.variant import Change, Experiment, Proposals
from parity.diagnosis.explaining import Cause, Diagnosis, Place, Proposal, distance, explain
from parity.diagnosis.working_copy import WorkingCopy
from parity.errors import ParityError
from parity.forwards.execution import execute, own_inputs
from parity.forwards.lockstep import Halt, halting
from parity.forwards.observing import left_as_found
from parity.forwards.seeding import seeded


_OUTPUT = Place("the output", (ModulePair("", ""), True, 0))


def diagnose(
    reference: Specimen,
    candidate: Specimen,
    dtype: torch.dtype,
    tolerance: float | None = None,
    seed: int = 0,
    announce: Callable[[str], None] = lambda step: None,
) -> Diagnosis:
    """Runs the experiments on copies of both sides until the difference is explained.

    Args:
        reference: The side that is taken to be right. Neither side is changed.
        candidate: The side that is examined.
        dtype: The dtype that both are in.
        tolerance: The distance, of the size of the reference's output, that counts as agreement; by default 0 where
            both trees have the same names, else what rounding makes.
        seed: For global random generators.
        announce: Is told each change before it is tried.

    Raises:
        ParityError: If a side cannot run, or the outputs cannot be compared.
    """
    pairs = pair_modules(reference.module, candidate.module, {})
    if tolerance is None:
        tolerance = 0.0 if all(pair.reference == pair.candidate for pair in pairs) else ROUNDING[dtype]
    name = str(dtype).removeprefix("torch.")
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
        before = distance(ours, theirs)
        if before is None:
            raise ParityError(
                "The outputs have other names or shapes, so no change can be judged: `parity compare` them."
            )
        if before <= tolerance:
            return Diagnosis(1, reference.name, candidate.name, "agree", name, before, 0, 0, 0, ())
        rounding = _rounding(reference, candidate, dtype, before, seed, announce)
        # What float32 does not show is a matter of dtypes.
        chosen = [each for each in MODEL_EXPERIMENTS if each.is_of_dtype or rounding is None]
        found = explain(_Models(dtype, tolerance, seed, tuple(chosen)), reference, candidate, announce)
        kept, others, is_whole = list(found.kept), list(found.others), found.is_whole
        if rounding is not None and not is_whole:
            kept, others, is_whole = [rounding], [*kept, *others], True
        elif rounding is not None:
            others.append(rounding)
        elif not is_whole and (told := list(_without_change(reference, candidate, before, seed, announce))):
            kept, others, is_whole = [*kept, *told], others, True
    verdict = "explained" if is_whole else "partly" if kept else "unexplained"
    causes = (*kept, *others)
    leads = () if is_whole else found.leads
    return Diagnosis(
        1, reference.name, candidate.name, verdict, name, before, found.tried, found.failed, len(kept), causes, leads
    )


class _Models:
    """Two models as a bench: they part in a module, and at the output.

    Args:
        dtype: The dtype that both are in.
        tolerance: The difference that is none.
        seed: For global random generators.
        experiments: What to try.
    """

    def __init__(
        self, dtype: torch.dtype, tolerance: float, seed: int, experiments: tuple[Experiment[Proposals], ...]
    ) -> None:
        self._dtype, self._tolerance, self._seed, self._experiments = dtype, tolerance, seed, experiments
        self._copies: dict[int, tuple[Specimen, WorkingCopy]] = {}
        # The calls whose results differed when nothing was changed.
        self._parted: set[tuple[str, int]] = set()

    def locate(self, reference: Specimen, candidate: Specimen, *, is_changed: bool) -> tuple[Place, ...]:
        # A change may leave rounding where the two would otherwise be equal.
        tolerance = max(self._tolerance, ROUNDING[self._dtype]) if is_changed else self._tolerance
        found = bisect(reference, candidate, self._dtype, tolerance, seed=self._seed)
        places = {
            (each.reference, each.candidate): each for each in pair_modules(reference.module, candidate.module, {})
        }

        def leaving(passage: Passage) -> Place:
            pair = places[passage.reference, passage.candidate]
            return Place(f"`{passage.candidate}`", (pair, True, passage.call))

        parted = [each for each in found.passages if each.candidate and each.leaving > tolerance]
        if is_changed:
            if largest(found.output) <= tolerance:
                return ()
            # A change of weights shows inside too; what was equal before it is no fault.
            left = (each for each in parted if (each.candidate, each.call) in self._parted)
            return *(leaving(each) for each in itertools.islice(left, 1)), _OUTPUT
        self._parted = {(each.candidate, each.call) for each in parted}
        if found.verdict == "agree":
            return ()
        if found.finding is None:
            return (_OUTPUT,)
        begin: list[Place] = []
        for passage in found.passages:
            if passage.candidate == found.finding.differing and passage.entering > tolerance:
                pair = places[passage.reference, passage.candidate]
                begin = [Place(f"what enters `{passage.candidate}`", (pair, False, passage.call))]
                break
        within = [leaving(found.finding.passage)] if found.finding.passage.candidate else []
        return *begin, *within, _OUTPUT

    def read(
        self, side: Specimen, which: str, changes: Sequence[Change], places: tuple[Place, ...]
    ) -> Mapping[Place, Any] | None:
        wanted = {(getattr(place.key[0], which), *place.key[1:]): place for place in places}
        found: dict[Place, Any] = {}

        def halted(halt: Halt) -> None:
            place = wanted.get((halt.path, halt.leaves, halt.call))
            if place is not None:
                found[place] = {name: tensor.clone() for name, tensor in halt.tensors.items()}

        with self._copy_of(side).lent() as module:
            try:
                changed, inputs = _change(module, side.inputs, changes)
                paths = {path for path, *_ in wanted}
                with seeded(self._seed), torch.no_grad(), halting(changed, paths, halted):
                    changed(**own_inputs(inputs))
            except Exception:
                # A config that the weights do not fit, a path that the first change took away, a shape.
                return None
        return found

    def changed(self, side: Specimen, changes: Sequence[Change]) -> Specimen:
        module, inputs = _change(copy.deepcopy(side.module), side.inputs, changes)
        return replace(side, module=module, inputs=inputs)

    def _copy_of(self, side: Specimen) -> WorkingCopy:
        # Copying takes longer than a forward of a small model, so one copy serves all changes of a side.
        if id(side) not in self._copies:
            self._copies = {**dict(list(self._copies.items())[-1:]), id(side): (side, WorkingCopy(side.module))}
        return self._copies[id(side)][1]

    def measure(self, place: Place, ours: Any, theirs: Any) -> float | None:
        if ours is None or theirs is None:
            return None
        if place == _OUTPUT:
            return distance(ours, theirs)
        gaps, _ = Gauge().compare_sets(ours, theirs, place.key[0], are_outputs=place.key[1])
        return largest(gaps) if gaps else None

    def agrees(self, gap: float) -> bool:
        return gap <= self._tolerance

    def propose(self, side: Specimen, other: Specimen, which: str) -> Iterator[tuple[str, Iterator[Proposal[Change]]]]:
        for each in self._experiments:
            if which == "reference" and each.can_be_undone:
                yield each.name, iter(())
            else:
                yield each.name, _proposals(each, side, other)


def _proposals(each: Experiment[Proposals], side: Specimen, other: Specimen) -> Iterator[Proposal[Change]]:
    return (Proposal(each.name, each.remedy, text, change) for text, change in each.propose(side, other))


def _change(
    module: nn.Module, inputs: Mapping[str, Any], changes: Sequence[Change]
) -> tuple[nn.Module, dict[str, Any]]:
    own = dict(inputs)
    for change in changes:
        module = change(module, own) or module
    return module, own


def _rounding(
    reference: Specimen,
    candidate: Specimen,
    dtype: torch.dtype,
    before: float,
    seed: int,
    announce: Callable[[str], None],
) -> Cause | None:
    """Whether the difference is one of a lower dtype alone."""
    if dtype not in (torch.bfloat16, torch.float16):
        return None
    announce("running both in float32")
    wide = [_in_float32(side) for side in (reference, candidate)]
    after = distance(_outputs(wide[0], seed), _outputs(wide[1], seed))
    if after is None or after > ROUNDING[torch.float32]:
        return None
    remedy = "Nothing to mend: allow for rounding in this dtype, or order the operations as the reference does."
    text = f"in float32 {after:.1e} is left of {before:.1e}"
    return Cause("rounding", "candidate", text, 1.0, _OUTPUT.name, remedy)


def _without_change(
    reference: Specimen, candidate: Specimen, before: float, seed: int, announce: Callable[[str], None]
) -> Iterator[Cause]:
    """What can be told by running again: with another seed, or a second time."""
    announce("running once more")
    if _changes_when_repeated(candidate, seed) and not _changes_when_repeated(reference, seed):
        text = "a second call on the same inputs gives another output"
        remedy = "Reset what the model keeps between calls before each."
        yield Cause("state", "candidate", text, 1.0, _OUTPUT.name, remedy)
    spread = distance(_outputs(candidate, seed), _outputs(candidate, seed + 1)) or 0.0
    # If both draw the same numbers in the same order, the difference has nothing to do with the draws.
    if spread and (before > spread / 4 or not distance(_outputs(reference, seed), _outputs(reference, seed + 1))):
        text = "another seed of the global generator gives another output"
        remedy = "Draw where the reference draws, in its order, and seed immediately before each side runs."
        yield Cause("global generator", "candidate", text, 1.0, _OUTPUT.name, remedy)


def _changes_when_repeated(side: Specimen, seed: int) -> bool:
    module = copy.deepcopy(side.module)
    first = execute(module, side.inputs, seed, gradients=False).outputs
    return bool(distance(first, execute(module, side.inputs, seed, gradients=False).outputs))


def _in_float32(specimen: Specimen) -> Specimen:
    inputs = {
        name: each.float() if isinstance(each, torch.Tensor) and each.is_floating_point() else each
        for name, each in specimen.inputs.items()
    }
    return replace(specimen, module=copy.deepcopy(specimen.module).float(), inputs=inputs)


def _outputs(specimen: Specimen, seed: int) -> dict[str, torch.Tensor]:
    # Each run has a copy, so that what a forward keeps does not reach the next.
    execution = execute(copy.deepcopy(specimen.module), specimen.inputs, seed, gradients=False)
    if execution.problem:
        raise ParityError(f"{specimen.name}: cannot run on these inputs: {execution.problem}")
    return execution.outputs
