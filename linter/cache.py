"""What earlier runs found out: facts by a file's content, findings by a file, its content and everything that they
rest on.
"""

from __future__ import annotations

import contextlib
import os
import re
import sqlite3
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Protocol

import msgspec

from linter.facts import FileFacts, Suppression
from linter.findings import Finding
from linter.source import digest_of


_NAME = re.compile(r"[0-9a-f]{32}\.sqlite")
_MOST_VERSIONS = 2
_SEAL = 16
"""The length of a digest in bytes."""


class Checked(msgspec.Struct, frozen=True, array_like=True):
    """All findings of one file, before suppressions, and the digests of the files that they rest on (empty for one
    that was not there).
    """

    digest: str
    rests_on: dict[str, str]
    findings: tuple[Finding, ...]
    suppressions: tuple[Suppression, ...]


class Cache(Protocol):
    """Where a run keeps what the next one can use."""

    def facts(self, digest: str) -> FileFacts | None: ...
    def keep_facts(self, digest: str, facts: FileFacts) -> None: ...
    def checked(self, path: str) -> Checked | None: ...
    def keep_checked(self, checked: Mapping[str, Checked]) -> None: ...


class MemoryCache:
    """Keeps answers for as long as the process lives."""

    def __init__(self) -> None:
        self._facts: dict[str, FileFacts] = {}
        self._checked: Mapping[str, Checked] = {}

    def facts(self, digest: str) -> FileFacts | None:
        """The facts of a content that was read before."""
        return self._facts.get(digest)

    def keep_facts(self, digest: str, facts: FileFacts) -> None:
        """Keeps the facts of a content."""
        self._facts[digest] = facts

    def checked(self, path: str) -> Checked | None:
        """What was found in a file."""
        return self._checked.get(path)

    def keep_checked(self, checked: Mapping[str, Checked]) -> None:
        """Keeps what was found."""
        self._checked = checked


class DiskCache:
    """One SQLite file a linter version.

    Its content is data, never code; what was not written so by a linter, or does not decode, is ignored.
    """

    def __init__(self, folder: Path) -> None:
        self._facts: list[tuple[str, bytes]] = []
        self._kept: dict[str, Checked] = {}
        self._encoder = msgspec.msgpack.Encoder()
        self._decode_facts = msgspec.msgpack.Decoder(FileFacts).decode
        self._decode_checked = msgspec.msgpack.Decoder(Checked).decode
        self._database = _open(folder / f"{fingerprint()}.sqlite")

    def facts(self, digest: str) -> FileFacts | None:
        """The facts of a content that was read before."""
        for _, blob in self._rows("SELECT digest, facts FROM facts WHERE digest = ?", (digest,)):
            with contextlib.suppress(msgspec.MsgspecError, TypeError, ValueError):
                return self._decode_facts(_unsealed(digest, blob))
        return None

    def keep_facts(self, digest: str, facts: FileFacts) -> None:
        """Keeps the facts of a content; written by `keep_checked`."""
        # A string constant may hold what is not text.
        with contextlib.suppress(UnicodeEncodeError):
            if self._database is not None:
                self._facts.append((digest, _sealed(digest, self._encoder.encode(facts))))

    def checked(self, path: str) -> Checked | None:
        """What was found in a file."""
        if path not in self._kept:
            for _, blob in self._rows("SELECT path, checked FROM checked WHERE path = ?", (path,)):
                with contextlib.suppress(msgspec.MsgspecError, TypeError, ValueError):
                    self._kept[path] = self._decode_checked(_unsealed(path, blob))
        return self._kept.get(path)

    def keep_checked(self, checked: Mapping[str, Checked]) -> None:
        """Writes what is new in one transaction. A cache that cannot be written is no reason to fail."""
        if self._database is None:
            return
        new = []
        for path, item in checked.items():
            # A path with bytes that are not text is checked anew each time.
            with contextlib.suppress(UnicodeEncodeError):
                if self._kept.get(path) is not item:
                    new.append((path, _sealed(path, self._encoder.encode(item))))
        with contextlib.suppress(sqlite3.Error), self._database:
            self._database.executemany("INSERT OR REPLACE INTO facts VALUES (?, ?)", self._facts)
            self._database.executemany("INSERT OR REPLACE INTO checked VALUES (?, ?)", new)
        self._facts.clear()
        self._kept.update(checked)

    def _rows(self, sql: str, arguments: tuple[str, ...]) -> Iterable[tuple[str, bytes]]:
        if self._database is None:
            return []
        try:
            return self._database.execute(sql, arguments).fetchall()
        except (sqlite3.Error, UnicodeEncodeError):
            return []


def _sealed(key: str, content: bytes) -> bytes:
    """The content behind a digest of it and of its key, which tells a damaged entry from a good one."""
    return bytes.fromhex(digest_of(key.encode() + content)) + content


def _unsealed(key: str, blob: bytes) -> bytes:
    content = bytes(blob[_SEAL:])
    if _sealed(key, content) != blob:
        raise ValueError("damaged")
    return content


@cache
def fingerprint() -> str:
    """A name for this very linter: other rules, or another shape of facts, start another cache."""
    package = Path(__file__).parent
    files = sorted(package.rglob("*.py"))
    return digest_of(b"\0".join(path.relative_to(package).as_posix().encode() + path.read_bytes() for path in files))


def _prune(folder: Path) -> None:
    """Removes the caches of other versions, but for those that were used last: two environments may take turns."""
    with contextlib.suppress(OSError):
        others = [path for path in folder.iterdir() if _NAME.fullmatch(path.name)]
        for old in sorted(others, key=lambda path: path.stat().st_mtime)[:-_MOST_VERSIONS]:
            # A run that has one open goes on with it; it is the next one that starts anew.
            for path in (old, old.with_name(f"{old.name}-wal"), old.with_name(f"{old.name}-shm")):
                path.unlink(missing_ok=True)


def _open(path: Path) -> sqlite3.Connection | None:
    """The database, made where it is missing and made anew where it is not one; None where none can be had."""
    for attempt in range(2):
        try:
            if not path.parent.is_dir():
                path.parent.mkdir(parents=True)
                # Tools that copy or commit whole folders should leave this one out.
                (path.parent / ".gitignore").write_text("*\n", encoding="utf-8")
            if path.exists():
                # By this an older version sees what is still in use.
                os.utime(path)
            else:
                _prune(path.parent)
            database = sqlite3.connect(path, timeout=5)
            database.execute("PRAGMA synchronous = OFF")
            database.execute("PRAGMA journal_mode = WAL")
            database.execute("CREATE TABLE IF NOT EXISTS facts (digest TEXT PRIMARY KEY, facts BLOB) WITHOUT ROWID")
            database.execute("CREATE TABLE IF NOT EXISTS checked (path TEXT PRIMARY KEY, checked BLOB) WITHOUT ROWID")
        except sqlite3.OperationalError:
            return None
        except (sqlite3.DatabaseError, OSError, ValueError):
            if attempt:
                return None
            with contextlib.suppress(OSError, ValueError):
                path.unlink()
        else:
            return database
    return None
