"""The pre-commit hooks, as pre-commit runs them when a person commits to a repository of their own."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest


ROOT = Path(__file__).resolve().parents[2]
CARRIED = (
    "pyproject.toml",
    "README.md",
    "LICENSE",
    ".pre-commit-hooks.yaml",
    "linter",
    "scaffold",
    "parity",
    "templates",
    ".ai",
)
UNSAFE = "import torch\n\n\ndef load(path):\n    return torch.load(path, weights_only=False)\n"
NO_MIXIN = """\
from diffusers.models.attention import AttentionModuleMixin
from torch import nn


class TinyAttention(nn.Module):
    def __init__(self, dim):
        super().__init__()
        self.to_q = nn.Linear(dim, dim)
        self.to_k = nn.Linear(dim, dim)
        self.to_v = nn.Linear(dim, dim)
"""


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Nothing of the person who runs this test, and a cache of pre-commit's that all tests here share."""
    home = tmp_path_factory.mktemp("home")
    person = {f"GIT_{who}_{what}": "a@b.c" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
    kept = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    return {**kept, **person, "PATH": path, "GIT_CONFIG_GLOBAL": os.devnull, "PRE_COMMIT_HOME": str(home)}


@pytest.fixture(scope="module")
def released(environment: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """This repository as one that others name in their configuration."""
    folder = tmp_path_factory.mktemp("modelwright")
    for name in CARRIED:
        copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy2
        copy(ROOT / name, folder / name)
    for command in (["init", "-q"], ["add", "-A"], ["commit", "-q", "-m", "release"], ["tag", "v1.0.0"]):
        subprocess.run(["git", *command], cwd=folder, env=environment, check=True)
    return folder


@pytest.fixture
def commit(
    released: Path, environment: dict[str, str], tmp_path: Path
) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Commits files to a repository that has the named hook, by `git commit`."""
    subprocess.run(["git", "init", "-q"], cwd=tmp_path, env=environment, check=True)

    def commit(hook: str, files: dict[str, str]) -> subprocess.CompletedProcess[str]:
        (tmp_path / ".pre-commit-config.yaml").write_text(
            f"repos: [{{repo: '{released}', rev: v1.0.0, hooks: [{{id: {hook}}}]}}]\n", encoding="utf-8"
        )
        subprocess.run(["pre-commit", "install"], cwd=tmp_path, env=environment, check=True, capture_output=True)
        for name, text in files.items():
            (tmp_path / name).parent.mkdir(exist_ok=True)
            (tmp_path / name).write_text(text, encoding="utf-8")
        subprocess.run(["git", "add", "-A"], cwd=tmp_path, env=environment, check=True)
        command = ["git", "commit", "-m", "change"]
        return subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)

    return commit


def test_a_commit_that_breaks_a_rule_is_stopped_and_a_mended_one_is_not(
    commit: Callable[..., subprocess.CompletedProcess[str]],
) -> None:
    stopped = commit("linter-check", {"loading.py": UNSAFE, "notes.txt": "import einops\n"})
    assert stopped.returncode == 1
    assert "loading.py:5:12: WGT004 " in stopped.stderr
    assert "1 file checked: 1 error." in stopped.stderr
    mended = commit("linter-check", {"loading.py": UNSAFE.replace("False", "True")})
    assert mended.returncode == 0, mended.stderr


def test_a_fix_stops_the_commit_once_and_is_there_to_be_added(
    commit: Callable[..., subprocess.CompletedProcess[str]], tmp_path: Path
) -> None:
    stopped = commit("linter-fix", {"attention.py": NO_MIXIN})
    assert stopped.returncode == 1
    assert "files were modified by this hook" in stopped.stderr
    fixed = (tmp_path / "attention.py").read_text("utf-8")
    assert "class TinyAttention(nn.Module, AttentionModuleMixin):" in fixed
    again = commit("linter-fix", {"attention.py": fixed})
    assert "files were modified" not in again.stderr


@pytest.mark.parametrize("hook", ["linter-check", "linter-fix"])
def test_what_the_project_excludes_is_left_alone_though_it_is_named(
    hook: str, commit: Callable[..., subprocess.CompletedProcess[str]], tmp_path: Path
) -> None:
    excluded = {"pyproject.toml": '[tool.linter]\nexclude = ["vendor"]\n', "vendor/attention.py": NO_MIXIN + UNSAFE}
    done = commit(hook, excluded)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "vendor/attention.py").read_text("utf-8") == NO_MIXIN + UNSAFE
