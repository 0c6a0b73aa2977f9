"""`full`: each finding with the source around it, the place marked, and where the convention is written."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import click

from linter.engine import Report
from linter.errors import UnreadableFile
from linter.findings import Finding
from linter.report.concise_format import COLOURS, headline, sums
from linter.source import decode, read_bytes


_CONTEXT = 1
_WIDEST = 200


def render(report: Report, here: Path) -> str:
    """The report with excerpts."""
    return "\n".join([*(_block(finding, here) + "\n" for finding in report.findings), sums(report)])


def _block(finding: Finding, here: Path) -> str:
    parts = [headline(finding, here)]
    # A file that cannot be read has nothing to quote; the finding says why.
    with suppress(UnreadableFile):
        path = Path(finding.path)
        parts.extend(_excerpt(finding, decode(path, read_bytes(path)).lines))
    about = f"in {finding.symbol}; " if finding.symbol else ""
    parts.append(
        click.style(f"   = {about}convention: {finding.guide}; `linter rules {finding.code}` explains", dim=True)
    )
    return "\n".join(parts)


def _excerpt(finding: Finding, lines: list[str]) -> list[str]:
    span = finding.span
    first, last = max(span.line - _CONTEXT, 1), min(span.line + _CONTEXT, len(lines))
    width = len(str(last))
    out = []
    for number in range(first, last + 1):
        text = lines[number - 1].replace("\t", " ")[:_WIDEST]
        out.append(f"{click.style(f'{number:>{width}} |', dim=True)} {text}".rstrip())
        if number == span.line:
            end = span.end_column if span.end_line == span.line else len(text)
            marks = "^" * max(min(end, _WIDEST) - span.column, 1)
            edge = click.style(" " * width + " |", dim=True)
            out.append(f"{edge} {' ' * span.column}{click.style(marks, fg=COLOURS[finding.severity], bold=True)}")
    return out
