"""Each skill is followed from an empty diffusers-shaped repository: every block in it, in order, as it is written."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from linter.pack.pages import Fence, read_pack
from scaffold.resources import skill_pack_root


SKILLS = [page.path.parent.name for page in read_pack(skill_pack_root()).skills]
ENVIRONMENT = {
    **os.environ,
    "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]),
    "OMP_NUM_THREADS": "1",
    "GIT_CONFIG_GLOBAL": os.devnull,
}


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A repository with the shape of diffusers and nothing in it, under git."""
    package = tmp_path / "src/diffusers"
    for folder in (package, package / "models", package / "models/transformers", package / "pipelines"):
        folder.mkdir(parents=True)
        (folder / "__init__.py").write_text("", encoding="utf-8")
    (tmp_path / "pyproject.toml").write_text('[project]\nname = "diffusers"\nversion = "0"\n', encoding="utf-8")
    commit = ("git", "-c", "user.name=a", "-c", "user.email=a@b.c", "commit", "-qm", "Begin")
    for words in (("git", "init", "-qb", "main"), ("git", "add", "."), commit):
        subprocess.run(words, cwd=tmp_path, check=True, env=ENVIRONMENT)
    return tmp_path


def blocks(skill: str) -> list[Fence]:
    page = read_pack(skill_pack_root()).pages[f"skills/{skill}/SKILL.md"]
    return [fence for fence in page.fences if "not-run" not in fence.options]


def run(command: str, folder: Path, code: int = 0) -> str:
    """What a command prints; it has to end with this exit code."""
    done = subprocess.run(command, shell=True, cwd=folder, env=ENVIRONMENT, capture_output=True, text=True)
    assert done.returncode == code, f"$ {command}\n{done.stdout}{done.stderr}"
    return done.stdout


SAYS = {
    "model-integration": {
        "linter check flux2": "nothing found",
        "python -m pytest flux2/tests": " passed",
        "parity compare": "PASS  every tensor is within tolerance",
    },
    "weight-conversion": {"scaffold inspect original": "preset flux2", "python -m pytest": " passed"},
    "parallel-integration": {"linter metadata": "_cp_plan", "python -m pytest": " passed"},
}
"""What commands of a skill have to print, by how they begin."""


@pytest.mark.parametrize("skill", SKILLS)
def test_every_block_of_a_skill_runs_in_order_as_written(skill: str, repository: Path) -> None:
    """Titled blocks are files; model-integration so leads to a linted, tested and compared model."""
    printed: dict[str, str] = {}
    for fence in blocks(skill):
        if "title" in fence.options:
            (repository / fence.options["title"]).write_text(fence.text, encoding="utf-8")
        elif fence.language == "bash":
            for command in fence.text.replace("\\\n", " ").splitlines():
                printed[command] = run(command, repository, int(fence.options.get("exit", "0")))
        else:
            assert fence.language == "python", f"{skill}: a block of {fence.language!r} without a title"
            run(f"{shlex.quote(sys.executable)} -c {shlex.quote(fence.text)}", repository)
    assert blocks(skill), f"{skill} shows nothing that can be run"
    for begins, says in SAYS.get(skill, {}).items():
        outputs = [text for command, text in printed.items() if command.startswith(begins)]
        assert outputs, f"{skill} does not show `{begins}`"
        assert says in outputs[0]
