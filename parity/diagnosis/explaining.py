"""Tries changes on copies of two sides until nothing is left of their difference; for models and for pipelines.

The first place where the two part is sought. What closes the difference there, or at the end, is kept, and the search
goes on from there: so several faults are told apart, each by its own place.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar

import msgspec
import torch

from parity.diagnosis.leads import Lead, describe


Side = TypeVar("Side")
Change = TypeVar("Change")

# A change that leaves less of the difference than this explains it.
_EXPLAINED = 0.01
# One that closes less than this is not worth a line.
_WORTH_SHOWING = 0.3
# So many of the changes of each side that close anything are tried in pairs.
_PAIRED = 6
# More faults than these at a time are not told apart; one fault may stand in several places.
_FAULTS = 3
_PLACES = 12


class Cause(msgspec.Struct, frozen=True):
    """A change that brings the two sides together.

    Attributes:
        experiment: The pitfall, or `rounding`, `state` and the like for what needs no change.
        side: `candidate` if the change mends the candidate; `reference` if it makes the reference do what the
            candidate does, which then has the change already.
        text: What was changed.
        closed: The part of the difference that it closes at that place, up to 1.
        place: Where the difference was measured.
        remedy: What to do.
    """

    experiment: str
    side: str
    text: str
    closed: float
    place: str
    remedy: str


class Diagnosis(msgspec.Struct, frozen=True, tag_field="command", tag="diagnose"):
    """The answer; also the JSON report, whose form `schema` numbers.

    Attributes:
        verdict: `agree`, `explained` (by the first causes, as many as `explained_by` says), `partly` (these close the
            difference where it begins, and something else is left) or `unexplained`.
        difference: The distance of the outputs, of the size of the reference's.
        tried: The number of changes.
        failed: Of these, changes with which the side could not run.
        explained_by: How many causes are kept together; what follows them would do in place of one of them, or closes
            a part.
        causes: What closes a good part of the difference.
        leads: Where something is left that nothing explains, what it looks like there.
    """

    schema: int
    reference: str
    candidate: str
    verdict: str
    dtype: str
    difference: float
    tried: int
    failed: int
    explained_by: int
    causes: tuple[Cause, ...]
    leads: tuple[Lead, ...] = ()


@dataclass(frozen=True)
class Proposal(Generic[Change]):
    """One change that an experiment has for a side.

    Attributes:
        experiment: The experiment's name.
        remedy: What to do when it explains the difference.
        text: What is changed, after `with`.
        change: What the bench makes the change by.
    """

    experiment: str
    remedy: str
    text: str
    change: Change


@dataclass(frozen=True)
class Place:
    """Where the two sides are compared: its name for people, and the key by which a bench knows it."""

    name: str
    key: Any


class Bench(Protocol[Side, Change]):
    """How two sides are run and compared."""

    def locate(self, reference: Side, candidate: Side, *, is_changed: bool) -> tuple[Place, ...]:
        """Where the two part first, wider places after it, the result last; nothing if they agree.

        It is asked first with the sides as they are, then each time with one of them changed.
        """

    def read(
        self, side: Side, which: str, changes: Sequence[Change], places: tuple[Place, ...]
    ) -> Mapping[Place, Any] | None:
        """What a copy of one side has at these places, once changed; None if it cannot be changed or run."""

    def changed(self, side: Side, changes: Sequence[Change]) -> Side:
        """A changed copy of a side."""

    def measure(self, place: Place, ours: Any, theirs: Any) -> float | None:
        """The difference at a place; None if what is there cannot be compared."""

    def agrees(self, gap: float) -> bool:
        """Whether a difference is none."""

    def propose(self, side: Side, other: Side, which: str) -> Iterator[tuple[str, Iterator[Proposal[Change]]]]:
        """The changes for one side, by the names of their experiments, each time in the same order."""


@dataclass(frozen=True)
class Trial(Generic[Change]):
    """A change, or two, that were tried on one side.

    Attributes:
        side: `reference` or `candidate`.
        proposals: What was changed.
        closed: The part of the difference that it closes at each place; None if the side could not run with it.
    """

    side: str
    proposals: tuple[Proposal[Change], ...]
    closed: tuple[float, ...] | None

    @property
    def at_the_end(self) -> float:
        """What it closes of the difference of the results."""
        return self.closed[-1] if self.closed else 0.0

    @property
    def at_best(self) -> float:
        """What it closes at the place where it closes most."""
        return max(self.closed) if self.closed else 0.0

    def as_cause(self, places: tuple[Place, ...]) -> Cause:
        """The trial for people, with what it closes at the end, or where else it explains the difference."""
        at = len(places) - 1
        if not _explains(self.at_the_end) and _explains(self.at_best) and self.closed:
            at = next(index for index, each in enumerate(self.closed) if _explains(each))
        names = " and ".join(dict.fromkeys(each.experiment for each in self.proposals))
        text = ", and ".join(each.text for each in self.proposals)
        remedy = " ".join(dict.fromkeys(each.remedy for each in self.proposals))
        return Cause(names, self.side, text, self.closed[at] if self.closed else 0.0, places[at].name, remedy)


@dataclass(frozen=True)
class Explanation:
    """What the search found.

    Attributes:
        kept: The causes that stand together.
        others: What would do in place of one of them, or closes a part.
        is_whole: Whether they explain the difference of the results.
        tried: The number of changes.
        failed: Of these, those with which a side could not run.
        leads: What the rest looks like, where it begins.
    """

    kept: tuple[Cause, ...]
    others: tuple[Cause, ...]
    is_whole: bool
    tried: int
    failed: int
    leads: tuple[Lead, ...]


def explain(
    bench: Bench[Side, Change], reference: Side, candidate: Side, announce: Callable[[str], None] = lambda step: None
) -> Explanation:
    """Looks for the changes that bring two sides together, of at most three experiments.

    Whoever makes a slip in one place has often made it in another, so that experiments which explained a part already
    come first afterwards.

    Args:
        bench: How the sides are run and compared.
        reference: The side that is taken to be right.
        candidate: The other.
        announce: Is told each change before it is tried.
    """
    sides: Mapping[str, Side] = {"candidate": candidate, "reference": reference}
    kept: list[Cause] = []
    others: list[Cause] = []
    tried = failed = 0
    is_whole = False
    places = bench.locate(reference, candidate, is_changed=False)
    while places and len(kept) < _PLACES:
        announce(f"the two part at {places[0].name}")
        known = {name for cause in kept for name in cause.experiment.split(" and ")}
        step = _search(bench, sides, places, announce, known)
        tried += len(step.trials)
        failed += sum(trial.closed is None for trial in step.trials)
        if step.best is None:
            if not is_whole:
                others += [each.as_cause(places) for each in step.trials if each.at_the_end >= _WORTH_SHOWING]
            break
        kept.append(step.best.as_cause(places))
        others += [each.as_cause(places) for each in step.trials if each is not step.best and _explains(each.at_best)]
        is_whole = is_whole or _explains(step.best.at_the_end)
        sides, places = step.sides, step.places
    others.sort(key=lambda cause: -cause.closed)
    is_whole = is_whole or not places
    leads = () if is_whole else tuple(_leads(bench, sides, places))
    return Explanation(tuple(kept), tuple(others), is_whole, tried, failed, leads)


def _leads(bench: Bench[Side, Change], sides: Mapping[str, Side], places: tuple[Place, ...]) -> list[Lead]:
    readings = {which: bench.read(side, which, (), places) or {} for which, side in sides.items()}

    def seen_at(place: Place) -> Iterator[Lead]:
        ours, theirs = (readings[which].get(place) for which in ("reference", "candidate"))
        if ours is not None and theirs is not None:
            yield from (Lead(place.name, text) for text in describe(ours, theirs))

    # At the end all causes show together, which tells less.
    return [lead for place in places[:-1] for lead in seen_at(place)] or list(seen_at(places[-1]))


def distance(reference: Mapping[str, torch.Tensor], candidate: Mapping[str, torch.Tensor]) -> float | None:
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


def _explains(closed: float) -> bool:
    return closed >= 1 - _EXPLAINED


@dataclass(frozen=True)
class _Step(Generic[Side, Change]):
    """The search for one fault: what was tried, the trial that is kept, and the two sides with it."""

    trials: list[Trial[Change]]
    best: Trial[Change] | None
    sides: Mapping[str, Side]
    places: tuple[Place, ...]


def _search(
    bench: Bench[Side, Change],
    sides: Mapping[str, Side],
    places: tuple[Place, ...],
    announce: Callable[[str], None],
    known: Collection[str],
) -> _Step[Side, Change]:
    """Tries one experiment after the other on both sides, up to the first that explains the difference.

    What explains it in the module where it begins is kept too, if the two part at another place then. Experiments
    that are known to explain a part come first, and are all that is tried once there are enough of them.
    """
    trials: list[Trial[Change]] = []
    targets = _targets(bench, sides, places)
    ours = bench.propose(sides["candidate"], sides["reference"], "candidate")
    theirs = bench.propose(sides["reference"], sides["candidate"], "reference")
    proposed = sorted(zip(ours, theirs, strict=True), key=lambda each: each[0][0] not in known)
    for (name, mine), (_, other) in proposed:
        if len(known) >= _FAULTS and name not in known:
            break
        fresh: list[Trial[Change]] = []
        for side, proposals in (("candidate", mine), ("reference", other)):
            for proposal in proposals:
                announce(f"{side}: {proposal.text}")
                fresh.append(Trial(side, (proposal,), _closed(bench, sides, side, (proposal,), places, targets)))
        trials += fresh
        if step := _accepted(bench, sides, places, trials, fresh):
            return step
    pairs = _try_pairs(bench, sides, places, targets, trials, announce)
    trials += pairs
    return _accepted(bench, sides, places, trials, pairs) or _Step(trials, None, sides, places)


def _accepted(
    bench: Bench[Side, Change],
    sides: Mapping[str, Side],
    places: tuple[Place, ...],
    trials: list[Trial[Change]],
    fresh: list[Trial[Change]],
) -> _Step[Side, Change] | None:
    """The best of the latest trials, if it explains something."""
    ends = [trial for trial in fresh if _explains(trial.at_the_end)]
    inside = [trial for trial in fresh if trial.closed and any(_explains(each) for each in trial.closed[:-1])]
    best = max(ends or inside, key=lambda trial: (trial.at_the_end, trial.at_best), default=None)
    if best is None:
        return None
    changed = bench.changed(sides[best.side], [proposal.change for proposal in best.proposals])
    after = {**sides, best.side: changed}
    next_places = bench.locate(after["reference"], after["candidate"], is_changed=True)
    if ends or not next_places or next_places[0] != places[0]:
        return _Step(trials, best, after, next_places)
    return None


def _try_pairs(
    bench: Bench[Side, Change],
    sides: Mapping[str, Side],
    places: tuple[Place, ...],
    targets: _Targets,
    trials: list[Trial[Change]],
    announce: Callable[[str], None],
) -> list[Trial[Change]]:
    """Tries the most promising changes of each side in pairs, for two faults at one place."""
    pairs: list[Trial[Change]] = []
    for side in sides:
        promising = [trial for trial in trials if trial.side == side and trial.at_best > 0]
        promising = sorted(promising, key=lambda trial: -trial.at_best)[:_PAIRED]
        for first, second in itertools.combinations(promising, 2):
            both = (*first.proposals, *second.proposals)
            announce(f"{side}: {both[0].text}, and {both[1].text}")
            pairs.append(Trial(side, both, _closed(bench, sides, side, both, places, targets)))
            if _explains(pairs[-1].at_the_end):
                return pairs
    return pairs


@dataclass(frozen=True)
class _Targets:
    """What each side has at the places, and how far apart they are there."""

    readings: Mapping[str, Mapping[Place, Any]]
    gaps: tuple[float, ...]


def _targets(bench: Bench[Side, Change], sides: Mapping[str, Side], places: tuple[Place, ...]) -> _Targets:
    readings = {which: bench.read(side, which, (), places) or {} for which, side in sides.items()}
    gaps = (
        bench.measure(place, readings["reference"].get(place), readings["candidate"].get(place)) for place in places
    )
    # An infinite difference, of NaN, counts as one of the size of the tensors.
    return _Targets(readings, tuple(1.0 if gap is None or gap == float("inf") else gap for gap in gaps))


def _closed(
    bench: Bench[Side, Change],
    sides: Mapping[str, Side],
    which: str,
    proposals: tuple[Proposal[Change], ...],
    places: tuple[Place, ...],
    targets: _Targets,
) -> tuple[float, ...] | None:
    """The part of the difference that changes to a copy close at each place, or None if it cannot run with them."""
    reading = bench.read(sides[which], which, [proposal.change for proposal in proposals], places)
    if reading is None or places[-1] not in reading:
        return None
    closed = []
    for place, before in zip(places, targets.gaps, strict=True):
        pair = {**{each: targets.readings[each].get(place) for each in sides}, which: reading.get(place)}
        after = bench.measure(place, pair["reference"], pair["candidate"])
        if after is None or not before:
            closed.append(0.0)
        else:
            # What is left of it may be the rounding that the two would have without a fault.
            closed.append(1.0 if bench.agrees(after) and not bench.agrees(before) else 1 - after / before)
    return tuple(closed)
