"""SKL: how guides and skills for agents are written.

`linter skills` runs these over a pack, `linter check` never does.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar

from linter.facts import Span
from linter.findings import Finding
from linter.pack.pages import Pack, Page
from linter.project import Module
from linter.project.profiles import Profile
from linter.rules.base import Rule


class PackRule(Rule):
    """A rule about a whole pack."""

    profiles: ClassVar[frozenset[Profile]] = frozenset()

    def check(self, module: Module) -> Iterator[Finding]:
        """Nothing: no pack is a Python module."""
        return iter(())

    def check_pack(self, pack: Pack) -> Iterator[Finding]:
        """Yields what breaks the convention in a pack."""
        raise NotImplementedError

    def on(self, page: Page, place: Span | int, message: str, symbol: str = "") -> Finding:
        """A finding on a page, at a span or on a whole line."""
        span = page.span(place) if isinstance(place, int) else place
        return self.problem(Path(page.path), span, message, symbol)
