"""`json`: one document for machines, versioned by its `schema` key; lines and columns count from 1."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

from linter.engine import Report
from linter.facts import Span
from linter.findings import Finding, Severity
from linter.report.view import View


SCHEMA = 1


def render(report: Report, view: View) -> str:
    """The report as a JSON document."""
    by_severity = Counter(finding.severity for finding in report.findings)
    by_code = Counter(finding.code for finding in report.findings)
    document = {
        "schema": SCHEMA,
        "findings": [finding_fields(finding, view) for finding in report.findings],
        "summary": {
            "files": report.files,
            "findings": len(report.findings),
            "by_severity": {severity.value: by_severity[severity] for severity in Severity},
            "by_code": dict(sorted(by_code.items())),
            "fixable": sum(finding.fix is not None for finding in report.findings),
        },
    }
    # ASCII: the same bytes whatever the terminal's encoding is.
    return json.dumps(document, indent=2)


def finding_fields(finding: Finding, view: View) -> dict[str, Any]:
    """What is said of one finding."""
    fix = finding.fix
    return {
        "code": finding.code,
        "name": finding.name,
        "severity": finding.severity.value,
        "message": finding.message,
        "path": view.path(finding.path),
        **_place(finding.span),
        "symbol": finding.symbol,
        "guide": finding.guide,
        "fix": fix
        and {
            "safety": fix.safety.value,
            "edits": [{"path": view.path(edit.path), **_place(edit.span), "text": edit.text} for edit in fix.edits],
        },
    }


def _place(span: Span) -> dict[str, int]:
    return {
        "line": span.line,
        "column": span.column + 1,
        "end_line": span.end_line,
        "end_column": span.end_column + 1,
    }
