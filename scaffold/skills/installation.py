"""Installs, checks and removes the pack: each thing is staged beside its place, renamed into it, and recorded."""

from __future__ import annotations

import contextlib
import hashlib
import os
import secrets
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from filelock import FileLock, Timeout

from scaffold.errors import ScaffoldError
from scaffold.skills.lock import LOCK_NAME, Entry, Lock, Pending, hash_on_disk, read_lock, write_lock
from scaffold.skills.plan import AGENTS, Action, Step, Wanted, plan_install, plan_removal


_NOTHING = "nothing is installed here; run `scaffold skills install --agent claude|codex`"
# How long a second run waits for the first.
_PATIENCE = 20


@dataclass(frozen=True)
class Outcome:
    """What happened, or with a dry run would happen, to one path of the repository.

    Attributes:
        action: What was done, or why nothing was.
        path: POSIX path relative to the repository.
        link: The target of the link that lies there, or empty for a copy.
        hint: The line that a person may add to this file of theirs, or empty.
    """

    action: Action
    path: str
    link: str = ""
    hint: str = ""

    @property
    def needs_a_person(self) -> bool:
        """Whether the path was left as it is although the pack has something else for it."""
        return self.action in ("edited", "foreign")


def install(pack: Path, root: Path, agent: str, *, copy: bool = False, dry_run: bool = False) -> list[Outcome]:
    """Puts the pack's skills and index where `agent` looks; a second run finds nothing to do.

    Args:
        pack: The folder of AGENTS.md, the guides and `skills/`.
        root: The repository to install into.
        agent: A key of `AGENTS`.
        copy: Copy the skills even where a link to them would do.
        dry_run: Change nothing, and say what would be done.

    Raises:
        ScaffoldError: The repository cannot be written, or its layout would make the installation write elsewhere.
    """
    with _told_for_people(root), _taking_turns(root):
        pack, root = pack.resolve(), root.resolve()
        lock = read_lock(root)
        agents = [name for name in AGENTS if name == agent or name in lock.agents]
        if dry_run:
            return [_outcome(step, root) for step in plan_install(pack, root, lock, agents, copy)]
        _settle(root, lock)
        lock.agents = agents
        steps = plan_install(pack, root, lock, agents, copy)
        return _apply(root, lock, steps)


def update(pack: Path, root: Path, *, dry_run: bool = False) -> list[Outcome]:
    """Brings an installation up to date for the agents that it is for, links as links and copies as copies.

    Raises:
        ScaffoldError: nothing is installed, or as for `install`.
    """
    lock = read_lock(root)
    if not lock.agents:
        raise ScaffoldError(f"{root}: {_NOTHING}")
    copied = all(entry.mode == "copy" for entry in lock.entries.values())
    return install(pack, root, lock.agents[0], copy=copied, dry_run=dry_run)


def remove(root: Path, *, dry_run: bool = False) -> list[Outcome]:
    """Takes away everything that was installed and is as it was installed; what was edited stays and is told.

    Raises:
        ScaffoldError: The repository cannot be written.
    """
    with _told_for_people(root), _taking_turns(root):
        root = root.resolve()
        lock = read_lock(root)
        if dry_run:
            return [_outcome(step, root) for step in plan_removal(root, lock)]
        _settle(root, lock)
        outcomes = _apply(root, lock, plan_removal(root, lock))
        _tidy(root, lock)
        write_lock(root, Lock())
        return outcomes


def check(pack: Path, root: Path) -> list[Outcome]:
    """What differs from a fresh installation for the same agents; empty when nothing does.

    Raises:
        ScaffoldError: Nothing is installed, or an installation was interrupted.
    """
    with _told_for_people(root):
        pack, root = pack.resolve(), root.resolve()
        lock = read_lock(root)
        if lock.pending:
            raise ScaffoldError(f"{root}: an installation was interrupted; run `scaffold skills install` again")
        if not lock.agents:
            raise ScaffoldError(f"{root}: {_NOTHING}")
        steps = plan_install(pack, root, lock, lock.agents, copy=False)
        return [_outcome(step, root) for step in steps if step.action not in ("unchanged", "present", "yours")]


@contextlib.contextmanager
def _told_for_people(root: Path) -> Iterator[None]:
    """Turns what the file system refuses into one message that names the path and says what holds now."""
    try:
        yield
    except OSError as error:
        place = error.filename or root
        raise ScaffoldError(
            f"{place}: {error.strerror or error}; whatever is not listed in {root / LOCK_NAME} is untouched, "
            "and the same command goes on from here once the folder can be written"
        ) from error


