"""`scaffold rule` writes a rule that works, with all that belongs to one, or nothing."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from scaffold.cli import main


ROOT = Path(__file__).resolve().parents[2]
OPTIONS = {
    "--forbids": "torch.vmap",
    "--instead": "torch.stack",
    "--why": "A batched graph does not compile. Backends refuse it.",
}


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """What a rule needs of this repository, to be written into."""
    for name in ("linter", "scaffold", "parity", ".ai", ".claude-plugin", "tests/linter"):
        shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    return tmp_path


def held(folder: Path) -> dict[str, bytes]:
    ignored = {"__pycache__", ".scaffold"}
    files = (path for path in folder.rglob("*") if path.is_file() and not ignored & set(path.parts))
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


def write(into: Path, code: str = "FWD090", name: str = "no-vmap", **changes: str) -> Result:
    options = OPTIONS | {f"--{key}": value for key, value in changes.items()}
    given = [part for pair in options.items() for part in pair]
    return CliRunner().invoke(main, ["rule", code, name, *given, "--into", str(into)])


def test_it_writes_all_that_belongs_to_a_rule(checkout):
    before = held(checkout)
    result = write(checkout)
    assert result.exit_code == 0, result.output
    after = held(checkout)
    assert after.keys() - before.keys() == {
        "linter/rules/forward/no_vmap.py",
        "tests/linter/cases/forward/no_vmap.py",
    }
    changed = {name for name in before if before[name] != after[name]}
    assert ".ai/models.md" in changed
    assert {Path(name).name for name in changed} == {"models.md", "review-rules.md"}
    # In a process of its own, which knows the new rule.
    skills = subprocess.run([sys.executable, "-m", "linter", "skills"], cwd=checkout, capture_output=True, text=True)
    assert skills.returncode == 0, skills.stdout + skills.stderr
    section = after[".ai/models.md"].decode().partition("## Forward and torch.compile")[2].partition("\n## ")[0]
    sentence = "- Call `torch.stack`, not `torch.vmap`: a batched graph does not compile. [FWD090]"
    assert section.rstrip().endswith(sentence)
    written = [f"wrote {checkout / name}" for name in sorted(changed | (after.keys() - before.keys()))]
    assert result.output.splitlines()[:-1] == written
    undone = CliRunner().invoke(main, ["undo", str(checkout)])
    assert undone.exit_code == 0, undone.output
    assert held(checkout) == before


@pytest.mark.parametrize("way", ["--dry-run", "--diff", "--json"])
def test_it_can_be_looked_at_first(checkout, way):
    before = held(checkout)
    given = [part for pair in OPTIONS.items() for part in pair]
    result = CliRunner().invoke(main, ["rule", "FWD090", "no-vmap", *given, "--into", str(checkout), way])
    assert result.exit_code == 0, result.output
    for path in ("linter/rules/forward/no_vmap.py", "tests/linter/cases/forward/no_vmap.py", ".ai/models.md"):
        assert path in result.output
    assert held(checkout) == before


def test_what_does_not_work_leaves_nothing(checkout):
    before = held(checkout)
    # The examples name their argument so, and then this is no call of a module's function.
    result = write(checkout, forbids="values.sum")
    assert result.exit_code == 2
    assert "its tests in tests/linter/test_examples.py fail, so nothing was written: " in result.stderr
    assert held(checkout) == before


@pytest.mark.parametrize(
    ("code", "name", "changes", "message"),
    [
        ("FWD1", "no-vmap", {}, "'FWD1' is no code: three digits after one of ATT, "),
        ("XYZ001", "no-vmap", {}, "'XYZ001' is no code"),
        ("SKL012", "no-vmap", {}, "'SKL012' is no code"),
        ("FWD001", "no-vmap", {}, "there is a rule FWD001 "),
        ("FWD090", "einops", {}, "there is a rule FWD008 einops already"),
        ("FWD090", "No_Vmap", {}, "'No_Vmap' is no name of a rule"),
        ("FWD090", "no-vmap", {"forbids": "vmap"}, "'vmap' is no full name of a function"),
        ("FWD090", "no-vmap", {"instead": "torch.vmap"}, "torch.vmap cannot serve instead of itself"),
        ("FWD090", "no-vmap", {"why": "No sentence"}, "end it with a dot"),
        ("FWD090", "no-vmap", {"why": '"""; import os.'}, "end it with a dot"),
    ],
)
def test_what_cannot_be_a_rule_is_refused(tmp_path, code, name, changes, message):
    result = write(tmp_path, code, name, **changes)
    assert result.exit_code == 2
    assert message in result.stderr
    assert result.stderr.count("\n") == 1


def test_rules_lie_in_a_checkout(tmp_path):
    result = write(tmp_path)
    assert result.exit_code == 2
    assert "is no checkout of modelwright, where rules lie; name one with --into" in result.stderr


def test_a_file_of_that_name_stays(checkout):
    (checkout / "linter/rules/forward/no_vmap.py").write_text("mine")
    result = write(checkout)
    assert result.exit_code == 2
    assert "no_vmap.py is there already; give the rule another name" in result.stderr
    assert (checkout / "linter/rules/forward/no_vmap.py").read_text() == "mine"
