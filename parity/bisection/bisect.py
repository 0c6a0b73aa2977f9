"""The search for the first module whose inputs agree on both sides and whose output does not."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec
import torch
from torch import nn

from parity.bisection.gaps import Gap, Gauge, largest
from parity.bisection.pairing import ModulePair, pair_modules, unpaired
from parity.errors import ParityError, asks_for_gpu, describe
from parity.forwards.execution import own_inputs
from parity.forwards.lockstep import Follower, FollowerRaised, Halt, Steps, halting
from parity.forwards.observing import left_as_found
from parity.forwards.seeding import seeded


# Of the largest value. What two correct implementations differ by when they order their operations in another way;
# in float64 it is what their own casts to float32 leave.
ROUNDING = {torch.float64: 1e-6, torch.float32: 1e-5, torch.bfloat16: 3e-2, torch.float16: 4e-3}
# A module that makes a small difference this much larger did so by itself; less is rounding that is passed on.
_AMPLIFICATION = 10


class Passage(msgspec.Struct, frozen=True):
    """One call of a pair of modules.

    Attributes:
        reference: The path in the reference.
        candidate: The path in the candidate.
        call: How often the pair was called before.
        inputs: The inputs that both sides take.
        outputs: What both sides return.
        not_compared: Inputs of either side that have no partner.
    """

    reference: str
    candidate: str
    call: int
    inputs: tuple[Gap, ...]
    outputs: tuple[Gap, ...]
    not_compared: tuple[str, ...]

    @property
    def entering(self) -> float:
        """The largest relative difference of the inputs."""
        return largest(self.inputs)

    @property
    def leaving(self) -> float:
        """The largest relative difference of the outputs."""
        return largest(self.outputs)


class Finding(msgspec.Struct, frozen=True):
    """Where the two part.

    Attributes:
        passage: The first pair whose inputs agree and whose output does not.
        reference_class: The class of the reference's module.
        candidate_class: The class of the candidate's.
        agreeing: The last module inside that still agrees, by its path in the candidate.
        differing: The first module inside whose inputs differ, likewise: the fault lies between the two.
        inside: The smallest module of the candidate that holds both.
    """

    passage: Passage
    reference_class: str
    candidate_class: str
    agreeing: str | None
    differing: str | None
    inside: str


class Bisection(msgspec.Struct, frozen=True, tag_field="command", tag="bisect"):
    """The answer; also the JSON report, whose form `schema` numbers.

    Attributes:
        verdict: `agree`, `parted` (see `finding`), `spread` (the outputs differ and no module alone makes the
            difference) or `raised` (the candidate raises, see `problem`).
        dtype: The dtype of the run.
        tolerance: The relative difference that passes.
        pairs: The number of modules that were paired.
        reference_unpaired: Modules of the reference with weights that have no partner.
        candidate_unpaired: Those of the candidate.
        finding: Where the two part.
        problem: What the candidate raised, and where.
        output: The difference of the whole models' outputs.
        passages: Every call that was compared, in the order in which the reference leaves them.
    """

    schema: int
    reference: str
    candidate: str
    verdict: str
    dtype: str
    tolerance: float
    pairs: int
    reference_unpaired: tuple[str, ...]
    candidate_unpaired: tuple[str, ...]
    finding: Finding | None
    problem: str | None
    output: tuple[Gap, ...]
    passages: tuple[Passage, ...]


@dataclass(frozen=True)
class Specimen:
    """One side.

    Attributes:
        name: What people call it.
        module: Its module.
        inputs: Keyword arguments of its forward.
        config: Keyword arguments that its class was made with, defaults too; empty where nobody knows them.
    """

    name: str
    module: nn.Module
    inputs: Mapping[str, Any]
    config: Mapping[str, Any] = field(default_factory=dict)


@dataclass
class _Ledger:
    """What was compared so far, and by what."""

    gauge: Gauge = field(default_factory=Gauge)
    passages: list[Passage] = field(default_factory=list)
    entered: dict[tuple[ModulePair, int], tuple[tuple[Gap, ...], tuple[str, ...]]] = field(default_factory=dict)
    # Candidate modules whose inputs were compared, in that order, each with the largest difference.
    arrivals: list[tuple[str, float]] = field(default_factory=list)


def bisect(
    reference: Specimen,
    candidate: Specimen,
    dtype: torch.dtype,
    tolerance: float | None = None,
    modules: Mapping[str, str] | None = None,
    seed: int = 0,
    announce: Callable[[str], None] = lambda step: None,
) -> Bisection:
    """Runs both sides once, in step, and finds the first pair of modules that parts.

    Neither module is changed. Only the tensors that are being compared are in memory, unless the sides call their
    modules in another order.

    Args:
        reference: The side that is taken to be right.
        candidate: The side that is searched.
        dtype: The dtype that both are in; decides the tolerance.
        tolerance: The relative difference that passes; by default 0 where both trees have the same names, else what
            rounding makes.
        modules: Pairs of paths that the weights do not tell.
        seed: For global random generators.
        announce: Is told how far the run is.

    Raises:
        ParityError: If a path in `modules` does not exist, the reference raises, or has NaN in what it computes.
    """
    pairs = pair_modules(reference.module, candidate.module, modules or {})
    if tolerance is None:
        same = all(pair.reference == pair.candidate for pair in pairs)
        tolerance = 0.0 if same else ROUNDING[dtype]
    ours, theirs = unpaired(reference.module, candidate.module, pairs)
    ledger = _Ledger()
    problem = None
    with left_as_found(reference.module, candidate.module):
        try:
            _run_in_step(reference, candidate, pairs, seed, ledger, announce)
        except FollowerRaised as error:
            problem = str(error)
    loose = {pair.candidate for pair in pairs if pair.is_loose}
    finding = _find(ledger, reference.module, candidate.module, tolerance, loose)
    output = next((each.outputs for each in ledger.passages if each.candidate == ""), ())
    if problem:
        verdict = "raised"
    elif finding:
        verdict = "parted"
    else:
        verdict = "spread" if largest(output) > tolerance else "agree"
    return Bisection(
        schema=1,
        reference=reference.name,
        candidate=candidate.name,
        verdict=verdict,
        dtype=str(dtype).removeprefix("torch."),
        tolerance=tolerance,
        pairs=len(pairs),
        reference_unpaired=tuple(ours),
        candidate_unpaired=tuple(theirs),
        finding=finding,
        problem=problem,
        output=output,
        passages=tuple(ledger.passages),
    )


class _Unwinding(BaseException):
    """Carries what ends the comparison out of the reference's forward, which may catch exceptions of its own."""

    def __init__(self, error: Exception) -> None:
        super().__init__(str(error))
        self.error = error


