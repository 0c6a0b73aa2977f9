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


def discover(paths: Sequence[Path], exclude: Sequence[str], root: Path, force_exclude: bool = False) -> list[Path]:
    """The files to check, absolute, each once, sorted.

    Args:
        paths: Files and folders. Links to folders are not followed.
        exclude: Patterns of `fnmatch` on a file's or folder's name, or on its path relative to `root`.
        root: The configuration's folder.
        force_exclude: Whether what is excluded is left out where it is named, too.

    Raises:
        LinterError: a path that does not exist or a folder that cannot be listed.
    """
    patterns = [pattern.rstrip("/") for pattern in exclude]
    found: set[Path] = set()
    for path in paths:
        if force_exclude and is_excluded(path.absolute(), exclude, root):
            continue
        try:
            is_folder, is_there = path.is_dir(), path.exists()
        except OSError as error:
            raise LinterError(f"{path}: cannot be looked at: {error.strerror}.") from error
        if is_folder:
            found.update(_below(path.absolute(), patterns, root))
        elif is_there:
            found.add(path.absolute())
        else:
            raise LinterError(f"{path}: no such file or folder. Name a Python file or a folder that holds some.")
    return sorted({Path(os.path.normpath(path)) for path in found})


def is_excluded(path: Path, exclude: Sequence[str], root: Path) -> bool:
    """Whether a path, or a folder that it lies in, is left out of a run over `root`.

    Args:
        path: A file or folder, absolute.
        exclude: Patterns of `fnmatch` on a name, or on a path relative to `root`.
        root: The configuration's folder; the folders above it are not looked at.
    """
    path, patterns = Path(os.path.normpath(path)), [pattern.rstrip("/") for pattern in exclude]
    inside = path.relative_to(root) if path.is_relative_to(root) else path
    steps = [path, *path.parents][: len(inside.parts)]
    return any(step.name in NEVER or _excluded(step, patterns, root) for step in steps)


def _below(folder: Path, exclude: Sequence[str], root: Path) -> Iterator[Path]:
    for parent, folders, files in os.walk(folder, onerror=_refuse):
        folders[:] = [
            name for name in folders if name not in NEVER and not _excluded(Path(parent, name), exclude, root)
        ]
        for name in files:
            path = Path(parent, name)
            if name.endswith(".py") and not _excluded(path, exclude, root):
                yield path


def _refuse(error: OSError) -> None:
    """Ends the run: passing a folder by would say of its files that nothing was found."""
    raise LinterError(f"{error.filename}: cannot be listed: {error.strerror}. `exclude` leaves a folder out.")


def _excluded(path: Path, exclude: Sequence[str], root: Path) -> bool:
    if not exclude:
        return False
    relative = path.relative_to(root).as_posix() if path.is_relative_to(root) else path.as_posix()
    return any(fnmatch(path.name, pattern) or fnmatch(relative, pattern) for pattern in exclude)
