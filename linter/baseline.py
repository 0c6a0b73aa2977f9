"""The baseline: findings that a project has known since it took the linter up, and does not want shown."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import msgspec

from linter.errors import LinterError
from linter.findings import Finding
from linter.report.view import View, normalised_line
from linter.selection import ALWAYS


DEFAULT_NAME = ".linter-baseline.json"
SCHEMA = 1


class Key(NamedTuple):
    """What a finding is known by: no path and no line number, so that code that is moved stays known."""

    code: str
    symbol: str
    line: str


class _Entry(msgspec.Struct, frozen=True):
    code: str
    symbol: str
    line: str
    count: int


class _Document(msgspec.Struct, frozen=True):
    schema: int
    paths: list[str]
    findings: list[_Entry]


@dataclass(frozen=True)
class Baseline:
    """How many findings of each key are known, and the paths that they were found in."""

    paths: tuple[str, ...]
    counts: Counter[Key]

    def unknown(self, findings: Iterable[Finding], view: View) -> tuple[Finding, ...]:
        """The findings that it does not list; of a key with more findings than it lists, the last ones."""
        left = self.counts.copy()
        shown = []
        for finding in findings:
            key = key_of(finding, view)
            if finding.code not in ALWAYS and left[key] > 0:
                left[key] -= 1
            else:
                shown.append(finding)
        return tuple(shown)

    def shrunk_to(self, found: Counter[Key]) -> Baseline:
        """What is still found of what it lists."""
        return Baseline(self.paths, self.counts & found)


def key_of(finding: Finding, view: View) -> Key:
    """What a finding is known by."""
    return Key(finding.code, finding.symbol, normalised_line(finding, view))


def counted(findings: Iterable[Finding], view: View) -> Counter[Key]:
    """How many findings of each key there are. A file that cannot be read is never known."""
    return Counter(key_of(finding, view) for finding in findings if finding.code not in ALWAYS)


def read_baseline(file: Path) -> Baseline:
    """The baseline of a file.

    Raises:
        LinterError: there is no such file, or it is not a baseline.
    """
    try:
        document = msgspec.json.decode(file.read_bytes(), type=_Document)
    except FileNotFoundError as error:
        raise LinterError(f"{file}: there is no such baseline. `linter baseline` writes it.") from error
    except (OSError, msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise _broken(file, getattr(error, "strerror", None) or str(error)) from error
    if document.schema != SCHEMA:
        raise _broken(file, f"its schema is {document.schema}, and this linter reads {SCHEMA}")
    counts: Counter[Key] = Counter()
    for entry in document.findings:
        if entry.count < 1:
            raise _broken(file, f"it lists {entry.code} {entry.count} times")
        counts[Key(entry.code, entry.symbol, entry.line)] += entry.count
    return Baseline(tuple(document.paths), counts)


def written(baseline: Baseline) -> bytes:
    """The content of a baseline's file: sorted, an entry a line, so that a diff of it is read as one of findings."""
    entries = [json.dumps({**key._asdict(), "count": baseline.counts[key]}) for key in sorted(baseline.counts)]
    listed = "".join(f"\n    {entry}," for entry in entries).removesuffix(",")
    findings = f"[{listed}\n  ]" if entries else "[]"
    text = f'{{\n  "schema": {SCHEMA},\n  "paths": {json.dumps(list(baseline.paths))},\n  "findings": {findings}\n}}\n'
    return text.encode("ascii")


def _broken(file: Path, reason: str) -> LinterError:
    return LinterError(
        f"{file}: not a baseline: {reason}. Restore the file, or delete it and run `linter baseline` to start anew."
    )
