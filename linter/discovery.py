"""Which files a run checks: the files named, and the Python files below the folders named."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from fnmatch import fnmatch
from pathlib import Path

from linter.errors import LinterError


NEVER = frozenset(
    {
        ".git",
        ".hg",
        ".svn",
        ".venv",
        "venv",
        ".tox",
        ".nox",
        "__pycache__",
        "node_modules",
        ".mypy_cache",
        ".ruff_cache",
    }
)
"""Folders that hold no source of the project's own; named on the command line they are checked."""


def discover(paths: Sequence[Path], exclude: Sequence[str]) -> list[Path]:
    """The files to check, absolute, each once, sorted.

    Args:
        paths: Files and folders. Links to folders are not followed.
        exclude: Patterns of `fnmatch` on a file's or folder's name, or on its path relative to the working directory.

    Raises:
        LinterError: a path that does not exist.
    """
    found: set[Path] = set()
    for path in paths:
        if path.is_dir():
            found.update(_below(path.absolute(), exclude))
        elif path.exists():
            found.add(path.absolute())
        else:
            raise LinterError(f"{path}: no such file or folder. Name a Python file or a folder that holds some.")
    return sorted(Path(os.path.normpath(path)) for path in found)


def _below(folder: Path, exclude: Sequence[str]) -> Iterator[Path]:
    here = Path.cwd()
    for parent, folders, files in os.walk(folder):
        folders[:] = [
            name for name in folders if name not in NEVER and not _excluded(Path(parent, name), exclude, here)
        ]
        for name in files:
            path = Path(parent, name)
            if name.endswith(".py") and not _excluded(path, exclude, here):
                yield path


def _excluded(path: Path, exclude: Sequence[str], here: Path) -> bool:
    if not exclude:
        return False
    relative = path.relative_to(here).as_posix() if path.is_relative_to(here) else path.as_posix()
    return any(fnmatch(path.name, pattern) or fnmatch(relative, pattern) for pattern in exclude)
