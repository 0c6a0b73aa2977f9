"""The lock file: what was installed in a repository, so that nothing else is ever replaced or removed."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import Literal

import msgspec

from scaffold.errors import ScaffoldError


LOCK_NAME = ".skills-lock.json"

Mode = Literal["link", "copy"]


class Entry(msgspec.Struct, frozen=True):
    """One installed thing: where in the pack it came from, how it was put there, and the hash of what lies there."""

    source: str
    mode: Mode
    hash: str


class Pending(msgspec.Struct, frozen=True):
    """A change under way: the temporary paths that it may leave, and the entry that it makes once it is done."""

    leftovers: list[str]
    entry: Entry | None = None


class Lock(msgspec.Struct, forbid_unknown_fields=True):
    """The state of one repository; every path is POSIX and relative to the repository."""

    schema: Literal[1] = 1
    agents: list[str] = []
    entries: dict[str, Entry] = {}
    folders: list[str] = []
    pending: dict[str, Pending] = {}


def read_lock(root: Path) -> Lock:
    """The lock of the repository at `root`, empty where nothing was installed.

    Raises:
        ScaffoldError: The lock cannot be read, does not parse, or names a path outside the repository.
    """
    path = root / LOCK_NAME
    try:
        lock = msgspec.json.decode(path.read_bytes(), type=Lock)
    except FileNotFoundError:
        return Lock()
    except (OSError, msgspec.DecodeError) as error:
        raise ScaffoldError(
            f"{path}: not a lock of `scaffold skills` ({error}); restore it from its history, or "
            "delete it and remove by hand what was installed"
        ) from error
    leftovers = [leftover for pending in lock.pending.values() for leftover in pending.leftovers]
    for name in [*lock.entries, *lock.folders, *lock.pending, *leftovers]:
        if PurePosixPath(name).is_absolute() or ".." in PurePosixPath(name).parts:
            raise ScaffoldError(f"{path}: names {name}, which is outside this repository; restore it from its history")
    return lock


def write_lock(root: Path, lock: Lock) -> None:
    """Writes the lock whole, or deletes it when it records nothing any more."""
    path = root / LOCK_NAME
    # One fixed name, so that what a kill left behind is written over or deleted by the next run.
    staged = root / f"{LOCK_NAME}.new"
    if lock.entries or lock.pending:
        content = msgspec.json.format(msgspec.json.encode(lock, order="sorted"), indent=2) + b"\n"
        if not path.exists() or path.read_bytes() != content:
            staged.write_bytes(content)
            os.replace(staged, path)
    elif path.exists():
        path.unlink()
    if staged.exists():
        staged.unlink()


def hash_of_link(target: str) -> str:
    """The hash of a symbolic link, which is that of its target's text."""
    return _digest({"link": Path(target).as_posix().encode()})


def hash_of_file(content: bytes) -> str:
    """The hash of a file's content."""
    return _digest({"file": content})


def hash_of_folder(files: Mapping[str, bytes]) -> str:
    """The hash of a folder: of the POSIX paths below it and what they hold."""
    return _digest({f"folder/{name}": content for name, content in files.items()})


def hash_on_disk(path: Path) -> str | None:
    """The hash of what lies at `path`, links not followed; None where nothing does."""
    if path.is_symlink():
        return hash_of_link(os.readlink(path))
    if path.is_dir():
        return hash_of_folder(dict(_walk(path, path)))
    return hash_of_file(path.read_bytes()) if path.exists() else None


def _walk(folder: Path, top: Path) -> list[tuple[str, bytes]]:
    found: list[tuple[str, bytes]] = []
    for path in sorted(folder.iterdir()):
        if path.is_dir() and not path.is_symlink():
            found += _walk(path, top) or [(f"{path.relative_to(top).as_posix()}/", b"")]
        else:
            content = f"link {os.readlink(path)}".encode() if path.is_symlink() else path.read_bytes()
            found.append((path.relative_to(top).as_posix(), content))
    return found


def _digest(parts: Mapping[str, bytes]) -> str:
    digest = hashlib.sha256()
    for name, content in sorted(parts.items()):
        # The lengths keep "a" + "bc" apart from "ab" + "c".
        digest.update(f"{len(name.encode())} {len(content)} {name}".encode() + content)
    return f"sha256:{digest.hexdigest()}"
