"""`rdjson`: the diagnostic format of reviewdog, with fixes as suggestions; its columns count bytes of UTF-8 from 1."""

from __future__ import annotations

import json
from typing import Any

from linter.engine import Report
from linter.facts import Span
from linter.findings import Finding, Severity
from linter.report.view import View


_SEVERITIES = {Severity.ERROR: "ERROR", Severity.WARNING: "WARNING", Severity.ADVICE: "INFO"}


def render(report: Report, view: View) -> str:
    """The report as a JSON document."""
    document = {
        "source": {"name": "linter"},
        "diagnostics": [_diagnostic(finding, view) for finding in report.findings],
    }
    return json.dumps(document, indent=2)


def _diagnostic(finding: Finding, view: View) -> dict[str, Any]:
    diagnostic: dict[str, Any] = {
        "message": finding.message,
        "location": {"path": view.path(finding.path), "range": _range(finding.path, finding.span, view)},
        "severity": _SEVERITIES[finding.severity],
        "code": {"value": finding.code},
    }
    edits = finding.fix.edits if finding.fix else ()
    # A suggestion is of the diagnostic's own file: half of a fix would be worse than none.
    if edits and all(edit.path == finding.path for edit in edits):
        diagnostic["suggestions"] = [
            {"range": _range(edit.path, edit.span, view), "text": edit.text} for edit in edits
        ]
    return diagnostic


def _range(path: str, span: Span, view: View) -> dict[str, dict[str, int]]:
    def position(line: int, column: int) -> dict[str, int]:
        before = view.line(path, line)[:column]
        # Where the file cannot be read, its columns are those of the finding.
        return {"line": line, "column": (len(before.encode("utf-8", "surrogatepass")) or column) + 1}

    return {"start": position(span.line, span.column), "end": position(span.end_line, span.end_column)}
