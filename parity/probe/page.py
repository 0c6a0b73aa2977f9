"""A probe of many models as a page of the documentation."""

from __future__ import annotations

import datetime
from collections import defaultdict
from collections.abc import Iterator, Sequence

from parity.probe.report import wired
from parity.probe.results import Outcome, Probe, Report, Verdict


_SIGNS = {Verdict.VERIFIED: "✓", Verdict.BROKEN: "✗", Verdict.UNTESTED: "○", Verdict.ABSENT: ""}


def render_page(report: Report) -> str:
    """Renders the tables, and each failure with its reason."""
    return "\n".join(_lines(report)).rstrip() + "\n"


def _lines(report: Report) -> Iterator[str]:
    ran = [probe for probe in report.models if probe.problem is None]
    names = [outcome.name for outcome in ran[0].outcomes] if ran else []
    versions = ", ".join(f"{package} {number}" for package, number in report.versions.items())
    yield "# What diffusers' transformers can do"
    yield ""
    yield f"`parity probe --all` on {datetime.date.today():%d %B %Y}, on CPU: {versions}."
    yield f"{len(ran)} of {len(report.models)} classes ran; [how](probe.md) they are probed, and what each word means."
    yield "`make probe` makes this page."
    yield ""
    yield from _by_capability(names, ran)
    yield ""
    yield from _by_class(names, ran)
    yield ""
    yield "## What is broken, and why"
    for name in names:
        yield from _reasons(name, Verdict.BROKEN, ran)
    yield ""
    yield "## What could not be tried"
    for name in names:
        yield from _reasons(name, Verdict.UNTESTED, ran)
    if stuck := [probe for probe in report.models if probe.problem is not None]:
        yield ""
        yield "## Classes that did not run"
        yield ""
        for probe in stuck:
            yield f"- {_class(probe)}: {_plain((probe.problem or '').removeprefix(f'{probe.model}: '))}"


def _by_capability(names: Sequence[str], probes: Sequence[Probe]) -> Iterator[str]:
    yield "## By capability"
    yield ""
    yield "`wired` counts those where the linter's rules look at the wiring and miss nothing."
    yield ""
    yield "| capability | declared | wired | verified | broken | wired, yet broken | untested |"
    yield "| --- | --: | --: | --: | --: | --: | --: |"
    for name in names:
        outcomes = [_outcome(probe, name) for probe in probes]
        declared = [outcome for outcome in outcomes if outcome.declared]
        seen = [wired(outcome) for outcome in declared]
        known = "-" if all(each in "-?" for each in seen) else str(seen.count("yes"))
        verified, broken, untested = (
            sum(each.verdict is verdict for each in declared)
            for verdict in (Verdict.VERIFIED, Verdict.BROKEN, Verdict.UNTESTED)
        )
        surprising = sum(each.verdict is Verdict.BROKEN and wired(each) == "yes" for each in declared)
        counts = (str(count or "") for count in (verified, broken, surprising, untested))
        yield f"| {name} | {len(declared)} | {known} | {' | '.join(counts)} |"


def _by_class(names: Sequence[str], probes: Sequence[Probe]) -> Iterator[str]:
    yield "## By class"
    yield ""
    yield "✓ verified, ✗ broken, ○ untested, nothing: not declared. The tiny model is derived from the class's"
    yield "signature, or recorded where it could not be (r)."
    yield ""
    yield f"| class | {' | '.join(names)} |"
    yield f"| --- | {' | '.join([':-:'] * len(names))} |"
    for probe in probes:
        recorded = " (r)" if probe.recipe and probe.recipe.origin == "recorded" else ""
        signs = (_SIGNS[_outcome(probe, name).verdict] for name in names)
        yield f"| {_class(probe)}{recorded} | {' | '.join(signs)} |"


def _reasons(name: str, verdict: Verdict, probes: Sequence[Probe]) -> Iterator[str]:
    classes: dict[str, list[str]] = defaultdict(list)
    for probe in probes:
        outcome = _outcome(probe, name)
        if outcome.verdict is verdict:
            classes[outcome.reason or ""].append(_class(probe))
    if not classes:
        return
    yield ""
    yield f"### {name[0].upper()}{name[1:]}: {sum(map(len, classes.values()))}"
    yield ""
    for reason, those in sorted(classes.items(), key=lambda item: (-len(item[1]), item[0])):
        yield f"- {', '.join(those)}: {_plain(reason)}"


def _outcome(probe: Probe, name: str) -> Outcome:
    return next(outcome for outcome in probe.outcomes if outcome.name == name)


def _class(probe: Probe) -> str:
    return probe.model.replace(":", ".").rpartition(".")[2]


def _plain(text: str) -> str:
    """A message as Markdown shows it: angle brackets are no tags."""
    return text.replace("<", "&lt;").replace("*", "\\*")
