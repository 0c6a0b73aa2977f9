"""Edits from rewritten text: the smallest run of whole lines that differs."""

from __future__ import annotations

from pathlib import Path

from linter.facts import Span
from linter.findings import Edit
from linter.source import Source


def edit_between(path: Path, source: Source, new_text: str) -> Edit:
    """The edit that turns a file's text into `new_text`, without the lines that both begin or end with."""
    old, new = source.lines, new_text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    limit = min(len(old), len(new))
    head = next((index for index in range(limit) if old[index] != new[index]), limit)
    limit -= head
    tail = next((index for index in range(limit) if old[-1 - index] != new[-1 - index]), limit)
    changed = new[head : len(new) - tail]
    last = len(old) - tail
    if tail:
        # Whole lines: up to the start of the first line that both end with.
        return Edit(str(path), Span(head + 1, 0, last + 1, 0), "".join(f"{line}\n" for line in changed))
    if head:
        # Up to the end of the file, and from the end of the last line that both begin with: there may be no more.
        begin = Span(head, len(old[head - 1]), last, len(old[-1]))
        return Edit(str(path), begin, "".join(f"\n{line}" for line in changed))
    return Edit(str(path), Span(1, 0, last, len(old[-1])), "\n".join(changed))
