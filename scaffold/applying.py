"""Applying a plan: all of its changes, or none, whatever happens in between.

What a plan writes is staged in `.scaffold/` under its root. Renaming the staged folder to `journal` is the moment at
which the plan counts: before it the next call throws the staged files away, after it the next call puts those that
are left at their places. Plans that were applied lie in `.scaffold/history/`, from where `scaffold undo` takes them.
None of this is for version control.
"""

from __future__ import annotations

import contextlib
import io
import os
import shutil
import tempfile
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path

import msgspec
from filelock import FileLock, Timeout

from scaffold.errors import ScaffoldError
from scaffold.plan import Change, Plan, creation, digest, read


STATE = ".scaffold"
_IGNORED = "# Made by scaffold: what concerns this copy alone.\n/.gitignore\n/lock\n/journal*\n/history\n"
# How long a second run waits for the first.
_PATIENCE = 20


class _Entry(msgspec.Struct, frozen=True):
    """One change of a journal: the staged file, if the change writes one, and the digests that it expects."""

    path: str
    staged: str | None
    before: str | None
    after: str | None


class _Journal(msgspec.Struct, frozen=True):
    """What is left to do; with `undoes`, the plan of that name leaves the history, else one joins it."""

    entries: tuple[_Entry, ...]
    undoes: str | None = None


def apply(plan: Plan, undoes: str | None = None) -> None:
    """Make all changes of a plan, or none.

    Args:
        plan: the changes; each file has to hold what its change expects.
        undoes: the plan in the history that this one takes back.

    Raises:
        ScaffoldError: a file is another than was planned for, something is in the way, or the place is read-only.
    """
    if not plan.changes and undoes is None:
        return
    if all(change.before is None for change in plan.changes) and not _holds_something(plan.root):
        _create(plan)
        return
    with told_for_people(plan.root), _locked(plan.root) as state:
        for change in plan.changes:
            if read(plan.root, change.path) != change.before:
                raise ScaffoldError(f"{plan.root / change.path} has changed in the meantime; run this again")
            _refuse_to_leave(plan.root, change.path)
        _stage(plan, state, undoes)
        try:
            _finish(plan.root, state)
        except OSError as error:
            if not _take_back(plan, state):
                raise ScaffoldError(
                    f"{error.filename or plan.root} cannot be written to: {error.strerror}; the change is half made, "
                    "and the next call of scaffold goes on with it"
                ) from None
            raise


def write_folder(target: Path, files: Mapping[str, str]) -> None:
    """Write texts into a new folder, all or none, without a record of how they were made.

    Raises:
        ScaffoldError: something is in the way, or the place cannot be written to.
    """
    apply(creation(target, {path: text.encode() for path, text in files.items()}))


def write_file(path: Path, text: str) -> None:
    """Write one new file, whole or not at all, with no note of it in any history.

    Raises:
        ScaffoldError: the place cannot be written to.
    """
    with told_for_people(path.parent):
        staged = path.parent / f".{path.name}.new"
        try:
            _write(staged, text.encode())
            os.replace(staged, path)
        finally:
            staged.unlink(missing_ok=True)


def recover(root: Path) -> None:
    """Finish or drop what a run that was killed has left under a folder; without any, nothing happens.

    Raises:
        ScaffoldError: a file was edited since, which finishing would overwrite.
    """
    with told_for_people(root):
        if any(root.parent.glob(f"{_prefix(root)}*")):
            with _creating(root):
                pass
        if any((root / STATE / name).exists() for name in ("journal", "journal.new")):
            with _locked(root):
                pass


def last_applied(root: Path) -> tuple[str, Plan] | None:
    """The newest plan in a folder's history, with its name there."""
    recover(root)
    names = _history(root / STATE)
    if not names:
        return None
    with zipfile.ZipFile(root / STATE / "history" / names[-1]) as archive:
        stored = {name: archive.read(name) for name in archive.namelist()}
    paths = sorted({name.partition("/")[2] for name in stored})
    changes = tuple(Change(path, stored.get(f"before/{path}"), stored.get(f"after/{path}")) for path in paths)
    return names[-1], Plan(root, changes)


@contextlib.contextmanager
def told_for_people(root: Path) -> Iterator[None]:
    """An error of the file system as one message.

    Raises:
        ScaffoldError: in place of an `OSError`.
    """
    try:
        yield
    except OSError as error:
        # Nobody knows the staging folder; what is wrong with it is wrong with the place where it lies.
        name = error.filename
        inside = name is None or STATE in Path(os.fsdecode(name)).parts or not Path(os.fsdecode(name)).exists()
        raise ScaffoldError(
            f"{root if inside else name} cannot be written to: {error.strerror}; nothing was written"
        ) from None


def _create(plan: Plan) -> None:
    """A new folder is staged beside its place, and takes its name in one step."""
    parent = plan.root.parent
    with told_for_people(parent):
        parent.mkdir(parents=True, exist_ok=True)
        with _creating(plan.root):
            staged = Path(tempfile.mkdtemp(prefix=_prefix(plan.root), dir=parent))
            # mkdtemp keeps others out, which a folder of source code should not.
            staged.chmod(0o777 & ~_umask())
            for change in plan.changes:
                _write(staged / change.path, change.after or b"")
            _write(staged / STATE / ".gitignore", _IGNORED.encode())
            _write(staged / STATE / "history" / "0001.zip", _archived(plan))
            # POSIX lets a folder take the name of an empty one; Windows wants the name to be free.
            if plan.root.is_dir() and os.name == "nt":
                plan.root.rmdir()
            os.replace(staged, plan.root)


