"""What a report is seen from: the folder that paths are relative to, and the texts that findings are about."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from linter.errors import UnreadableFile
from linter.findings import Finding
from linter.source import Source, decode, read_bytes


_UNPRINTABLE = re.compile("[\0-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")


@dataclass(frozen=True)
class View:
    """Where the reader stands, and what files hold in place of what is on the disk."""

    here: Path
    contents: Mapping[Path, bytes] = field(default_factory=dict)
    _sources: dict[Path, Source | None] = field(default_factory=dict, repr=False, compare=False)

    def path(self, path: str | Path) -> str:
        """A path as a person would type it, with forward slashes."""
        whole = Path(path)
        return whole.relative_to(self.here).as_posix() if whole.is_relative_to(self.here) else whole.as_posix()

    def line_of_path(self, path: str | Path) -> str:
        """A path where a line is all there is: line ends, which a name may hold, are escaped."""
        return self.path(path).replace("\n", "\\n").replace("\r", "\\r")

    def source(self, path: str | Path) -> Source | None:
        """The text of a file; None where it cannot be read, of which a finding tells."""
        path = Path(path)
        if path not in self._sources:
            try:
                self._sources[path] = decode(path, self.contents[path] if path in self.contents else read_bytes(path))
            except UnreadableFile:
                self._sources[path] = None
        return self._sources[path]

    def line(self, path: str | Path, number: int) -> str:
        """A line of a file, counted from 1; empty where there is none."""
        source = self.source(path)
        return source.lines[number - 1] if source is not None and number <= len(source.lines) else ""


def normalised_line(finding: Finding, view: View) -> str:
    """The line that a finding is about, without the spaces that layout alone decides."""
    return " ".join(view.line(finding.path, finding.span.line).split())


def printable(text: str) -> str:
    """A text with the characters escaped that XML forbids and that could steer a terminal or a log."""
    return _UNPRINTABLE.sub(lambda found: ascii(found[0])[1:-1], text)
