"""`gitlab`: a code quality report, which GitLab shows in merge requests."""

from __future__ import annotations

import hashlib
import json
from collections import Counter

from linter.engine import Report
from linter.findings import Severity
from linter.report.view import View, normalised_line


_SEVERITIES = {Severity.ERROR: "major", Severity.WARNING: "minor", Severity.ADVICE: "info"}


def render(report: Report, view: View) -> str:
    """The report as a JSON list.

    A fingerprint rests on what a finding is about and not on its line number, so that it stays when lines above come
    and go. GitLab drops findings whose fingerprints are equal: the second of a kind counts itself in.
    """
    seen: Counter[str] = Counter()
    issues = []
    for finding in report.findings:
        path = view.path(finding.path)
        about = "\0".join((path, finding.code, finding.symbol, normalised_line(finding, view)))
        seen[about] += 1
        issues.append(
            {
                "description": f"{finding.code}: {finding.message}",
                "check_name": finding.name,
                "fingerprint": _fingerprint(f"{about}\0{seen[about]}"),
                "severity": _SEVERITIES[finding.severity],
                "location": {"path": path, "lines": {"begin": finding.span.line, "end": finding.span.end_line}},
            }
        )
    return json.dumps(issues, indent=2)


def _fingerprint(text: str) -> str:
    # A name may hold bytes that are not text.
    return hashlib.blake2b(text.encode("utf-8", "surrogateescape"), digest_size=16).hexdigest()
