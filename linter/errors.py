"""What can go wrong through the input, in words for the person who gave it."""

from __future__ import annotations


class LinterError(Exception):
    """The request cannot be carried out; the message says what is wrong and what to do. Exit code 2."""


class UnreadableFile(Exception):
    """One file cannot be read as Python source; the others are still checked."""

    def __init__(self, reason: str, line: int = 1) -> None:
        super().__init__(reason)
        self.line = line
