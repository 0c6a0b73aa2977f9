"""LNT: what the linter says about the files it reads and about its own suppressions.

The engine finds these; the rules document them.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from linter.facts import Span
from linter.findings import Finding, Fix
from linter.project import Module
from linter.rules.base import Rule


class FoundByEngine(Rule):
    def check(self, module: Module) -> Iterator[Finding]:
        """Nothing: these are found where files are read and suppressions are applied."""
        yield from ()

    def problem(self, path: Path, line: int, column: int, message: str, fix: Fix | None = None) -> Finding:
        """A finding about a place in a file that need not have facts."""
        span = Span(line, column, line, column + 1)
        return Finding(self.code, self.name, self.severity, message, str(path), span, "", self.guide, fix)
