"""Merging three texts: what was, what a person made of it, and what else has become of it."""

from __future__ import annotations

import ast
import difflib
import re
import subprocess
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from scaffold.errors import ScaffoldError


_MARK = re.compile(rb"^<{7} ", re.MULTILINE)
# How much of a class's lines have to be as they were for it to be the same under another name.
_SAME = 0.6


@dataclass(frozen=True)
class Merge:
    """A merged text, and the lines at which both sides stand because they changed the same place."""

    content: bytes
    conflicts: tuple[int, ...] = ()


def merge(was: bytes, yours: bytes, theirs: bytes, labels: tuple[str, str] = ("yours", "scaffold")) -> Merge:
    """Bring two changes of one text together with `git merge-file`.

    Args:
        was: what both sides began with.
        yours: what a person made of it.
        theirs: what else has become of it.
        labels: what the two sides are called where both stand.

    Raises:
        ScaffoldError: git is not installed.
    """
    if b"\0" in was + yours + theirs:
        return Merge(yours, () if theirs == was else (1,))
    with tempfile.TemporaryDirectory(prefix="scaffold-") as place:
        paths = [Path(place) / name for name in ("yours", "was", "theirs")]
        for path, content in zip(paths, (yours, was, theirs), strict=True):
            path.write_bytes(content)
        names = [part for label in (labels[0], "was", labels[1]) for part in ("-L", label)]
        try:
            done = subprocess.run(
                ["git", "merge-file", "-p", "-q", *names, *map(str, paths)],
                capture_output=True,
                check=False,
                cwd=place,
            )
        except FileNotFoundError:
            raise ScaffoldError("merging needs git, which is not installed here") from None
    if done.returncode > 127:
        raise ScaffoldError(f"git merge-file failed: {done.stderr.decode('utf-8', 'replace').strip()}")
    return Merge(done.stdout, marks(done.stdout) if done.returncode else ())


def marks(content: bytes) -> tuple[int, ...]:
    """The lines at which a merge left both sides."""
    return tuple(content.count(b"\n", 0, match.start()) + 1 for match in _MARK.finditer(content))


def renamed_classes(was: Mapping[str, bytes], now: Mapping[str, bytes]) -> dict[str, str]:
    """Classes of Python files that a person gave another name: the old names with the new.

    A class is taken for another one's new name where it is the only new one whose lines are mostly the same.
    """
    found: dict[str, str] = {}
    for path in sorted(set(was) & set(now)):
        if not path.endswith(".py"):
            continue
        before, after = _classes(was[path]), _classes(now[path])
        new = {name: lines for name, lines in after.items() if name not in before}
        for name, lines in before.items():
            if name in after:
                continue
            alike = [
                other
                for other, others in new.items()
                if difflib.SequenceMatcher(None, lines, others, autojunk=False).ratio() > _SAME
            ]
            if len(alike) == 1:
                found[name] = alike[0]
    return found


def with_names(content: bytes, names: Mapping[str, str]) -> bytes:
    """A text with other names wherever the old ones stand as whole words."""
    for old, new in names.items():
        content = re.sub(rf"\b{re.escape(old)}\b".encode(), new.encode(), content)
    return content


def _classes(source: bytes) -> dict[str, list[str]]:
    """The top-level classes of a module with the lines of their bodies, its own name left out of them."""
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError):
        return {}
    lines = source.decode("utf-8", "replace").splitlines()
    return {
        node.name: [line.replace(node.name, "") for line in lines[node.lineno : node.end_lineno]]
        for node in tree.body
        if isinstance(node, ast.ClassDef)
    }
