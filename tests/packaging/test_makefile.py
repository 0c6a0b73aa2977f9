"""The Makefile's jobs, in a folder of a person who has files of their own there."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest


ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A repository that is set up: its environment has the commands of the one that runs this test."""
    for name in ("Makefile", "pyproject.toml", "constraints.txt"):
        shutil.copy2(ROOT / name, tmp_path)
    (tmp_path / ".venv").mkdir()
    (tmp_path / ".venv" / "bin").symlink_to(Path(sys.executable).parent)
    (tmp_path / ".venv" / ".ready").touch()
    return tmp_path


def make(repository: Path, *jobs: str) -> subprocess.CompletedProcess[str]:
    # This test may itself run under make, whose flags and level are in the environment.
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("MAKE", "MFLAGS"))}
    return subprocess.run(
        ["make", *jobs], cwd=repository, env=environment, capture_output=True, text=True, check=False
    )


def contents(repository: Path) -> dict[str, bytes]:
    files = [path for path in repository.rglob("*") if path.is_file() and ".venv" not in path.parts]
    return {path.relative_to(repository).as_posix(): path.read_bytes() for path in files}


def test_make_alone_lists_every_job(repository: Path) -> None:
    (jobs,) = re.findall(r"^\.PHONY: (.*)$", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE)
    listed = [line.split()[1] for line in make(repository).stdout.splitlines()]
    assert listed == jobs.split()


def test_the_jobs_for_agents_leave_what_is_the_persons_own(repository: Path) -> None:
    own = repository / ".claude" / "skills" / "mine"
    own.mkdir(parents=True)
    (own / "SKILL.md").write_text("My own skill.\n", encoding="utf-8")
    (repository / "AGENTS.md").write_text("My own rules.\n", encoding="utf-8")
    before = contents(repository)
    for job in ("claude", "codex"):
        result = make(repository, job)
        assert result.returncode == 0, result.stdout + result.stderr
    assert (repository / ".claude" / "skills" / "model-integration" / "SKILL.md").is_file()
    assert (repository / ".agents" / "skills" / "model-integration" / "SKILL.md").is_file()
    assert make(repository, "clean-ai").returncode == 0
    assert contents(repository) == before


def test_making_flux2_again_keeps_edits_and_stops_at_a_finding(repository: Path) -> None:
    edited = repository / "build" / "flux2" / "model.py"
    edited.parent.mkdir(parents=True)
    edited.write_text("def forward(self:\n", encoding="utf-8")
    result = make(repository, "flux2")
    assert "It is there already and is kept as it is" in result.stdout
    assert "LNT001" in result.stdout
    assert "3/5" not in result.stdout
    assert result.returncode != 0
    assert edited.read_text("utf-8") == "def forward(self:\n"
