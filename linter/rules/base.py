"""What a rule is: one class that carries its code, its documentation, its examples and its check."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar

from linter.facts import Span
from linter.findings import Edit, Finding, Fix, Safety, Severity
from linter.project import Class, Function, Module
from linter.project.profiles import ANYWHERE, Profile


class Rule:
    """One convention. Its docstring is its documentation, in sections; its examples are its tests.

    An example is a file's text, or a mapping of paths to texts where one file is not enough. In the bad one, a comment
    `#!` ends each line that a finding must name; it is taken out before the text is checked. `good` must be silent
    under the same rule.
    """

    code: ClassVar[str]
    name: ClassVar[str]
    since: ClassVar[str] = "0.1"
    severity: ClassVar[Severity] = Severity.ERROR
    guide: ClassVar[str]
    """The guide's file and anchor where the convention is written."""
    fixes: ClassVar[Safety | None] = None
    profiles: ClassVar[frozenset[Profile]] = ANYWHERE
    """Where there is something to go by; elsewhere the rule is not run."""
    words: ClassVar[frozenset[str]] = frozenset()
    """Names of which a file must use one (see `FileFacts.words`) to break the rule; elsewhere it is not run. None are
    given where no name tells.
    """
    bad: ClassVar[str | dict[str, str]]
    good: ClassVar[str | dict[str, str]]

    def check(self, module: Module) -> Iterator[Finding]:
        """Yields what breaks the convention in one file."""
        raise NotImplementedError

    def finding(
        self,
        module: Module,
        span: Span,
        message: str,
        about: Class | Function | str = "",
        edits: tuple[Edit, ...] = (),
        severity: Severity | None = None,
    ) -> Finding:
        """A finding of this rule in `module`, with the edits that mend it where there are any."""
        symbol = about if isinstance(about, str) else about.qualname
        return self.problem(module.path, span, message, symbol, edits, severity)

    def problem(
        self,
        path: Path,
        span: Span,
        message: str,
        symbol: str = "",
        edits: tuple[Edit, ...] = (),
        severity: Severity | None = None,
    ) -> Finding:
        """A finding of this rule in a file that need not have facts."""
        fix = Fix(self.fixes, edits) if edits and self.fixes else None
        weight = severity or self.severity
        return Finding(self.code, self.name, weight, message, str(path), span, symbol, self.guide, fix)

    @classmethod
    def summary(cls) -> str:
        """The docstring's first line."""
        return (inspect.getdoc(cls) or "").partition("\n")[0]

    @classmethod
    def family(cls) -> str:
        """The letters of the code."""
        return cls.code.rstrip("0123456789")
