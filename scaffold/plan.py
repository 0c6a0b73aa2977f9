"""A plan: what a command is about to change, as data that can be printed, applied as a whole, or dropped."""

from __future__ import annotations

import difflib
import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import msgspec

from scaffold.errors import ScaffoldError


JSON_VERSION = 1


@dataclass(frozen=True)
class Change:
    """What happens to one file.

    Attributes:
        path: POSIX path relative to the plan's root.
        before: what the file holds, `None` where there is none.
        after: what it will hold, `None` where it goes.
    """

    path: str
    before: bytes | None
    after: bytes | None

    @property
    def action(self) -> str:
        """`create`, `edit` or `remove`."""
        if self.before is None:
            return "create"
        return "remove" if self.after is None else "edit"

    @property
    def is_text(self) -> bool:
        """Whether both sides can be shown."""
        return b"\0" not in (self.before or b"") + (self.after or b"")

    def lines(self) -> tuple[list[str], list[str]]:
        """Both sides as lines; a file that is not there has none."""
        sides = (self.before or b"", self.after or b"")
        before, after = (side.decode("utf-8", "replace").splitlines(keepends=True) for side in sides)
        return before, after


@dataclass(frozen=True)
class Plan:
    """Changes to the files under one folder, of which all happen or none.

    Attributes:
        root: the folder; nothing outside of it is touched.
        changes: one for each file, in the order of their paths.
    """

    root: Path
    changes: tuple[Change, ...]

    @classmethod
    def of(cls, root: Path, changes: Iterable[Change]) -> Plan:
        """The plan of these changes, those that change nothing left out."""
        real = (change for change in changes if change.before != change.after)
        return cls(root, tuple(sorted(real, key=lambda change: change.path)))

    @property
    def shown(self) -> tuple[Change, ...]:
        """The changes that a person is told of: all but those of the tool's own record."""
        return tuple(change for change in self.changes if not change.path.startswith(".scaffold"))

    def describe(self) -> str:
        """The folder, under it a line a file with what happens to it, and how much it is in all."""
        width = max((len(change.path) for change in self.shown), default=0)
        lines = [f"{self.root}/"]
        lines += [f"  {change.path:<{width}}  {_extent(change)}" for change in self.shown]
        total = sum(len(change.lines()[1]) for change in self.shown)
        lines.append(f"{len(self.shown)} files, {total} lines")
        return "\n".join(lines)

    def diff(self) -> str:
        """A unified diff of all that is text, for `git apply` or a person."""
        texts = []
        for change in self.shown:
            if change.is_text:
                before, after = change.lines()
                name_before = "/dev/null" if change.before is None else f"a/{change.path}"
                name_after = "/dev/null" if change.after is None else f"b/{change.path}"
                for line in difflib.unified_diff(before, after, name_before, name_after):
                    texts.append(line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n")
        return "".join(texts)

    def as_json(self) -> str:
        """The plan for programs: each file with what happens and the SHA-256 of what it holds before and after."""
        changes = [
            {
                "path": change.path,
                "action": change.action,
                "before": digest(change.before),
                "after": digest(change.after),
            }
            for change in self.changes
        ]
        document = {"version": JSON_VERSION, "root": str(self.root), "changes": changes}
        return msgspec.json.format(msgspec.json.encode(document), indent=2).decode()


def creation(target: Path, files: Mapping[str, bytes]) -> Plan:
    """A new folder.

    Args:
        target: the folder; it does not exist yet, or is empty.
        files: relative POSIX path to content.

    Raises:
        ScaffoldError: the target is a file, a link, or a folder that holds something.
    """
    if target.is_symlink():
        raise ScaffoldError(f"{target} is a link; remove it or choose another place with --out")
    if target.is_dir():
        try:
            # A name that a person sees in a listing says more than one that begins with a dot.
            present = sorted((entry.name for entry in target.iterdir()), key=lambda name: (name.startswith("."), name))
        except OSError as error:
            raise ScaffoldError(f"{target} cannot be read: {error.strerror}") from None
        if present:
            raise ScaffoldError(
                f"{target} is there already and not empty (it holds {present[0]}); "
                "move it away or choose another place with --out"
            )
    elif target.exists():
        raise ScaffoldError(f"{target} is a file; move it away or choose another place with --out")
    return Plan.of(target, (Change(path, None, content) for path, content in files.items()))


def addition(target: Path, files: Mapping[str, bytes]) -> Plan:
    """What a model's folder lacks of these files; those that it holds as they would be written stay.

    Raises:
        ScaffoldError: there is no model, a file is in the way, or nothing is missing.
    """
    if not (target / "model.py").is_file():
        raise ScaffoldError(f"{target} is no folder of a model: it holds no model.py; scaffold model writes one")
    held = {path: read(target, path) for path in files}
    for path, content in files.items():
        if held[path] not in (None, content):
            raise ScaffoldError(f"{target / path} is there already and says something else; move it away")
    plan = Plan.of(target, (Change(path, held[path], content) for path, content in files.items()))
    if not plan.changes:
        raise ScaffoldError(f"{target} has all of it already: {', '.join(files)}")
    return plan


def read(root: Path, path: str) -> bytes | None:
    """What a file holds, `None` if there is none.

    Raises:
        ScaffoldError: it cannot be read.
    """
    try:
        return (root / path).read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise ScaffoldError(f"{root / path} cannot be read: {error.strerror}") from None


def digest(content: bytes | None) -> str | None:
    """The SHA-256 of what a file holds."""
    return None if content is None else hashlib.sha256(content).hexdigest()


def _extent(change: Change) -> str:
    before, after = change.lines()
    if change.action == "create":
        return f"{len(after):>5} lines"
    if change.action == "remove":
        return f"{len(before):>5} lines go"
    kept = sum(
        block.size for block in difflib.SequenceMatcher(None, before, after, autojunk=False).get_matching_blocks()
    )
    return f"+{len(after) - kept} -{len(before) - kept} lines"
