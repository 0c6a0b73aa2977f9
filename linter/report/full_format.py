"""`full`: each finding with its source, the place marked, the guide's sentence, and what its fix would change."""

from __future__ import annotations

from itertools import islice

import click

from linter.engine import Report
from linter.errors import UnreadableFile
from linter.findings import Finding, Fix
from linter.fixing import edited
from linter.guides import sentence_of
from linter.report.concise_format import COLOURS, headline, sums
from linter.report.diff import unified
from linter.report.view import View
from linter.rules import rules_by_code


_CONTEXT = 1
_WIDEST = 200
_MOST_DIFFS = 50
"""Each is worked out by itself, from the whole file; nobody reads more of them in a row."""
_DIFF_COLOURS = {"-": "red", "+": "green", "@": "cyan"}


def render(report: Report, view: View) -> str:
    """The report with excerpts."""
    fixable = (finding for finding in report.findings if finding.fix is not None)
    with_diff = {id(finding) for finding in islice(fixable, _MOST_DIFFS)}
    blocks = (_block(finding, report, view, id(finding) in with_diff) for finding in report.findings)
    return "\n".join([*(f"{block}\n" for block in blocks), sums(report)])


def _block(finding: Finding, report: Report, view: View, with_diff: bool) -> str:
    parts = [headline(finding, view)]
    # A file that cannot be read has nothing to quote; the finding says why.
    source = view.source(finding.path)
    if source is not None:
        parts.extend(_excerpt(finding, source.lines))
    about = f"in {finding.symbol}; " if finding.symbol else ""
    parts.append(
        click.style(f"   = {about}convention: {finding.guide}; `linter rules {finding.code}` explains", dim=True)
    )
    sentence = sentence_of(rules_by_code()[finding.code])
    if sentence:
        parts.append(f"   = {sentence}")
    if finding.fix is not None and not with_diff:
        parts.append(f"   = {finding.fix.safety.value} fix: `linter fix --diff` shows it")
    elif finding.fix is not None:
        parts.extend(_diff(finding, finding.fix, report, view))
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


def _diff(finding: Finding, fix: Fix, report: Report, view: View) -> list[str]:
    try:
        diff = unified(edited([finding], view.contents, report), view)
    except (UnreadableFile, UnicodeError):
        # The file has changed since it was checked, or its encoding cannot say what the fix would put in.
        return []
    lines = [
        click.style(f"   {line}", fg=_DIFF_COLOURS.get(line[:1])) if line.strip() else line
        for line in diff.splitlines()
    ]
    return [f"   = {fix.safety.value} fix:", *lines]
