"""Reading a file: bytes to text as Python itself would, and places in it."""

from __future__ import annotations

import codecs
import hashlib
import io
import os
import stat
import tokenize
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from linter.errors import UnreadableFile


if TYPE_CHECKING:
    from linter.facts.values import Span


MAX_BYTES = 2 * 1024 * 1024
"""A larger file is not source that a person wrote, and a syntax tree takes up to 700 times the memory of its text."""


@dataclass(frozen=True)
class Source:
    """A file's text. `path` is where it lies; `digest` names its content."""

    path: Path
    text: str
    digest: str
    encoding: str = "utf-8"
    has_bom: bool = False
    lines: list[str] = field(default_factory=list, repr=False, compare=False)

    def between(self, span: Span) -> str:
        """The text of a span, with `\\n` for every line end."""
        lines = self.lines[span.line - 1 : span.end_line]
        lines[-1] = lines[-1][: span.end_column]
        lines[0] = lines[0][span.column :]
        return "\n".join(lines)

    def encode(self, text: str) -> bytes:
        """The bytes of an edited text, in the file's own encoding."""
        return (codecs.BOM_UTF8 if self.has_bom else b"") + text.encode(self.encoding)


def digest_of(content: bytes) -> str:
    """A name for the content, for cache keys."""
    return hashlib.blake2b(content, digest_size=16).hexdigest()


def read_bytes(path: Path | str) -> bytes:
    """The content of a regular file of a sane size.

    Raises:
        UnreadableFile: it cannot be opened, is not a regular file, or is too large.
    """
    try:
        status = os.stat(path)
        if not stat.S_ISREG(status.st_mode):
            raise UnreadableFile("is not a regular file")
        with open(path, "rb", opener=_open_at_once) as file:
            # What says that it is small may be endless all the same: the kernel's own files say that they are empty.
            content = file.read(min(status.st_size or MAX_BYTES, MAX_BYTES) + 1) or b""
    except OSError as error:
        raise UnreadableFile(f"cannot be read: {error.strerror or error}") from error
    if len(content) > MAX_BYTES:
        raise UnreadableFile(f"is larger than {MAX_BYTES // 1024 // 1024} MiB")
    return content


def _open_at_once(path: str, flags: int) -> int:
    """Opens a file so that neither opening nor reading it waits for somebody to write to it."""
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0))


def decode(path: Path, content: bytes, digest: str | None = None) -> Source:
    """Text from bytes, by the byte-order mark and coding line as Python reads them; line ends stay as they are.

    Raises:
        UnreadableFile: null bytes, an unknown encoding, or bytes that the encoding cannot decode.
    """
    if b"\0" in content:
        line = content[: content.index(b"\0")].count(b"\n") + 1
        raise UnreadableFile("contains null bytes", line=line)
    try:
        encoding, _ = tokenize.detect_encoding(io.BytesIO(content).readline)
    except SyntaxError as error:
        raise UnreadableFile(f"has an unusable encoding: {error.msg}") from error
    has_bom = content.startswith(codecs.BOM_UTF8)
    encoding = "utf-8" if encoding == "utf-8-sig" else encoding
    try:
        text = content[len(codecs.BOM_UTF8) if has_bom else 0 :].decode(encoding)
    except (UnicodeError, LookupError) as error:
        start = error.start if isinstance(error, UnicodeDecodeError) else 0
        raise UnreadableFile(f"is not valid {encoding}", line=content[:start].count(b"\n") + 1) from error
    # `splitlines` would also break at form feeds and Unicode separators, where Python's own line count does not.
    lines = (text.replace("\r\n", "\n").replace("\r", "\n") if "\r" in text else text).split("\n")
    return Source(path, text, digest or digest_of(content), encoding, has_bom, lines)
