"""What a probe found out: of each capability of each model, whether it is declared, wired and verified."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from typing import Any

import msgspec


SCHEMA = 1
"""The number of the JSON report's form."""


class Verdict(str, Enum):
    """What running a capability showed."""

    VERIFIED = "verified"
    """It ran, did something, and gave the numbers that it has to."""
    BROKEN = "broken"
    """It raised, did nothing, or gave other numbers."""
    UNTESTED = "untested"
    """It could not be tried here, or there is nothing of the model that it applies to."""
    ABSENT = "absent"
    """The class does not declare it."""


class Wiring(msgspec.Struct, frozen=True):
    """What `linter metadata` says of a capability.

    Attributes:
        status: `wired`, `broken`, `declared`, `missing` or `absent`.
        findings: What is missing, a line each.
    """

    status: str
    findings: tuple[str, ...] = ()


class Outcome(msgspec.Struct, frozen=True):
    """One capability of one model.

    Attributes:
        name: The capability.
        declared: Whether the class says that it can.
        wiring: What the code shows; None where no rule knows.
        verdict: What running it showed.
        reason: Why it is not verified, or what to know about how it was, in one line.
    """

    name: str
    declared: bool
    wiring: Wiring | None
    verdict: Verdict
    reason: str | None = None


class Recipe(msgspec.Struct, frozen=True):
    """What makes a tiny model run.

    Attributes:
        config: Keyword arguments of the class that differ from its defaults.
        inputs: Arguments of forward, described as `--inputs` takes them.
        origin: `given`, `recorded` or `derived`.
    """

    config: Mapping[str, Any]
    inputs: Mapping[str, Any]
    origin: str


class Probe(msgspec.Struct, frozen=True):
    """One model.

    Attributes:
        model: Its import path.
        problem: Why nothing was run, in one line.
        recipe: What it was run on; None if nothing was.
        outcomes: A capability each, in the order of the table.
        unprobed: What the class declares besides, by the names of `linter metadata`.
    """

    model: str
    problem: str | None
    recipe: Recipe | None
    outcomes: tuple[Outcome, ...]
    unprobed: tuple[str, ...] = ()

    @property
    def has_passed(self) -> bool:
        """Whether a tiny model was found and nothing that it declares is broken."""
        return self.problem is None and not self.count(Verdict.BROKEN)

    def count(self, verdict: Verdict) -> int:
        """How many capabilities have a verdict."""
        return sum(outcome.verdict is verdict for outcome in self.outcomes)


class Report(msgspec.Struct, frozen=True, tag_field="command", tag="probe"):
    """All models of one call; also the JSON report."""

    schema: int
    versions: Mapping[str, str]
    models: tuple[Probe, ...]
