"""Updating a folder: what its answers gave then, what they give now, and what a person made of it in between."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from scaffold.errors import ScaffoldError
from scaffold.merging import marks, merge, renamed_classes, with_names
from scaffold.plan import Change, Plan, read
from scaffold.record import Record
from scaffold.rendering import format_files


Fate = Literal["updated", "merged", "conflict", "created", "removed", "deleted", "kept"]


@dataclass(frozen=True)
class Update:
    """What an update does.

    Attributes:
        plan: the changes.
        fates: what becomes of each file that the update is about.
        conflicts: the lines of each file at which both texts stand.
        renamed: classes that the person gave another name, which the update follows.
    """

    plan: Plan
    fates: dict[str, Fate]
    conflicts: dict[str, tuple[int, ...]]
    renamed: dict[str, str]


def plan_update(folder: Path, package: str, record: Record, current: Record) -> Update:
    """Merge what the templates give now into a folder.

    Args:
        folder: the folder.
        package: the name of the folder's package, by which its files are laid out.
        record: how the folder was made.
        current: how it would be made now.

    Raises:
        ScaffoldError: a file cannot be read, or still has the marks of an earlier conflict.
    """
    paths = sorted(set(record.files) | set(current.files))
    yours = {path: read(folder, path) for path in paths}
    for path, content in yours.items():
        if content is not None and marks(content):
            raise ScaffoldError(
                f"{folder / path}:{marks(content)[0]}: a conflict of an earlier update is still open; "
                "choose what is to stand there, remove its marks, and run this again"
            )
    renamed = renamed_classes(record.files, {path: text for path, text in yours.items() if text is not None})
    was, theirs = (_followed(files, renamed, package) for files in (record.files, current.files))

    fates: dict[str, Fate] = {}
    conflicts: dict[str, tuple[int, ...]] = {}
    changes = []
    for path in paths:
        fate, after, lines = _join(was.get(path), yours[path], theirs.get(path))
        changes.append(Change(path, yours[path], after))
        if fate:
            fates[path] = fate
        if lines:
            conflicts[path] = lines
    for path, content in current.as_files().items():
        changes.append(Change(path, read(folder, path), content))
    return Update(Plan.of(folder, changes), fates, conflicts, renamed)


def _followed(files: Mapping[str, bytes], renamed: Mapping[str, str], package: str) -> dict[str, bytes]:
    """A rendering under the person's names, laid out as they make it."""
    if not renamed:
        return dict(files)
    texts = {path: with_names(content, renamed).decode() for path, content in files.items()}
    return {path: text.encode() for path, text in format_files(package, texts).items()}


def _join(
    was: bytes | None, yours: bytes | None, theirs: bytes | None
) -> tuple[Fate | None, bytes | None, tuple[int, ...]]:
    """What becomes of one file: its fate if there is something to say, its content, the lines of conflicts."""
    if yours is None:
        if was is None:
            return "created", theirs, ()
        return ("deleted" if theirs is not None else None), None, ()
    if theirs in (was, yours):
        return None, yours, ()
    if yours == was:
        return ("removed" if theirs is None else "updated"), theirs, ()
    if theirs is None:
        return "kept", yours, ()
    merged = merge(was or b"", yours, theirs)
    return ("conflict" if merged.conflicts else "merged"), merged.content, merged.conflicts
