"""What a person gets who installs the wheel into an empty environment, without torch and without this checkout."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest


ROOT = Path(__file__).resolve().parents[2]


def checked_in(folder: str) -> set[str]:
    """The files below a folder of the checkout, relative to it, as the wheel should carry them."""
    base = ROOT / folder
    return {path.relative_to(base).as_posix() for path in base.rglob("*") if path.is_file()}


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("dist")
    subprocess.run([sys.executable, "-m", "build", "--wheel", "--outdir", out, ROOT], check=True)
    (built,) = out.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def commands(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the commands of an environment that holds the wheel and what it depends on."""
    environment = tmp_path_factory.mktemp("environment")
    subprocess.run([sys.executable, "-m", "venv", environment], check=True)
    folder = environment / ("Scripts" if os.name == "nt" else "bin")
    install = [folder / "python", "-m", "pip", "install", "--quiet", "--constraint", ROOT / "constraints.txt", wheel]
    subprocess.run(install, check=True)
    return folder


def run(command: Path, *arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([command, *arguments], cwd=cwd, capture_output=True, text=True, check=False)


def test_the_wheel_carries_the_templates_and_the_skill_pack(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    for folder, bundled in (("templates", "scaffold/bundled/templates/"), (".ai", "scaffold/bundled/ai/")):
        assert {name.removeprefix(bundled) for name in names if name.startswith(bundled)} == checked_in(folder)


def test_the_environment_is_without_torch_and_without_the_checkout(commands: Path, tmp_path: Path) -> None:
    assert run(commands / "python", "-c", "import torch", cwd=tmp_path).returncode == 1
    located = run(commands / "python", "-c", "import scaffold; print(scaffold.__file__)", cwd=tmp_path)
    assert Path(located.stdout.strip()).is_relative_to(commands.parent)


def test_a_generated_folder_is_clean(commands: Path, tmp_path: Path) -> None:
    written = run(commands / "scaffold", "model", "flux2", cwd=tmp_path)
    assert written.returncode == 0, written.stderr
    assert (tmp_path / "flux2" / "model.py").is_file()
    checked = run(commands / "linter", "check", "flux2", cwd=tmp_path)
    assert checked.returncode == 0, checked.stdout + checked.stderr


def test_the_rules_are_listed(commands: Path, tmp_path: Path) -> None:
    listed = run(commands / "linter", "rules", cwd=tmp_path)
    assert listed.returncode == 0, listed.stderr
    assert "ATT001" in listed.stdout


def test_the_skills_are_installed_as_copies_and_removed(commands: Path, tmp_path: Path) -> None:
    installed = run(commands / "scaffold", "skills", "install", "--agent", "claude", cwd=tmp_path)
    assert installed.returncode == 0, installed.stderr
    skill = tmp_path / ".claude" / "skills" / "model-integration"
    assert (skill / "SKILL.md").read_bytes() == (ROOT / ".ai/skills/model-integration/SKILL.md").read_bytes()
    assert not skill.is_symlink()
    assert run(commands / "scaffold", "skills", "remove", cwd=tmp_path).returncode == 0
    assert list(tmp_path.iterdir()) == []


def test_parity_asks_for_torch(commands: Path, tmp_path: Path) -> None:
    result = run(commands / "parity", "compare", "a:A", "b:B", cwd=tmp_path)
    assert result.returncode == 2
    assert result.stderr == "Error: parity needs torch: pip install 'modelwright[torch]'\n"
