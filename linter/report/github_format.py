"""`github`: workflow commands, which GitHub Actions turns into annotations."""

from __future__ import annotations

from linter.engine import Report
from linter.findings import Finding, Severity
from linter.report.view import View, printable


_COMMANDS = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.ADVICE: "notice"}


def render(report: Report, view: View) -> str:
    """The report, a command a line; empty where nothing was found. A command is never wrapped."""
    return "\n".join(_command(finding, view) for finding in report.findings)


def _command(finding: Finding, view: View) -> str:
    span, path = finding.span, view.path(finding.path)
    properties = {"title": f"linter ({finding.code})", "file": path, "line": span.line, "endLine": span.end_line}
    if span.line == span.end_line:
        # GitHub takes columns only where they are of one line.
        properties |= {"col": span.column + 1, "endColumn": span.end_column + 1}
    listed = ",".join(f"{name}={_property(str(value))}" for name, value in properties.items())
    message = f"{path}:{span.line}:{span.column + 1}: {finding.code} {finding.message} ({finding.name})"
    return f"::{_COMMANDS[finding.severity]} {listed}::{_data(message)}"


def _data(text: str) -> str:
    return printable(text).replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
