"""Which lines differ from a commit, asked of git."""

from __future__ import annotations

import ast
import os
import re
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from linter.errors import LinterError
from linter.findings import Finding


_HUNK = re.compile(rb"@@ -\d+(?:,(\d+))? \+(\d+)(?:,(\d+))? @@")
_DEFAULT_BRANCHES = ("origin/HEAD", "origin/main", "origin/master", "main", "master")


@dataclass(frozen=True)
class Changes:
    """The lines of each file that are new or different; None where the whole file is."""

    lines: Mapping[Path, tuple[range, ...] | None]

    def touch_file(self, path: Path) -> bool:
        """Whether a file has such lines."""
        return Path(os.path.realpath(path)) in self.lines

    def touch(self, finding: Finding) -> bool:
        """Whether a finding's place has such lines."""
        path = Path(os.path.realpath(finding.path))
        ranges = self.lines.get(path, ())
        span = finding.span
        return ranges is None or any(part.start <= span.end_line and span.line < part.stop for part in ranges)


def changes_since(base: str, here: Path) -> Changes:
    """What the working tree has that the merge base of HEAD and `base` has not, with files that git does not know yet.

    Args:
        base: A commit. Empty: the default branch, or HEAD where there is none.
        here: A folder of the working tree.

    Raises:
        LinterError: there is no git, no repository, or no such commit.
    """
    top = Path(os.fsdecode(_git(here, "rev-parse", "--show-toplevel").removesuffix(b"\n")))
    start = _merge_base(base, here)
    # Spelled out, because a person's configuration may ask for other prefixes, orders and programs.
    diff = _git(
        top, "-c", "core.quotePath=true", "diff", "--unified=0", "--no-color", "--no-ext-diff", "--no-textconv",
        "--no-relative", "--find-renames", "--src-prefix=a/", "--dst-prefix=b/", "--ignore-submodules", start, "--",
    )  # fmt: skip
    lines: dict[Path, tuple[range, ...] | None] = {top / name: tuple(ranges) for name, ranges in _parsed(diff).items()}
    for name in _git(top, "ls-files", "--others", "--exclude-standard", "-z").split(b"\0"):
        if name:
            lines[top / os.fsdecode(name)] = None
    return Changes({Path(os.path.realpath(path)): ranges for path, ranges in lines.items()})


def _merge_base(base: str, here: Path) -> str:
    head = _commit("HEAD", here)
    if not head:
        raise LinterError("--changed: the repository has no commit to compare with. Make the first one.")
    if base:
        start = _commit(base, here)
        if not start:
            hint = " Name paths before `--changed`, or write `--changed=BASE`." if (here / base).exists() else ""
            raise LinterError(f"--changed: git knows no commit `{base}`.{hint}")
    else:
        start = next((found for name in _DEFAULT_BRANCHES if (found := _commit(name, here))), head)
    merge_base = _run(here, "merge-base", head, start)
    # Two histories that never met: what differs from the other one is all there is to say.
    return merge_base.stdout.decode().strip() if merge_base.returncode == 0 else start


def _commit(name: str, here: Path) -> str:
    found = _run(here, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{name}^{{commit}}")
    return found.stdout.decode().strip() if found.returncode == 0 else ""


def _parsed(diff: bytes) -> dict[str, list[range]]:
    """The changed lines of a diff without context, by the name that a file has now."""
    found: dict[str, list[range]] = {}
    ranges: list[range] = []
    skip = 0
    for line in diff.split(b"\n"):
        if skip and line[:1] in (b"-", b"+"):
            # A line of a hunk may read like a header.
            skip -= 1
        elif line.startswith(b"+++ "):
            name = _unquoted(line[4:])
            ranges = []
            if name.startswith("b/"):
                found[name[2:]] = ranges
        elif hunk := _HUNK.match(line):
            removed, start, added = (1 if part is None else int(part) for part in hunk.groups())
            skip = removed + added
            if added:
                ranges.append(range(start, start + added))
    return found


def _unquoted(name: bytes) -> str:
    """A path as git writes it in a diff: in quotes where it is unusual, with a tab behind it where it has spaces."""
    if name.startswith(b'"'):
        quoted: bytes = ast.literal_eval("b" + name.rstrip(b"\t").decode("ascii"))
        return os.fsdecode(quoted)
    return os.fsdecode(name.removesuffix(b"\t"))


def _git(here: Path, *arguments: str) -> bytes:
    done = _run(here, *arguments)
    if done.returncode:
        said = done.stderr.decode(errors="replace").strip().removeprefix("fatal: ").partition("\n")[0]
        raise LinterError(f"--changed: git says: {said}. Run it in a git repository.")
    return done.stdout


def _run(here: Path, *arguments: str) -> subprocess.CompletedProcess[bytes]:
    # A repository under review may name a program to watch its files; it is not run.
    command = ["git", "-c", "core.fsmonitor=false", *arguments]
    try:
        return subprocess.run(command, cwd=here, capture_output=True, check=False)
    except FileNotFoundError as error:
        raise LinterError("--changed needs git, which is not installed or not on the PATH.") from error
