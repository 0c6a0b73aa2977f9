"""A probe as text for people and as JSON for programs."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Iterator, Sequence

import click
import msgspec

from parity.probe.results import Outcome, Probe, Report, Verdict


_WIDTH = 119
_COLOURS = {Verdict.VERIFIED: "green", Verdict.BROKEN: "red", Verdict.UNTESTED: "yellow"}
_WIRED = {"wired": "yes", "broken": "no", "missing": "no", "declared": "?"}
"""A rule sees it, a rule misses something, or no rule can tell without running it."""


def render_json(report: Report) -> str:
    """Renders everything."""
    return msgspec.json.format(msgspec.json.encode(report), indent=2).decode()


def render_text(report: Report) -> str:
    """Renders one model as a table of its capabilities, several as a line each."""
    lines = _one(report.models[0]) if len(report.models) == 1 else _several(report.models)
    return "\n".join(lines)


def wired(outcome: Outcome) -> str:
    """The cell of the column `wired`."""
    return _WIRED.get(outcome.wiring.status, "-") if outcome.wiring else "-"


def _one(probe: Probe) -> Iterator[str]:
    yield f"model   {probe.model}"
    if probe.recipe is not None:
        yield from _wrapped("config  ", json.dumps(probe.recipe.config))
        yield from _wrapped("inputs  ", json.dumps(probe.recipe.inputs))
        yield f"origin  {probe.recipe.origin}"
    yield ""
    shown = [outcome for outcome in probe.outcomes if outcome.verdict is not Verdict.ABSENT]
    rows = [(outcome.name, "yes", wired(outcome)) for outcome in shown]
    header = ("capability", "declared", "wired")
    widths = [max(len(row[column]) for row in (header, *rows)) for column in range(3)]
    yield "  ".join([*(cell.ljust(width) for cell, width in zip(header, widths, strict=True)), "verified"])
    for outcome, row in zip(shown, rows, strict=True):
        cells = "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        verdict = "yes" if outcome.verdict is Verdict.VERIFIED else outcome.verdict.value
        reason = f"  {outcome.reason}" if outcome.reason else ""
        yield f"{cells}  {click.style(verdict, fg=_COLOURS[outcome.verdict])}{reason}"
        for finding in outcome.wiring.findings if outcome.wiring else ():
            yield f"    {finding}"
    absent = [outcome.name for outcome in probe.outcomes if outcome.verdict is Verdict.ABSENT]
    if absent:
        yield from _wrapped("Absent: ", ", ".join(absent))
    if probe.unprobed:
        yield from _wrapped("Declared, with no check: ", ", ".join(probe.unprobed))
    yield ""
    yield _summary(probe)


def _summary(probe: Probe) -> str:
    counts = ", ".join(f"{probe.count(verdict)} {verdict.value}" for verdict in _COLOURS if probe.count(verdict))
    if probe.has_passed:
        return click.style("PASS", fg="green", bold=True) + f"  {counts}"
    return click.style("FAIL", fg="red", bold=True) + f"  {probe.problem or counts}"


def _several(probes: Sequence[Probe]) -> Iterator[str]:
    width = max(len(_class(probe)) for probe in probes)
    for probe in probes:
        yield f"{_class(probe):<{width}}  {_summary(probe)}"
        for outcome in probe.outcomes:
            if outcome.verdict is Verdict.BROKEN:
                yield f"    {outcome.name}: {outcome.reason}"
    ran = [probe for probe in probes if probe.problem is None]
    yield ""
    whole = sum(probe.has_passed for probe in ran)
    yield f"{len(ran)} of {len(probes)} classes ran, {whole} of them with nothing broken."


def _class(probe: Probe) -> str:
    return probe.model.replace(":", ".").rpartition(".")[2]


def _wrapped(label: str, text: str) -> list[str]:
    return textwrap.wrap(
        text,
        _WIDTH,
        initial_indent=label,
        subsequent_indent=" " * len(label),
        break_long_words=False,
        break_on_hyphens=False,
    )
