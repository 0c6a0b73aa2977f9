"""The generated folder by itself: its tests pass, it needs nothing of this project, and it is clean."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from pathlib import Path

from ruff import find_ruff_bin


# What a folder may import: the libraries that it says it needs, and Python's own.
ALLOWED = {
    "torch",
    "diffusers",
    "transformers",
    "tokenizers",
    "safetensors",
    "accelerate",
    "peft",
    "numpy",
    "PIL",
    "pytest",
}


# What Python runs first: packages that a folder does not say it needs are not there.
BLOCKING = """
import sys


class Blocked:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {blocked}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)


sys.meta_path.insert(0, Blocked())
"""
BLOCKED = {"scaffold", "linter", "parity", "libcst", "msgspec", "ruamel", "ruff", "mypy", "jsonschema"}


def test_its_own_tests_pass_where_nothing_of_this_project_is(flux2_folder, tmp_path):
    (tmp_path / "sitecustomize.py").write_text(BLOCKING.format(blocked=sorted(BLOCKED)))
    environment = {
        **os.environ,
        "PYTHONPATH": str(tmp_path),
        "OMP_NUM_THREADS": "1",
        "HF_HOME": str(tmp_path),
        "HF_HUB_OFFLINE": "1",
    }
    missing = subprocess.run(
        [sys.executable, "-c", "import scaffold"], env=environment, capture_output=True, check=False
    )
    assert b"No module named 'scaffold'" in missing.stderr
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", flux2_folder.name]
    done = subprocess.run(
        command, cwd=flux2_folder.parent, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout[-5000:]
    assert " passed" in done.stdout
    assert "skipped" not in done.stdout


def python_files(folder: Path) -> list[Path]:
    return sorted(folder.rglob("*.py"))


def test_it_imports_nothing_of_this_project(flux2_folder):
    for path in python_files(flux2_folder):
        for node in ast.walk(ast.parse(path.read_text())):
            names = []
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom) and not node.level:
                names = [node.module or ""]
            for name in names:
                top = name.partition(".")[0]
                assert top in ALLOWED or top in sys.stdlib_module_names, f"{path.name} imports {name}"


def test_no_template_shows_through(flux2_folder):
    for path in flux2_folder.rglob("*"):
        if path.is_file() and path.suffix in (".py", ".md"):
            text = path.read_text()
            assert "modelwright" not in text
            assert "scaffold" not in text
            assert "\n\n\n\n" not in text
            assert not any(line != line.rstrip() for line in text.splitlines()), path


def test_ruff_has_nothing_to_say(flux2_folder):
    rules = "--select=E,F,I,W,B,UP,SIM,C4,PT,PIE,RET"
    # diffusers reads lists from class attributes.
    options = ["--isolated", "--no-cache", "--line-length=119", "--target-version=py310", rules, "--ignore=SIM108"]
    options += ["--config=lint.isort.lines-after-imports=2"]
    done = subprocess.run(
        [find_ruff_bin(), "check", *options, flux2_folder.name],
        cwd=flux2_folder.parent,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout
