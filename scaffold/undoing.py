"""Undoing: the plan that takes back the last one, in files that a person has edited since too."""

from __future__ import annotations

from pathlib import Path

from scaffold.applying import last_applied
from scaffold.errors import ScaffoldError
from scaffold.merging import merge
from scaffold.plan import Change, Plan, read


def plan_undo(folder: Path) -> tuple[str, Plan]:
    """The name of the last plan in a folder's history, and the plan that takes it back.

    Raises:
        ScaffoldError: there is none, or a file was edited so that its part cannot be taken back.
    """
    last = last_applied(folder)
    if last is None:
        raise ScaffoldError(f"scaffold has done nothing to {folder} that could be taken back")
    name, plan = last
    changes, obstacles = [], []
    for change in plan.changes:
        yours = read(folder, change.path)
        reason = _obstacle(change, yours)
        if reason:
            obstacles.append(f"{folder / change.path} {reason}")
        else:
            changes.append(Change(change.path, yours, _without(change, yours)))
    if obstacles:
        raise ScaffoldError("this cannot be taken back, so nothing was changed:\n  " + "\n  ".join(obstacles))
    return name, Plan.of(folder, changes)


def _obstacle(change: Change, yours: bytes | None) -> str | None:
    """Why a change cannot be taken back."""
    if yours in (change.before, change.after):
        return None
    if change.before is None:
        return None if yours is None else "was made by it and has been edited since; move it away to keep your edits"
    if yours is None:
        return "was edited by it and has been deleted since; restore it first"
    if change.after is None:
        return "was removed by it, and you have made one of your own since; move it away"
    if merge(change.after, yours, change.before).conflicts:
        return "was edited by you since in the same place; take your edits of that place out first"
    return None


def _without(change: Change, yours: bytes | None) -> bytes | None:
    """The file with the change taken back."""
    if yours is None or yours in (change.before, change.after):
        return change.before
    return merge(change.after or b"", yours, change.before or b"").content
