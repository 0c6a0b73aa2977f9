"""Writing a file whole or not at all."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from linter.errors import LinterError


def write(path: Path, content: bytes) -> None:
    """Writes a file at once: a reader sees the old content or the new, never a part. Its permissions stay.

    Raises:
        LinterError: the file or its folder cannot be written.
    """
    target = path.resolve()
    temporary: str | None = None
    try:
        mode = target.stat().st_mode if target.exists() else _mode_of_new()
        if target.exists() and not os.access(target, os.W_OK):
            raise PermissionError(13, "it is read-only")
        handle, temporary = tempfile.mkstemp(prefix=f".{target.name}.", dir=target.parent)
        with os.fdopen(handle, "wb") as file:
            file.write(content)
        os.chmod(temporary, mode)
        os.replace(temporary, target)
    except OSError as error:
        if temporary is not None and os.path.exists(temporary):
            os.unlink(temporary)
        raise LinterError(f"{path}: cannot be written: {error.strerror or error}") from error


def _mode_of_new() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return 0o666 & ~mask
