"""A bisection as text for people and as JSON for programs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import click
import msgspec

from parity.bisection.bisect import Bisection, Finding
from parity.bisection.gaps import Gap


_SHOWN = 5


def render_json(result: Bisection) -> str:
    """Renders all that was measured; infinity, where one side has NaN, is null."""
    return msgspec.json.format(msgspec.json.encode(result), indent=2).decode()


def render_text(result: Bisection) -> str:
    """Renders the verdict, and what it rests on; colours are escape codes."""
    lines = [
        f"reference  {result.reference}",
        f"candidate  {result.candidate}",
        f"compared   {len(result.passages)} calls of {result.pairs} pairs of modules, in {result.dtype}, "
        f"tolerance {result.tolerance:g} of the largest value",
    ]
    for side, paths in (("reference", result.reference_unpaired), ("candidate", result.candidate_unpaired)):
        if paths:
            rest = f" and {len(paths) - _SHOWN} more" if len(paths) > _SHOWN else ""
            lines.append(f"unpaired   in the {side}: {', '.join(paths[:_SHOWN])}{rest}")
    return "\n".join([*lines, "", *_verdict(result)])


def _verdict(result: Bisection) -> Iterator[str]:
    if result.verdict == "agree":
        yield click.style("AGREE", fg="green", bold=True) + "  every module that was compared is within tolerance"
    elif result.verdict == "raised":
        yield click.style("RAISED", fg="red", bold=True) + f"  the candidate raises {result.problem}"
    elif result.verdict == "spread":
        yield click.style("SPREAD", fg="yellow", bold=True) + (
            "  the outputs differ, but no module alone makes the difference: it grows a little in each. "
            "Raise --tolerance, or repeat with --dtype float64."
        )
        yield from _gap_lines("output", result.output)
    if result.finding:
        yield from _finding_lines(result.finding, is_error=result.verdict != "raised")


def _finding_lines(finding: Finding, *, is_error: bool) -> Iterator[str]:
    passage = finding.passage
    word = click.style("PARTED", fg="red", bold=True) if is_error else "before that, parted"
    place = f"`{passage.candidate}`" if passage.candidate else "the model's own forward"
    yield f"{word}  in {place} ({finding.candidate_class})"
    if passage.reference != passage.candidate:
        yield f"  which stands for `{passage.reference}` ({finding.reference_class}) of the reference"
    if passage.call:
        yield f"  in call {passage.call + 1} of it"
    yield from _gap_lines("input", passage.inputs)
    yield from _gap_lines("output", passage.outputs)
    if passage.not_compared:
        yield f"  not compared, no partner: {', '.join(passage.not_compared)}"
    if finding.differing:
        after = f"after `{finding.agreeing}`, which agrees, and " if finding.agreeing else ""
        yield f"  look {after}before `{finding.differing}`, whose inputs differ"
        if finding.inside != passage.candidate:
            yield f"  both lie in `{finding.inside}`"
    elif finding.agreeing:
        yield f"  look after `{finding.agreeing}`, which agrees"


def _gap_lines(title: str, gaps: Sequence[Gap]) -> Iterator[str]:
    for gap in gaps:
        sizes = _sizes(gap.reference_shape)
        if gap.candidate_shape != gap.reference_shape:
            sizes += f" and {_sizes(gap.candidate_shape)}"
        yield f"  {title} {gap.name} ({sizes}) {_amount(gap)}"


def _amount(gap: Gap) -> str:
    if gap.dtypes and gap.max is None:
        return f"is in {gap.dtypes[0]} and {gap.dtypes[1]}"
    if gap.max is None or gap.relative is None:
        is_shape = len(gap.reference_shape) != len(gap.candidate_shape)
        return "has sizes that do not fit" if is_shape else "has NaN or infinity on one side alone"
    return "agrees" if gap.max == 0 else f"differs by {gap.max:.2e}, {gap.relative:.1e} of the largest value"


def _sizes(shape: Sequence[int]) -> str:
    return "x".join(str(size) for size in shape) or "scalar"
