"""`grouped`: the findings under their file's name."""

from __future__ import annotations

from itertools import groupby

import click

from linter.engine import Report
from linter.findings import Finding
from linter.report.concise_format import described, sums
from linter.report.view import View


def render(report: Report, view: View) -> str:
    """The report, a block a file."""
    blocks = [
        _block(view.line_of_path(path), list(group))
        for path, group in groupby(report.findings, key=lambda item: item.path)
    ]
    return "\n".join([*blocks, sums(report)])


def _block(path: str, findings: list[Finding]) -> str:
    places = [f"{finding.span.line}:{finding.span.column + 1}" for finding in findings]
    width = max(map(len, places))
    lines = [f"  {place:<{width}}  {described(finding)}" for place, finding in zip(places, findings, strict=True)]
    return "\n".join([click.style(f"{path}:", bold=True), *lines, ""])