@contextlib.contextmanager
def _creating(root: Path) -> Iterator[None]:
    """For one process at a time; what staging leaves beside the folder goes, an earlier run's that was killed too."""
    lock = root.parent / f"{_prefix(root)}lock"
    try:
        with FileLock(lock, timeout=_PATIENCE):
            try:
                yield
            finally:
                for abandoned in root.parent.glob(f"{_prefix(root)}*"):
                    shutil.rmtree(abandoned, ignore_errors=True)
                lock.unlink(missing_ok=True)
    except Timeout:
        raise ScaffoldError(f"another scaffold is making {root}; wait for it and run this again") from None


def _prefix(root: Path) -> str:
    return f".{root.name}-"


@contextlib.contextmanager
def _locked(root: Path) -> Iterator[Path]:
    """The folder of the tool's state, for this process alone, with nothing left over in it."""
    state = root / STATE
    _refuse_to_leave(root, f"{STATE}/lock")
    state.mkdir(exist_ok=True)
    lock = FileLock(state / "lock", timeout=_PATIENCE)
    try:
        with lock:
            if not (state / ".gitignore").exists():
                _write(state / ".gitignore", _IGNORED.encode())
            shutil.rmtree(state / "journal.new", ignore_errors=True)
            if (state / "journal").exists():
                _finish(root, state)
            yield state
    except Timeout:
        raise ScaffoldError(f"another scaffold is at work in {root}; wait for it and run this again") from None
    finally:
        # What remains of a folder without plans is the lock.
        if not any(path.name not in ("lock", ".gitignore") for path in state.rglob("*") if path.is_file()):
            shutil.rmtree(state, ignore_errors=True)
            with contextlib.suppress(OSError):
                root.rmdir()


def _stage(plan: Plan, state: Path, undoes: str | None) -> None:
    new = state / "journal.new"
    try:
        entries = []
        for number, change in enumerate(plan.changes):
            staged = None if change.after is None else str(number)
            if staged is not None and change.after is not None:
                _write(new / staged, change.after)
                if (plan.root / change.path).exists():
                    shutil.copymode(plan.root / change.path, new / staged)
            entries.append(_Entry(change.path, staged, digest(change.before), digest(change.after)))
        if undoes is None:
            _write(new / "history.zip", _archived(plan))
        _write(new / "journal.json", msgspec.json.encode(_Journal(tuple(entries), undoes)))
        os.rename(new, state / "journal")
    finally:
        shutil.rmtree(new, ignore_errors=True)


def _finish(root: Path, state: Path) -> None:
    """Do what the journal says and is not done."""
    folder = state / "journal"
    journal = msgspec.json.decode((folder / "journal.json").read_bytes(), type=_Journal)
    for entry in journal.entries:
        held = digest(read(root, entry.path))
        if held == entry.after:
            continue
        target = (root / entry.path).resolve()
        if held != entry.before:
            raise ScaffoldError(
                f"{root / entry.path} was edited after a run of scaffold was interrupted; move it away, run this "
                "again to finish that, and merge your edit"
            )
        if entry.staged is not None:
            target.parent.mkdir(parents=True, exist_ok=True)
            os.replace(folder / entry.staged, target)
        else:
            target.unlink(missing_ok=True)
            _remove_empty(target.parent, root)
    history = state / "history"
    if journal.undoes is not None:
        (history / journal.undoes).unlink(missing_ok=True)
    elif (folder / "history.zip").exists():
        history.mkdir(exist_ok=True)
        os.replace(folder / "history.zip", history / _next(state))
    _drop_journal(state)


def _take_back(plan: Plan, state: Path) -> bool:
    """Undo what of a plan was done, where not all of it could be; says whether that was possible."""
    try:
        for number, change in enumerate(plan.changes):
            target = (plan.root / change.path).resolve()
            if read(plan.root, change.path) != change.after:
                continue
            if change.before is None:
                target.unlink()
            else:
                _write(state / f"journal.{number}", change.before)
                target.parent.mkdir(parents=True, exist_ok=True)
                os.replace(state / f"journal.{number}", target)
        for change in plan.changes:
            _remove_empty((plan.root / change.path).resolve().parent, plan.root)
        _drop_journal(state)
    except OSError:
        return False
    return True


def _drop_journal(state: Path) -> None:
    """The journal stops to count in one step, and then goes."""
    os.rename(state / "journal", state / "journal.new")
    shutil.rmtree(state / "journal.new", ignore_errors=True)


def _archived(plan: Plan) -> bytes:
    """A plan as an archive of what its files hold before and after."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for change in plan.changes:
            for side, content in (("before", change.before), ("after", change.after)):
                if content is not None:
                    archive.writestr(zipfile.ZipInfo(f"{side}/{change.path}"), content, zipfile.ZIP_DEFLATED)
    return buffer.getvalue()


def _history(state: Path) -> list[str]:
    return sorted(path.name for path in (state / "history").glob("*.zip"))


def _next(state: Path) -> str:
    names = _history(state)
    return f"{int(Path(names[-1]).stem) + 1 if names else 1:04}.zip"


def _write(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def _refuse_to_leave(root: Path, path: str) -> None:
    """No change goes through a link to somewhere outside of the root."""
    real_root = root.resolve()
    if not (real_root / path).resolve().is_relative_to(real_root):
        raise ScaffoldError(f"{root / path} leads out of {root} through a link; nothing was written")


def _remove_empty(folder: Path, root: Path) -> None:
    """Remove a folder that holds nothing, and those above it under the root that hold nothing else."""
    for each in (folder, *folder.parents):
        if each == root.resolve() or not each.is_dir() or any(each.iterdir()):
            return
        each.rmdir()


def _holds_something(folder: Path) -> bool:
    return folder.is_dir() and any(folder.iterdir())


def _umask() -> int:
    """The process's mask, which can only be read by setting it."""
    mask = os.umask(0)
    os.umask(mask)
    return mask
