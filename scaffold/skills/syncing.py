"""Brings a pack up to date with what it derives from elsewhere: rules, guides, the project's description."""

from __future__ import annotations

import os
from pathlib import Path

from scaffold.skills.manifests import manifests


def sync_pack(pack: Path) -> list[Path]:
    """Brings what the pack derives up to date, and returns what it changed.

    That is tables of rules, guides that skills carry, and the manifests of the plugin.
    """
    # The rules are loaded for this alone.
    from linter.pack.derived import stale_files

    stale = stale_files(pack)
    for path, manifest in manifests(pack).items():
        if not path.is_file() or path.read_text(encoding="utf-8") != manifest:
            stale[path] = manifest
    for path, text in stale.items():
        if text is None:
            path.unlink()
            continue
        path.parent.mkdir(parents=True, exist_ok=True)
        staged = path.with_name(f".{path.name}.new")
        staged.write_bytes(text.encode())
        os.replace(staged, path)
    return sorted(stale)
