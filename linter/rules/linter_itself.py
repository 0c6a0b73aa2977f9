"""LNT: what the linter says about the files it reads and about its own suppressions.

The engine finds these; the rules document them.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from linter.facts import Span
from linter.findings import Finding, Fix, Safety
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


class ParseError(FoundByEngine):
    """The file is not valid Python, so nothing else in it was checked.

    ## Why is this bad?
    A file that does not parse hides every other finding. The rest of the files are still checked.
    """

    code = "LNT001"
    name = "parse-error"
    guide = "review-rules.md#linter-findings"
    bad = "def forward(self:  #!\n    return 1\n"
    good = "def forward(self):\n    return 1\n"


class UnusedSuppression(FoundByEngine):
    """A suppression comment silences nothing.

    ## Why is this bad?
    A suppression that outlives its reason hides the next finding on its line.

    ## Exceptions
    A code that is not selected in this run is not judged.
    """

    code = "LNT002"
    name = "unused-suppression"
    guide = "review-rules.md#linter-findings"
    fixes = Safety.SAFE
    bad = "scale = 1.0  # lint: ignore[FWD001] was needed once #!\n"
    good = "scale = 1.0\n"


class UnknownCode(FoundByEngine):
    """A suppression comment names a code that no rule has, or names none.

    ## Why is this bad?
    It silences nothing, and its author believes that it does. A suppression names the codes that it means, so that it
    cannot hide others.
    """

    code = "LNT003"
    name = "unknown-code"
    guide = "review-rules.md#linter-findings"
    bad = "scale = 1.0  # lint: ignore[FWD999] no such rule #!\n"
    good = "scale = 1.0\n"


class UnreadableFile(FoundByEngine):
    """The file cannot be read as text: null bytes, a wrong encoding, no permission, too large, or nested too deeply.

    ## Why is this bad?
    Python cannot import it either. The rest of the files are still checked.
    """

    code = "LNT005"
    name = "unreadable-file"
    guide = "review-rules.md#linter-findings"
    bad = 'title = "\0" #!\n'
    good = 'title = ""\n'
