"""LNT: what the linter says about the files it reads and about its own suppressions.

The engine finds these; the rules document them.
"""

from __future__ import annotations

from collections.abc import Iterator

from linter.findings import Finding
from linter.project import Module
from linter.rules.base import Rule


class FoundByEngine(Rule):
    def check(self, module: Module) -> Iterator[Finding]:
        """Nothing: these are found where files are read and suppressions are applied."""
        return iter(())
