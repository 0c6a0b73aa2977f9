"""The generated folder as it lies there: it imports nothing of this project, and it is clean."""

from __future__ import annotations

import ast
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
