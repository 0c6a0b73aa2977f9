"""Each skill passes the validators that others publish, as their real packages, and a spoilt one does not."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import click
import pytest

from scaffold.resources import skill_pack_root
from scaffold.skills import install
from scaffold.skills.pack import skills_in


BIN = Path(sys.executable).parent
SKILL_TOOLS = Path(sys.prefix) / "schemas/node_modules/.bin/skill-tools"
"""From npm; `make setup` fetches it."""
SKILLS = [skill.name for skill in skills_in(skill_pack_root())]


def run(*words: str | Path) -> tuple[int, str]:
    done = subprocess.run([*map(str, words)], capture_output=True, text=True, timeout=120)
    return done.returncode, click.unstyle(done.stdout + done.stderr)


def agentskills(skill: Path) -> tuple[int, str]:
    return run(BIN / "agentskills", "validate", skill)


def skillcheck(skill: Path) -> tuple[int, str]:
    # A warning counts, and the sizes are those of the specification.
    return run(BIN / "skillcheck", "--strict", "--max-lines", "500", "--max-tokens", "5000", skill)


def skill_tools(skill: Path) -> tuple[int, str]:
    return run(SKILL_TOOLS, "check", skill)


VALIDATORS = pytest.mark.parametrize("validate", [agentskills, skillcheck, skill_tools])


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The skills as copies, as an agent has them."""
    root = tmp_path_factory.mktemp("repository")
    install(skill_pack_root(), root, "codex", copy=True)
    return root / ".agents/skills"


@VALIDATORS
@pytest.mark.parametrize("skill", SKILLS)
def test_a_skill_passes(validate: Callable[[Path], tuple[int, str]], skill: str, installed: Path) -> None:
    code, output = validate(installed / skill)
    assert code == 0, output
    if validate is skill_tools:
        assert "All 20 checks passed" in output
        assert re.search(r"9 rules\W+9 passed", output), output


@VALIDATORS
def test_a_spoilt_skill_does_not(validate: Callable[[Path], tuple[int, str]], pack: Path) -> None:
    skill = pack / "skills/self-review/SKILL.md"
    skill.write_text(skill.read_text(encoding="utf-8").replace("name: self-review", "name: Self Review"))
    code, output = validate(skill.parent)
    assert code != 0, output
