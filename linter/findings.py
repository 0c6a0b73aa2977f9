"""What the linter says: a finding, the place that it means, and the edits that would mend it."""

from __future__ import annotations

from enum import Enum

import msgspec

from linter.facts.values import Span


class Severity(str, Enum):
    """How much a finding weighs: errors and warnings are shown by `check`, advice where it is selected by its code."""

    ERROR = "error"
    WARNING = "warning"
    ADVICE = "advice"


class Safety(str, Enum):
    """Whether a fix keeps what the program does (`safe`) or may change it (`unsafe`)."""

    SAFE = "safe"
    UNSAFE = "unsafe"


class Edit(msgspec.Struct, frozen=True, array_like=True):
    """Replaces the text at a span of a file."""

    path: str
    span: Span
    text: str


class Fix(msgspec.Struct, frozen=True, array_like=True):
    """Edits that belong together: all are made or none."""

    safety: Safety
    edits: tuple[Edit, ...]


class Finding(msgspec.Struct, frozen=True, array_like=True):
    """One broken rule at one place.

    `symbol` is the qualified name of the definition that it is about; `guide` where the convention is written.
    """

    code: str
    name: str
    severity: Severity
    message: str
    path: str
    span: Span
    symbol: str
    guide: str
    fix: Fix | None = None

    @property
    def order(self) -> tuple[str, int, int, str, str]:
        """The key that findings are sorted by."""
        return (self.path, self.span.line, self.span.column, self.code, self.message)
