"""What fixes would change, as a unified diff."""

from __future__ import annotations

from collections.abc import Mapping
from difflib import unified_diff
from pathlib import Path

from linter.report.view import View
from linter.source import decode


def unified(contents: Mapping[Path, bytes], view: View) -> str:
    """A diff from what files hold to new contents, file by file in order."""
    parts: list[str] = []
    for path, content in sorted(contents.items()):
        # As git names what lies elsewhere, so that `patch -p1` finds it from the root.
        name, source = view.path(path).lstrip("/"), view.source(path)
        old = source.text.splitlines(keepends=True) if source is not None else []
        new = decode(path, content).text.splitlines(keepends=True)
        for line in unified_diff(old, new, f"a/{name}", f"b/{name}"):
            parts.append(line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n")
    return "".join(parts)
