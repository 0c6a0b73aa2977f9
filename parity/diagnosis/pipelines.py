"""Says which of the known pitfalls explains the difference of two pipelines, by experiments on copies of both."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import torch

from parity.bisection.bisect import ROUNDING
from parity.diagnosis.experiments.pipelines import PIPELINE_EXPERIMENTS, RigProposals, View
from parity.diagnosis.experiments.rigging import RigChange
from parity.diagnosis.experiments.variant import Experiment
from parity.diagnosis.explaining import Cause, Diagnosis, Place, Proposal, distance, explain
from parity.diagnosis.rigs import Rig
from parity.errors import ParityError
from parity.forwards.seeding import seeded
from parity.pipelines.running import component_modules
from parity.pipelines.stages import Checkpoint
from parity.pipelines.trace import Runnable, latents_of, picture_tensors, under_names_of


_START = Place("what enters the loop", "preloop")
_DECODED = Place("what the decoder makes of the same latents", "decoded")
_RESULT = Place("the result", "result")


def diagnose_pipelines(
    reference: Runnable,
    candidate: Runnable,
    steps: int,
    names: Mapping[str, str] | None = None,
    injected: Mapping[str, torch.Tensor] | None = None,
    tolerance: float = 0.0,
    seed: int = 0,
    announce: Callable[[str], None] = lambda step: None,
) -> Diagnosis:
    """Runs the experiments on copies of both pipelines until the difference is explained.

    Args:
        reference: The pipeline that is taken to be right. Neither is changed.
        candidate: The other.
        steps: The number of steps that both take.
        names: What the candidate calls the reference's values at `preloop`.
        injected: Tensors that the candidate gets in place of its own at `preloop`, by the candidate's names: what was
            saved of the reference and put in.
        tolerance: The largest difference, of the size of the reference's tensor, that is none.
        seed: For global random generators.
        announce: Is told each change before it is tried.

    Raises:
        ParityError: If a pipeline lacks a place, or tensors are to be injected that nothing reads.
    """
    # Components that are made anew draw weights before they get theirs.
    with seeded(seed):
        first = Rig(reference.name, reference.pipeline, dict(reference.arguments))
        second = Rig(candidate.name, candidate.pipeline, dict(candidate.arguments), dict(injected or {}))
        bench = _Pipelines(steps, dict(names or {}), tolerance, seed)
        announce(f"running {reference.name} and {candidate.name}")
        if injected:
            _check_injected(injected, bench.pass_through(replace(second, injected={})))
        ours, theirs = bench.pass_through(first), bench.pass_through(second)
        before = bench.measure(_RESULT, ours["result"], theirs["result"])
        if before is None:
            raise ParityError(
                "The results have other names or shapes, so no change can be judged: `parity trace` them."
            )
        dtype = str(latents_of(ours["step_0"], "step_0").dtype).removeprefix("torch.")
        if not bench.locate(first, second, is_changed=False):
            return Diagnosis(1, reference.name, candidate.name, "agree", dtype, before, 0, 0, 0, ())
        found = explain(bench, first, second, announce)
        kept, others, is_whole = list(found.kept), list(found.others), found.is_whole
        if not is_whole:
            announce("running once more")
            told = [*_state(first, second), *_rounding((first, second), steps, names or {}, before, seed)]
            kept, is_whole = [*kept, *told], bool(told)
        verdict = "explained" if is_whole else "partly" if kept else "unexplained"
        return Diagnosis(
            1,
            reference.name,
            candidate.name,
            verdict,
            dtype,
            before,
            found.tried,
            found.failed,
            len(kept),
            (*kept, *others),
            () if is_whole else found.leads,
        )


class _Pipelines:
    """Two pipelines as a bench: they part in what enters the loop, in the decoder, or in a step.

    Args:
        steps: The number of steps that both take.
        names: What the candidate calls the reference's values at `preloop`.
        tolerance: The largest relative difference that is none.
        seed: For global random generators.
    """

    def __init__(self, steps: int, names: Mapping[str, str], tolerance: float, seed: int) -> None:
        self._steps, self._names, self._tolerance, self._seed = steps, names, tolerance, seed
        self._passed: dict[int, tuple[Rig, dict[str, Any]]] = {}
        # What the reference's decoder was given when the two were last compared.
        self._latents: Mapping[str, Any] = {}

    def pass_through(self, side: Rig) -> dict[str, Any]:
        """What passes all places of one side, and its result, in a run of a copy."""
        if id(side) not in self._passed:
            self._passed = {**dict(list(self._passed.items())[-3:]), id(side): (side, self._run(side))}
        return self._passed[id(side)][1]

    def _run(self, side: Rig) -> dict[str, Any]:
        places = ("preloop", *(f"step_{step}" for step in range(self._steps)), "decode")
        checkpoints = {place: Checkpoint(save=True) for place in places}
        result = side.run(checkpoints, self._seed)
        passed: dict[str, Any] = {place: checkpoint.data for place, checkpoint in checkpoints.items()}
        return {**passed, "result": picture_tensors(result)}

    def _decode(self, side: Rig, own: Mapping[str, Any]) -> dict[str, torch.Tensor]:
        loaded = Checkpoint(load=True, data=under_names_of(self._latents, own, "decode"))
        return picture_tensors(side.run({"decode": loaded}, self._seed))

    def locate(self, reference: Rig, candidate: Rig, *, is_changed: bool) -> tuple[Place, ...]:
        ours, theirs = self.pass_through(reference), self.pass_through(candidate)
        self._latents = ours["decode"]
        tolerance = max(self._tolerance, ROUNDING[torch.float32]) if is_changed else self._tolerance

        def part(place: Place, one: Any, other: Any) -> bool:
            gap = self.measure(place, one, other)
            return gap is None or gap > tolerance

        if part(_START, ours["preloop"], theirs["preloop"]):
            return _START, _RESULT
        if part(_DECODED, ours["result"], self._decode(candidate, theirs["decode"])):
            return _DECODED, _RESULT
        for step in range(self._steps):
            place = Place(f"step {step}", f"step_{step}")
            if part(place, ours[place.key], theirs[place.key]):
                return place, _RESULT
        return (_RESULT,) if part(_RESULT, ours["result"], theirs["result"]) else ()

    def read(
        self, side: Rig, which: str, changes: Sequence[RigChange], places: tuple[Place, ...]
    ) -> Mapping[Place, Any] | None:
        try:
            changed = self.changed(side, changes) if changes else side
            passed = self._run(changed) if changes else self.pass_through(side)
            found = {place: passed.get(place.key) for place in places}
            if _DECODED in found:
                found[_DECODED] = self._decode(changed, passed["decode"])
        except Exception:
            # A config that the weights do not fit, an argument that the call refuses.
            return None
        return found

    def changed(self, side: Rig, changes: Sequence[RigChange]) -> Rig:
        copied = side.copied()
        for change in changes:
            change(copied)
        return copied

    def measure(self, place: Place, ours: Any, theirs: Any) -> float | None:
        if ours is None or theirs is None:
            return None
        if place in (_RESULT, _DECODED):
            return distance(ours, theirs)
        if place != _START:
            return distance({"latents": latents_of(ours, place.key)}, {"latents": latents_of(theirs, place.key)})
        gaps: list[float] = []
        for name, tensor in ours.items():
            other = theirs.get(self._names.get(name, name))
            if isinstance(tensor, torch.Tensor) and isinstance(other, torch.Tensor):
                gap = distance({"": tensor.float()}, {"": other.float()})
                if gap is None:
                    return None
                gaps.append(gap)
        # Each counts as much as the others, whatever its size.
        return math.hypot(*gaps)

    def agrees(self, gap: float) -> bool:
        return gap <= self._tolerance

    def propose(self, side: Rig, other: Rig, which: str) -> Iterator[tuple[str, Iterator[Proposal[RigChange]]]]:
        ours = View(side, self.pass_through(side), self._steps, which)
        theirs = View(other, self.pass_through(other), self._steps, "")
        for each in PIPELINE_EXPERIMENTS:
            yield each.name, _proposals(each, ours, theirs)


def _proposals(each: Experiment[RigProposals], side: View, other: View) -> Iterator[Proposal[RigChange]]:
    return (Proposal(each.name, each.remedy, text, change) for text, change in each.propose(side, other))


def _check_injected(injected: Mapping[str, torch.Tensor], passed: Mapping[str, Any]) -> None:
    start = passed["preloop"]
    for name, tensor in injected.items():
        if name not in start:
            raise ParityError(f"Nothing reads an injected `{name}`; what enters the loop is {', '.join(start)}.")
        if isinstance(start[name], torch.Tensor) and start[name].shape != tensor.shape:
            raise ParityError(
                f"The injected `{name}` is {tuple(tensor.shape)} and {tuple(start[name].shape)} is needed."
            )


def _state(reference: Rig, candidate: Rig) -> Iterator[Cause]:
    """Whether a second call on one pipeline gives another result, as the reference's does not."""

    def changes(side: Rig) -> bool:
        rig = side.copied()
        first, second = (picture_tensors(rig.run_in_place({}, 0)) for _ in range(2))
        return bool(distance(first, second))

    if changes(candidate) and not changes(reference):
        text = "a second call gives another result"
        yield Cause("state", "candidate", text, 1.0, _RESULT.name, "Put back what is kept before each call.")


def _rounding(sides: Sequence[Rig], steps: int, names: Mapping[str, str], before: float, seed: int) -> Iterator[Cause]:
    """Whether the difference is one of a lower dtype alone."""
    kinds = {
        each.dtype
        for side in sides
        for module in component_modules(side.pipeline).values()
        for each in module.parameters()
    }
    if not kinds & {torch.bfloat16, torch.float16}:
        return
    bench = _Pipelines(steps, names, ROUNDING[torch.float32], seed)
    results = []
    for side in sides:
        rig = side.copied()
        for module in component_modules(rig.pipeline).values():
            module.float()
        results.append(bench.pass_through(rig)["result"])
    after = distance(*results)
    if after is not None and after <= ROUNDING[torch.float32]:
        text = f"in float32 {after:.1e} is left of {before:.1e}"
        remedy = "Nothing to mend: allow for rounding in this dtype, or order the operations as the reference does."
        yield Cause("rounding", "candidate", text, 1.0, _RESULT.name, remedy)