def _run_in_step(
    reference: Specimen,
    candidate: Specimen,
    pairs: list[ModulePair],
    seed: int,
    ledger: _Ledger,
    announce: Callable[[str], None],
) -> None:
    by_reference: dict[str, list[ModulePair]] = defaultdict(list)
    for pair in pairs:
        by_reference[pair.reference].append(pair)
    wanted = Counter(pair.candidate for pair in pairs)
    left: set[str] = set()
    # Seeded around both, for an interrupted candidate may draw until it has ended.
    with seeded(seed), Steps(candidate.module, candidate.inputs, wanted, seed) as theirs:
        follower = Follower(theirs, wanted)

        def compare(halt: Halt) -> None:
            try:
                for pair in by_reference[halt.path]:
                    partner = follower.fetch(pair.candidate, halt.leaves, halt.call)
                    if partner is not None and _record(ledger, pair, halt, partner) == float("inf"):
                        _refuse_nan(halt, reference.name)
            except FollowerRaised as error:
                cause = error.__cause__
                if isinstance(cause, Exception) and asks_for_gpu(cause):
                    raise _Unwinding(ParityError(f"{candidate.name}: cannot run: {describe(cause)}")) from None
                raise _Unwinding(error) from None
            except Exception as error:
                raise _Unwinding(error) from None
            if halt.leaves:
                left.add(halt.path)
                announce(f"running both models: {len(left)} of {len(by_reference)} modules, {halt.path or 'output'}")

        with halting(reference.module, by_reference, compare), torch.no_grad():
            try:
                reference.module(**own_inputs(reference.inputs))
            except _Unwinding as unwinding:
                raise unwinding.error from None
            except Exception as error:
                raise ParityError(
                    f"{reference.name}: the reference cannot run on these inputs: {describe(error)}"
                ) from error


