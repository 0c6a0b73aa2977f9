"""How often each rule is broken."""

from __future__ import annotations

import json
from collections import Counter

from linter.engine import Report
from linter.errors import LinterError
from linter.findings import Safety
from linter.rules import rules_by_code


def render_statistics(report: Report, output_format: str) -> str:
    """The rules by how often they are broken, most often first, as `concise` or `json`.

    Raises:
        LinterError: another format is asked for.
    """
    if output_format not in ("concise", "json"):
        raise LinterError(f"--statistics is written as concise or json, not as {output_format}.")
    counts = Counter(finding.code for finding in report.findings)
    safe = Counter(f.code for f in report.findings if f.fix is not None and f.fix.safety is Safety.SAFE)
    codes = sorted(counts, key=lambda code: (-counts[code], code))
    if output_format == "json":
        rows = [
            {"code": code, "name": rules_by_code()[code].name, "count": counts[code], "fixable": safe[code]}
            for code in codes
        ]
        return json.dumps({"schema": 1, "statistics": rows}, indent=2)
    width = len(str(max(counts.values(), default=0)))
    return "\n".join(_row(code, counts[code], safe[code], width) for code in codes)


def _row(code: str, count: int, safe: int, width: int) -> str:
    row = f"{count:>{width}}  {code}  {rules_by_code()[code].name}"
    return f"{row}  [fix {safe}]" if safe else row
