"""`json-lines`: a JSON object a finding, each on a line of its own, with the fields of `json`."""

from __future__ import annotations

import json

from linter.engine import Report
from linter.report.json_format import finding_fields
from linter.report.view import View


def render(report: Report, view: View) -> str:
    """The report, a line a finding; empty where nothing was found."""
    return "\n".join(json.dumps(finding_fields(finding, view)) for finding in report.findings)