def _refuse_nan(halt: Halt, name: str) -> None:
    if halt.leaves:
        for place, tensor in halt.tensors.items():
            if tensor.is_floating_point() and not torch.isfinite(tensor).all() and not _masks(tensor):
                raise ParityError(
                    f"{name}: the reference itself has NaN or infinity in `{halt.path or 'its output'}` ({place}). "
                    "Give it weights and inputs that it can compute with."
                )


def _masks(tensor: torch.Tensor) -> bool:
    """Whether all that is not finite is minus infinity, as in an attention mask."""
    return bool((torch.isfinite(tensor) | (tensor == -torch.inf)).all())


def _record(ledger: _Ledger, pair: ModulePair, ours: Halt, theirs: Halt) -> float:
    """Notes what a pair takes or returns, and gives the largest relative difference."""
    key = (pair, ours.call)
    if not ours.leaves:
        gaps, alone = ledger.gauge.compare_sets(ours.tensors, theirs.tensors, pair, are_outputs=False)
        ledger.entered[key] = gaps, alone
        ledger.arrivals.append((pair.candidate, largest(gaps)))
        return largest(gaps)
    inputs, alone = ledger.entered.pop(key, ((), ()))
    outputs, _ = ledger.gauge.compare_sets(ours.tensors, theirs.tensors, pair, are_outputs=True)
    ledger.passages.append(Passage(pair.reference, pair.candidate, ours.call, inputs, outputs, alone))
    return ledger.passages[-1].leaving


def _find(
    ledger: _Ledger, reference: nn.Module, candidate: nn.Module, tolerance: float, loose: Collection[str]
) -> Finding | None:
    settled = [each.candidate for each in ledger.passages if each.outputs and each.leaving <= tolerance]
    for passage in ledger.passages:
        # What differs inside of a module that agrees is its own way of doing the same.
        if any(path == "" or passage.candidate.startswith(f"{path}.") for path in settled):
            continue
        is_known = bool(passage.inputs) or not passage.not_compared
        # Tables of positions may be laid out as each side likes; who reads them tells whether they are right.
        if (
            passage.reference
            and _fits_nowhere(passage)
            and not any(True for _ in candidate.get_submodule(passage.candidate).parameters())
        ):
            continue
        limit = max(tolerance, _AMPLIFICATION * passage.entering if passage.entering else 0.0)
        if is_known and passage.entering <= tolerance and passage.leaving > limit:
            agreeing, differing = _bounds(ledger, passage, tolerance)
            # One side may do around such a module what the other does in it, unless its inside differs too.
            if passage.candidate in loose and differing is None:
                continue
            inside = [each for each in (agreeing, differing) if each is not None]
            return Finding(
                passage,
                type(reference.get_submodule(passage.reference)).__name__,
                type(candidate.get_submodule(passage.candidate)).__name__,
                agreeing,
                differing,
                _common_parent(inside, passage.candidate) if len(inside) == 2 else passage.candidate,
            )
    return None


def _fits_nowhere(passage: Passage) -> bool:
    """Whether what differs has another number of values on each side, so that it could not be measured."""
    return all(
        gap.relative is None and math.prod(gap.reference_shape) != math.prod(gap.candidate_shape)
        for gap in passage.outputs
        if gap.relative != 0
    )


def _bounds(ledger: _Ledger, passage: Passage, tolerance: float) -> tuple[str | None, str | None]:
    """The last module inside that agrees before the first whose inputs differ."""
    start = f"{passage.candidate}." if passage.candidate else ""
    within = [entry for entry in ledger.arrivals if entry[0].startswith(start) and entry[0] != passage.candidate]
    first = next((index for index, (_, gap) in enumerate(within) if gap > tolerance), None)
    good = {each.candidate for each in ledger.passages if each.leaving <= tolerance}
    agreeing = next((path for path, _ in reversed(within[:first]) if path in good), None)
    return agreeing, None if first is None else within[first][0]


def _common_parent(paths: list[str], within: str) -> str:
    shared: list[str] = []
    for parts in zip(*(path.split(".") for path in paths), strict=False):
        if len(set(parts)) > 1:
            break
        shared.append(parts[0])
    path = ".".join(shared)
    return path if path.startswith(within) else within
