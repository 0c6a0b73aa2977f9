"""A bar for work that takes its time."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING

import click


if TYPE_CHECKING:
    from click._termui_impl import ProgressBar


class Progress:
    """A bar on standard error for work that takes longer than a second, seen only on a terminal."""

    def __init__(self, label: str) -> None:
        self._label = label
        self._begun = time.monotonic()
        self._bar: ProgressBar[int] | None = None

    def __enter__(self) -> Progress:
        return self

    def __call__(self, done: int, total: int) -> None:
        """Says how far the work is."""
        if self._bar is None and sys.stderr.isatty() and time.monotonic() - self._begun > 1:
            self._bar = click.progressbar(length=total, label=self._label, file=sys.stderr)
        if self._bar is not None:
            self._bar.update(done - self._bar.pos)

    def __exit__(self, *reason: object) -> None:
        if self._bar is not None:
            self._bar.update(self._bar.length - self._bar.pos if self._bar.length else 0)
            self._bar.render_finish()
