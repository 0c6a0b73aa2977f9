"""A repository to install into, a pack of one's own to change, and a picture of a folder to compare."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from scaffold.resources import skill_pack_root


Picture = dict[str, tuple[str, bytes]]


@pytest.fixture
def picture() -> Callable[[Path], Picture]:
    """Everything below a folder: paths, kinds, link targets and bytes."""

    def take(folder: Path) -> Picture:
        found: Picture = {}
        for path in sorted(folder.rglob("*")):
            name = path.relative_to(folder).as_posix()
            if path.is_symlink():
                found[name] = ("link", os.readlink(path).encode())
            else:
                found[name] = ("folder", b"") if path.is_dir() else ("file", path.read_bytes())
        return found

    return take


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A repository, without git, in which a person has a skill and an AGENTS.md of their own."""
    root = tmp_path / "ma bibliothèque 模型"
    (root / ".claude/skills/mine").mkdir(parents=True)
    (root / ".claude/skills/mine/SKILL.md").write_bytes(b"---\nname: mine\r\n---\n")
    (root / "AGENTS.md").write_bytes(b"Our own words.\n")
    return root


@pytest.fixture
def pack(tmp_path: Path) -> Path:
    """A copy of the pack, for tests that change it."""
    return shutil.copytree(skill_pack_root(), tmp_path / "pack")


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A repository that holds the pack, as a checkout of modelwright does."""
    root = tmp_path / "checkout"
    shutil.copytree(skill_pack_root(), root / ".ai")
    return root
