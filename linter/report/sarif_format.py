"""`sarif`: SARIF 2.1.0, which GitHub's code scanning reads, among others."""

from __future__ import annotations

import inspect
import json
from importlib.metadata import version
from itertools import groupby
from pathlib import Path
from typing import Any
from urllib.parse import quote

from linter.documentation import rule_page
from linter.engine import Report
from linter.facts import Span
from linter.findings import Finding, Fix, Severity
from linter.report.line_hashes import line_hashes
from linter.report.view import View
from linter.rules import Rule, rules_by_code


_LEVELS = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.ADVICE: "note"}
_BASE = "%SRCROOT%"


def render(report: Report, view: View) -> str:
    """The report as a JSON document: paths relative to where the reader stands, columns in characters."""
    codes = sorted({finding.code for finding in report.findings})
    run = {
        "tool": {
            "driver": {
                "name": "linter",
                "version": version("modelwright"),
                "rules": [_rule(rules_by_code()[code]) for code in codes],
            }
        },
        "columnKind": "unicodeCodePoints",
        "originalUriBaseIds": {_BASE: {"description": {"text": "The folder that the linter ran in."}}},
        "results": [
            _result(finding, codes.index(finding.code), hashes, view)
            for path, group in groupby(report.findings, key=lambda finding: finding.path)
            for hashes in [_hashes(path, view)]
            for finding in group
        ],
    }
    document = {"$schema": "https://json.schemastore.org/sarif-2.1.0.json", "version": "2.1.0", "runs": [run]}
    return json.dumps(document, indent=2)


def _rule(rule: type[Rule]) -> dict[str, Any]:
    page = rule_page(rule)
    return {
        "id": rule.code,
        "name": rule.name,
        "shortDescription": {"text": rule.summary()},
        "fullDescription": {"text": inspect.cleandoc(rule.__doc__ or "")},
        "help": {"text": page, "markdown": page},
        "defaultConfiguration": {"level": _LEVELS[rule.severity]},
        "properties": {"tags": [rule.family()]},
    }


def _result(finding: Finding, index: int, hashes: dict[int, str], view: View) -> dict[str, Any]:
    location: dict[str, Any] = {
        "physicalLocation": {
            "artifactLocation": _artifact(finding.path, view),
            "region": _region(finding.span),
        }
    }
    if finding.symbol:
        location["logicalLocations"] = [{"fullyQualifiedName": finding.symbol}]
    result: dict[str, Any] = {
        "ruleId": finding.code,
        "ruleIndex": index,
        "level": _LEVELS[finding.severity],
        "message": {"text": finding.message},
        "locations": [location],
        "partialFingerprints": {"primaryLocationLineHash": hashes.get(finding.span.line, "0:1")},
    }
    if finding.fix:
        result["fixes"] = [_fix(finding.fix, view)]
    return result


def _hashes(path: str, view: View) -> dict[int, str]:
    source = view.source(path)
    return line_hashes(source.text) if source is not None else {}


def _fix(fix: Fix, view: View) -> dict[str, Any]:
    return {
        "description": {"text": f"A {fix.safety.value} fix."},
        "artifactChanges": [
            {
                "artifactLocation": _artifact(path, view),
                "replacements": [
                    {"deletedRegion": _region(edit.span), "insertedContent": {"text": edit.text}} for edit in group
                ],
            }
            for path, group in groupby(sorted(fix.edits, key=lambda edit: edit.path), key=lambda edit: edit.path)
        ],
    }


def _artifact(path: str, view: View) -> dict[str, str]:
    shown = view.path(path)
    if Path(shown).is_absolute():
        return {"uri": "file://" + quote(shown, errors="surrogateescape")}
    return {"uri": quote(shown, errors="surrogateescape"), "uriBaseId": _BASE}


def _region(span: Span) -> dict[str, int]:
    return {
        "startLine": span.line,
        "startColumn": span.column + 1,
        "endLine": span.end_line,
        "endColumn": span.end_column + 1,
    }
