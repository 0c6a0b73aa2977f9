"""An installation over time: two runs at once, worktrees, updates, and what each agent sees of it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from scaffold.commands.skills import skills
from scaffold.skills import check, install, remove, update


Take = Callable[[Path], dict[str, tuple[str, bytes]]]


def run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(skills, [str(argument) for argument in arguments])


def test_two_runs_at_once_come_one_after_the_other(repository: Path, picture: Take) -> None:
    before = picture(repository)
    words = [sys.executable, "-m", "scaffold", "skills"]
    for _ in range(3):
        ways = [["install", "--agent", agent, "--into", str(repository)] for agent in ("claude", "codex", "claude")]
        running = [subprocess.Popen([*words, *way], stdout=subprocess.DEVNULL) for way in ways]
        assert [one.wait(120) for one in running] == [0, 0, 0]
        assert run("check", "--into", repository).exit_code == 0
        assert run("remove", "--into", repository).exit_code == 0
        assert picture(repository) == before


@pytest.mark.parametrize("agent", ["claude", "codex"])
def test_a_worktree_gets_its_own_installation(checkout: Path, tmp_path: Path, picture: Take, agent: str) -> None:
    git = ["git", "-c", "user.name=a", "-c", "user.email=a@b.c"]
    for words in (["init", "-q"], ["add", "."], ["commit", "-qm", "Begin"], ["worktree", "add", "-q", "../tree"]):
        subprocess.run([*git, *words], cwd=checkout, check=True)
    tree = tmp_path / "tree"
    before = picture(tree)
    install(tree / ".ai", tree, agent)
    status = subprocess.run(["git", "status", "--short"], cwd=checkout, capture_output=True, text=True, check=True)
    assert status.stdout == ""
    assert check(tree / ".ai", tree) == []
    remove(tree)
    assert picture(tree) == before


@pytest.mark.parametrize("copy", [False, True])
def test_an_update_keeps_links_links_and_copies_copies(checkout: Path, copy: bool) -> None:
    install(checkout / ".ai", checkout, "claude", copy=copy)
    shutil.rmtree(checkout / ".ai/skills/parity-testing")
    changed = checkout / ".ai/skills/self-review/SKILL.md"
    changed.write_text(changed.read_text(encoding="utf-8") + "\nMore.\n", encoding="utf-8")
    update(checkout / ".ai", checkout)
    folder = checkout / ".claude/skills"
    assert not (folder / "parity-testing").exists()
    assert (folder / "self-review").is_symlink() != copy
    assert (folder / "self-review/SKILL.md").read_text(encoding="utf-8").endswith("More.\n")
    assert check(checkout / ".ai", checkout) == []


def test_check_changes_nothing_and_ends_with_one_where_something_would_change(repository: Path, picture: Take) -> None:
    before = picture(repository)
    assert run("install", "--agent", "codex", "--into", repository, "--check").exit_code == 1
    assert picture(repository) == before
    run("install", "--agent", "codex", "--into", repository)
    for words in (("install", "--agent", "codex"), ("update",)):
        assert run(*words, "--into", repository, "--check").exit_code == 0
    shutil.rmtree(repository / ".agents/skills/self-review")
    before = picture(repository)
    result = run("update", "--into", repository, "--check")
    assert result.exit_code == 1
    assert "would install .agents/skills/self-review" in result.output
    assert picture(repository) == before


def test_an_update_of_nothing_says_what_to_do(repository: Path) -> None:
    result = run("update", "--into", repository)
    assert result.exit_code == 2
    assert "run `scaffold skills install --agent claude|codex`" in result.output


def test_evals_stay_behind_in_copies(pack: Path, repository: Path) -> None:
    evals = pack / "skills/self-review/evals"
    evals.mkdir(exist_ok=True)
    (evals / "evals.json").write_text("{}")
    install(pack, repository, "claude")
    assert not (repository / ".claude/skills/self-review/evals").exists()
    assert check(pack, repository) == []


@pytest.fixture
def clinic(tmp_path: Path) -> Path:
    root = tmp_path / "clinic"
    root.mkdir()
    assert run("install", "--agent", "claude", "--into", root).exit_code == 0
    return root


def test_the_doctor_says_what_each_agent_will_see(clinic: Path) -> None:
    result = run("doctor", "--into", clinic)
    assert result.exit_code == 0, result.output
    claude, _, codex = result.output.partition("codex\n")
    assert "CLAUDE.md: about " in claude
    assert "leads to skills" in claude
    assert ".claude/skills: 7 skills, about " in claude
    assert "    self-review           copy    Reviews a change" in claude
    assert ".agents/skills: no skills" in codex
    sights = json.loads(run("doctor", "--into", clinic, "--json").output)
    assert [agent["agent"] for agent in sights["agents"]] == ["claude", "codex"]
    assert sights["agents"][0]["tokens"] > sights["agents"][1]["tokens"] > 500


def test_the_doctor_says_who_made_a_skill_and_who_edited_it(clinic: Path) -> None:
    mine = clinic / ".claude/skills/mine"
    mine.mkdir()
    (mine / "SKILL.md").write_text("---\nname: mine\ndescription: Mine.\n---\n")
    (clinic / ".claude/skills/self-review/SKILL.md").write_text("---\nname: self-review\ndescription: Ours.\n---\n")
    result = run("doctor", "--into", clinic)
    assert result.exit_code == 0, result.output
    assert "mine                  yours   Mine." in result.output
    assert "self-review           edited  Ours." in result.output


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda folder: folder.symlink_to("../nowhere"), "a link to ../nowhere, which is not there"),
        (lambda folder: folder.write_text(""), "not a folder"),
        (lambda folder: folder.mkdir(), "no SKILL.md that can be read"),
        (lambda folder: (folder.mkdir(), os.symlink("a.md", folder / "SKILL.md")), "its SKILL.md is a link"),
        (lambda folder: (folder.mkdir(), (folder / "SKILL.md").write_text("# No head\n")), "has no head"),
        (
            lambda folder: (folder.mkdir(), (folder / "SKILL.md").write_text("---\nname: x\ndescription: X.\n---\n")),
            "named `x`, not as its folder",
        ),
    ],
)
def test_the_doctor_finds_what_an_agent_will_not_see(clinic: Path, make: Callable[[Path], object], says: str) -> None:
    make(clinic / ".claude/skills/odd")
    result = run("doctor", "--into", clinic)
    assert result.exit_code == 1
    assert says_not_seen(result.output, "odd", says)


def says_not_seen(output: str, *words: str) -> bool:
    return any(all(word in line for word in words) for line in output.splitlines() if "NOT SEEN" in line)
