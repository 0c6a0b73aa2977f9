"""`concise`: a line a finding, and a line of sums."""

from __future__ import annotations

import click

from linter.engine import Report
from linter.findings import Finding, Safety, Severity
from linter.report.view import View


COLOURS = {Severity.ERROR: "red", Severity.WARNING: "yellow", Severity.ADVICE: "cyan"}


def render(report: Report, view: View) -> str:
    """The report, a line a finding."""
    return "\n".join([*(headline(finding, view) for finding in report.findings), sums(report)])


def headline(finding: Finding, view: View) -> str:
    """`path:line:column: CODE message`."""
    place = f"{view.line_of_path(finding.path)}:{finding.span.line}:{finding.span.column + 1}"
    return f"{click.style(place, bold=True)}: {described(finding)}"


def described(finding: Finding) -> str:
    """`CODE message (name)`."""
    code = click.style(finding.code, fg=COLOURS[finding.severity], bold=True)
    mark = "" if finding.fix is None else " [fix]" if finding.fix.safety is Safety.SAFE else " [unsafe fix]"
    return f"{code}{mark} {finding.message} ({finding.name})"


def sums(report: Report) -> str:
    """What was found, in one line."""
    files = _count(report.files, "file")
    if not report.findings:
        return f"{files} checked, nothing found."
    parts = [_count(sum(f.severity is severity for f in report.findings), severity.value) for severity in Severity]
    text = f"{files} checked: {', '.join(part for part in parts if not part.startswith('0 '))}."
    fixable = sum(f.fix is not None and f.fix.safety is Safety.SAFE for f in report.findings)
    return f"{text} `linter fix` mends {fixable}." if fixable else text


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 or noun == 'advice' else 's'}"
