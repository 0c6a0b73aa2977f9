"""The files of a run: read once, made into facts once, or taken from the cache."""

from __future__ import annotations

import ast
import os
import warnings
from collections.abc import Callable, Mapping, Sequence
from fnmatch import fnmatchcase
from pathlib import Path

import msgspec

from linter.cache import Cache, MemoryCache
from linter.errors import UnreadableFile
from linter.facts import FileFacts, Span, extract_facts
from linter.findings import Finding
from linter.project.queries import note
from linter.rules.linter_itself.parse_error import ParseError
from linter.rules.linter_itself.unreadable_file import UnreadableFile as UnreadableFileRule
from linter.source import Source, decode, digest_of, read_bytes


_WORTH_SPREADING = 64
"""Below so many new files one process is done before others have started."""
_LISTED = "//"
"""Stands in a note between a folder and the pattern of what is asked of it, and behind that: no path has it."""


class Files:
    """What `linter.project` reads through: every access is noted as something that the answer rests on."""

    def __init__(self, cache: Cache, contents: Mapping[Path, bytes]) -> None:
        self._cache = cache
        self._contents = contents
        # Keyed by text: a warm run asks tens of thousands of times, and a `Path` is slow to make and to compare.
        self._digests: dict[str, str] = {}
        self._unparsed: dict[str, bytes] = {}
        self._facts: dict[Path, FileFacts | None] = {}
        self._sources: dict[Path, Source] = {}
        self._exists: dict[str, bool] = {}
        self._names: dict[str, tuple[str, ...]] = {}
        self.problems: dict[Path, Finding] = {}
        """Why a file has no facts."""

    def exists(self, path: Path) -> bool:
        """Whether there is such a file."""
        name = str(path)
        note(name)
        if name not in self._exists:
            self._exists[name] = path in self._contents or os.path.isfile(name)
        return self._exists[name]

    def names(self, folder: Path, pattern: str = "*") -> tuple[str, ...]:
        """The names in a folder that a pattern of `fnmatch` fits, sorted; those of folders end in a slash.

        A folder that cannot be listed has none. Links to folders are no folders: they may lead in a circle.
        """
        listing = f"{folder}{_LISTED}{pattern}{_LISTED}"
        note(listing)
        if listing not in self._names:
            try:
                with os.scandir(folder) as entries:
                    found = {
                        f"{entry.name}/" if entry.is_dir(follow_symlinks=False) else entry.name for entry in entries
                    }
            except OSError:
                found = set()
            found.update(path.name for path in self._contents if path.parent == folder)
            self._names[listing] = tuple(sorted(name for name in found if fnmatchcase(name.rstrip("/"), pattern)))
        return self._names[listing]

    @property
    def digests(self) -> Mapping[str, str]:
        """The names of the contents that were asked for, by path."""
        return self._digests

    def digest(self, path: str) -> str:
        """The name of a file's content, or of what a listing of a folder gives; empty where there is no such file."""
        digest = self._digests.get(path)
        if digest is None and path.endswith(_LISTED):
            folder, pattern, _ = path.rsplit(_LISTED, 2)
            names = "\0".join(self.names(Path(folder), pattern))
            self._digests[path] = digest = digest_of(names.encode(errors="surrogateescape"))
        elif digest is None:
            try:
                self._unparsed[path] = self._read(Path(path)) if self._contents else read_bytes(path)
                digest = digest_of(self._unparsed[path])
            except UnreadableFile:
                digest = ""
            self._digests[path] = digest
        return digest

    def source(self, path: Path) -> Source | None:
        """The text of a file; None where it cannot be read, with the reason in `problems`."""
        note(str(path))
        if path not in self._sources and path not in self.problems:
            try:
                digest = self.digest(str(path))
                # What the digest was taken from, so that a file that changes meanwhile is seen in one state.
                content = self._unparsed.pop(str(path), None) or self._read(path)
                self._sources[path] = decode(path, content, digest)
            except UnreadableFile as error:
                self._unreadable(path, error)
        return self._sources.get(path)

    def facts(self, path: Path) -> FileFacts | None:
        """The facts of a file; None where it cannot be read or parsed, with the reason in `problems`."""
        note(str(path))
        if path not in self._facts:
            digest = self.digest(str(path))
            facts = self._cache.facts(digest) if digest else None
            if facts is None:
                facts = self._extract(path)
                if facts is not None:
                    self._cache.keep_facts(self._digests[str(path)], facts)
            self._facts[path] = facts
        return self._facts[path]

    def prepare(self, paths: Sequence[Path], progress: Callable[[int, int], None]) -> None:
        """Makes the facts of new files on all cores, where there are enough of them to be worth the processes.

        A file that has no facts is left alone: `facts` says why.
        """
        new = [path for path in paths if path not in self._contents and not self._is_known(path)]
        cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
        if cores < 2 or len(new) < _WORTH_SPREADING:
            return
        # Only a run with much to do needs it, and it is slow to import.
        from concurrent.futures import ProcessPoolExecutor

        with ProcessPoolExecutor(cores) as pool:
            for number, (path, packed) in enumerate(zip(new, pool.map(_packed_facts, new, chunksize=8), strict=True)):
                progress(number, len(new))
                # What another process read counts for the content that this run goes by.
                if packed is not None and packed[0] == self.digest(str(path)):
                    self._facts[path] = facts = _unpack(packed[1])
                    self._cache.keep_facts(packed[0], facts)

    def _is_known(self, path: Path) -> bool:
        digest = self.digest(str(path))
        if path not in self._facts and digest and (facts := self._cache.facts(digest)) is not None:
            self._facts[path] = facts
        return path in self._facts or not digest

    def _read(self, path: Path) -> bytes:
        return self._contents[path] if path in self._contents else read_bytes(path)

    def _extract(self, path: Path) -> FileFacts | None:
        source = self.source(path)
        if source is None:
            return None
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                return extract_facts(source, ast.parse(source.text))
        except SyntaxError as error:
            line = min(max(error.lineno or 1, 1), len(source.lines))
            column = min(max((error.offset or 1) - 1, 0), len(source.lines[line - 1]))
            place = Span(line, column, line, column + 1)
            self.problems[path] = ParseError().problem(path, place, f"is not valid Python: {error.msg}")
        except RecursionError:
            self._unreadable(path, UnreadableFile("is nested too deeply"))
        except MemoryError:
            # Python's parser says so, too, of what is nested deeper than it goes.
            self._unreadable(path, UnreadableFile("is nested too deeply, or needs more memory than there is"))
        except ValueError as error:
            self._unreadable(path, UnreadableFile(f"cannot be parsed: {error}"))
        return None

    def _unreadable(self, path: Path, error: UnreadableFile) -> None:
        place = Span(error.line, 0, error.line, 1)
        self.problems[path] = UnreadableFileRule().problem(path, place, str(error))


_pack = msgspec.msgpack.Encoder().encode
_unpack = msgspec.msgpack.Decoder(FileFacts).decode


def _packed_facts(path: Path) -> tuple[str, bytes] | None:
    """The digest of a file and its facts packed, as another process hands them over; None where it has none."""
    files = Files(MemoryCache(), {})
    facts = files.facts(path)
    try:
        return (files.digest(str(path)), _pack(facts)) if facts is not None else None
    except UnicodeEncodeError:
        # A string constant may hold what is not text.
        return None
