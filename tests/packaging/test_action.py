"""The GitHub Action: its steps run here as a runner runs them, in a repository that breaks a rule."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML


ROOT = Path(__file__).resolve().parents[2]
EXPRESSION = re.compile(r"\$\{\{\s*inputs\.([\w-]+)\s*\}\}")
UNSAFE = "import torch\n\n\ndef load(path):\n    return torch.load(path, weights_only=False)\n"


@pytest.fixture(scope="module")
def action() -> dict[str, Any]:
    read: dict[str, Any] = YAML(typ="safe").load((ROOT / "action.yml").read_text("utf-8"))
    return read


@pytest.fixture(scope="module")
def runner(action: dict[str, Any], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A runner's folder for temporary files, in which the action has done all but its last step."""
    folder = tmp_path_factory.mktemp("runner")
    for step in action["runs"]["steps"][:-1]:
        done = run_step(step, action, folder, cwd=folder)
        assert done.returncode == 0, done.stderr
    return folder


def run_step(
    step: dict[str, Any], action: dict[str, Any], temporary: Path, cwd: Path, **inputs: str
) -> subprocess.CompletedProcess[str]:
    """Runs a step as `shell: bash` means it, with the inputs that a workflow gives and the defaults of the others."""
    given = {name: inputs.get(name, declared["default"]) for name, declared in action["inputs"].items()}
    environment = {name: EXPRESSION.sub(lambda use: given[use[1]], text) for name, text in step["env"].items()}
    script = temporary / "step.sh"
    script.write_text(step["run"], encoding="utf-8")
    return subprocess.run(
        ["bash", "--noprofile", "--norc", "-eo", "pipefail", script],
        cwd=cwd,
        env={**os.environ, "RUNNER_TEMP": str(temporary), "GITHUB_ACTION_PATH": str(ROOT), **environment},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    (tmp_path / "src").mkdir()
    (tmp_path / "src" / "loading.py").write_text(UNSAFE, encoding="utf-8")
    (tmp_path / "clean.py").write_text("x = 1\n", encoding="utf-8")
    # What the checked repository calls `linter` is not what runs.
    (tmp_path / "linter").mkdir()
    (tmp_path / "linter" / "__init__.py").write_text("", encoding="utf-8")
    (tmp_path / "linter" / "cli.py").write_text('raise SystemExit("the checked code was run")\n', encoding="utf-8")
    return tmp_path


def test_what_a_workflow_gives_reaches_the_shell_as_variables_alone(action: dict[str, Any]) -> None:
    steps = action["runs"]["steps"]
    assert action["runs"]["using"] == "composite"
    assert {step["shell"] for step in steps} == {"bash"}
    assert not any("${{" in step["run"] for step in steps), "an expression in a script runs what a branch is called"
    used = {name for step in steps for text in step["env"].values() for name in EXPRESSION.findall(text)}
    assert used == set(action["inputs"]) == {"paths", "args", "version"}
    assert all(declared["description"] for declared in action["inputs"].values())


def test_findings_become_annotations_and_end_the_job(action: dict[str, Any], runner: Path, repository: Path) -> None:
    done = run_step(action["runs"]["steps"][-1], action, runner, cwd=repository)
    assert done.returncode == 1
    assert done.stderr == ""
    (annotation,) = done.stdout.splitlines()
    assert annotation.startswith("::error title=linter (WGT004),file=src/loading.py,line=5,")


def test_paths_and_options_are_handed_on(action: dict[str, Any], runner: Path, repository: Path) -> None:
    check = action["runs"]["steps"][-1]
    assert run_step(check, action, runner, repository, paths="clean.py linter").returncode == 0
    assert run_step(check, action, runner, repository, args="--ignore WGT004").returncode == 0
    assert run_step(check, action, runner, repository, args="--exclude src/*").returncode == 0
    several = run_step(check, action, runner, repository, paths="clean.py src", args="--select WGT,ATT")
    assert several.returncode == 1
    assert "WGT004" in several.stdout
    wrong = run_step(check, action, runner, repository, paths="nowhere")
    assert wrong.returncode == 2
    assert "nowhere: no such file or folder" in wrong.stderr


def test_a_version_is_installed_by_its_number(action: dict[str, Any], runner: Path) -> None:
    # Never released: pip says what it looked for.
    done = run_step(action["runs"]["steps"][0], action, runner, cwd=runner, version="0.0.0")
    assert done.returncode != 0
    assert "modelwright==0.0.0" in done.stderr