@contextlib.contextmanager
def _taking_turns(root: Path) -> Iterator[None]:
    """Has two runs on one repository come one after the other; the lock lies elsewhere, so that it leaves no trace."""
    owner = os.geteuid() if hasattr(os, "geteuid") else 0
    name = hashlib.sha256(f"{owner} {root.resolve()}".encode()).hexdigest()[:16]
    try:
        with FileLock(Path(tempfile.gettempdir()) / f"scaffold-skills-{name}.lock", timeout=_PATIENCE):
            yield
    except Timeout:
        raise ScaffoldError(
            f"{root}: another run of `scaffold skills` is at work here; try again once it is done"
        ) from None


def _apply(root: Path, lock: Lock, steps: list[Step]) -> list[Outcome]:
    outcomes = []
    try:
        for step in steps:
            if step.action in ("create", "update") and step.wanted is not None:
                _place(root, lock, step.wanted)
            elif step.action == "remove":
                _take_away(root, lock, step.path)
            outcomes.append(_outcome(step, root))
        write_lock(root, lock)
    except OSError:
        with contextlib.suppress(OSError):
            _tidy(root, lock)
        raise
    return outcomes


def _outcome(step: Step, root: Path) -> Outcome:
    path = root / step.path
    link = step.wanted.link or "" if step.wanted else ""
    if path.is_symlink():
        link = os.readlink(path)
    elif path.exists():
        link = ""
    return Outcome(step.action, step.path, link, step.hint)


def _settle(root: Path, lock: Lock) -> None:
    """Finishes the books of a run that was killed: what it completed becomes an entry, what it staged is deleted."""
    for path, pending in lock.pending.items():
        for leftover in pending.leftovers:
            _delete(root / leftover)
        if pending.entry is not None and hash_on_disk(root / path) == pending.entry.hash:
            lock.entries[path] = pending.entry
    lock.pending.clear()


def _tidy(root: Path, lock: Lock) -> None:
    """Leaves no temporary thing and no empty folder of ours behind, and brings the lock up to date."""
    _settle(root, lock)
    for folder in sorted(lock.folders, reverse=True):
        with contextlib.suppress(OSError):  # Not empty: something of the user's, or of the pack, lies there.
            (root / folder).rmdir()
    write_lock(root, lock)


def _place(root: Path, lock: Lock, wanted: Wanted) -> None:
    target = root / wanted.path
    staged, retired = _names_beside(wanted.path)
    # The books come first: a kill at any point leaves only what they name.
    lock.folders = sorted({*lock.folders, *_missing_folders(root, wanted.path)})
    lock.pending[wanted.path] = Pending([staged, retired])
    write_lock(root, lock)
    target.parent.mkdir(parents=True, exist_ok=True)
    entry = _stage(root / staged, wanted)
    lock.pending[wanted.path] = Pending([staged, retired], entry)
    write_lock(root, lock)
    if _is_folder(target) or (target.is_symlink() and _is_folder(root / staged)):
        os.rename(target, root / retired)
    os.replace(root / staged, target)
    _delete(root / retired)
    del lock.pending[wanted.path]
    lock.entries[wanted.path] = entry


def _stage(staged: Path, wanted: Wanted) -> Entry:
    """Makes `wanted` under its temporary name, as a link if that can be had, and returns the entry for it."""
    if wanted.content is not None:
        staged.write_bytes(wanted.content)
        return wanted.entries()[0]
    if wanted.link is not None:
        with contextlib.suppress(OSError, NotImplementedError):
            os.symlink(wanted.link, staged, target_is_directory=True)
            return wanted.entries()[0]
    for name, content in (wanted.files or {}).items():
        path = staged / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return wanted.entries()[-1]


def _take_away(root: Path, lock: Lock, path: str) -> None:
    # Renamed first, so that a kill in the middle of a folder's deletion does not leave half a skill that looks edited.
    _, retired = _names_beside(path)
    lock.pending[path] = Pending([retired])
    write_lock(root, lock)
    os.rename(root / path, root / retired)
    _delete(root / retired)
    del lock.pending[path], lock.entries[path]


def _names_beside(path: str) -> tuple[str, str]:
    """Names in the same folder for a thing that is being made and for the one that it replaces."""
    place, token = PurePosixPath(path), secrets.token_hex(4)
    return str(place.with_name(f".skills-{token}.new")), str(place.with_name(f".skills-{token}.old"))


def _missing_folders(root: Path, path: str) -> list[str]:
    return [str(folder) for folder in PurePosixPath(path).parents[:-1] if not (root / folder).exists()]


def _is_folder(path: Path) -> bool:
    return path.is_dir() and not path.is_symlink()


def _delete(path: Path) -> None:
    if _is_folder(path):
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
