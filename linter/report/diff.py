"""What fixes would change, as a unified diff."""

from __future__ import annotations

from collections.abc import Mapping
from difflib import unified_diff
from pathlib import Path

from linter.report import shown_path
from linter.source import decode, read_bytes


def unified(contents: Mapping[Path, bytes], here: Path) -> str:
    """A diff from what is on the disk to new contents, file by file in order."""
    parts: list[str] = []
    for path, content in sorted(contents.items()):
        name = shown_path(str(path), here)
        old = decode(path, read_bytes(path)).text.splitlines(keepends=True)
        new = decode(path, content).text.splitlines(keepends=True)
        for line in unified_diff(old, new, f"a/{name}", f"b/{name}"):
            parts.append(line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n")
    return "".join(parts)
