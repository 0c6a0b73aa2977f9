"""The linter as a person runs it: files in a folder of their own, the command, what it wrote and how it ended."""

from __future__ import annotations

import gc
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from linter.cli import main


Content = str | bytes


@dataclass(frozen=True)
class Outcome:
    """How a command ended: its exit code and what it wrote."""

    code: int
    out: str
    err: str

    @property
    def findings(self) -> list[dict[str, Any]]:
        """The findings of a `json` report."""
        found: list[dict[str, Any]] = json.loads(self.out)["findings"]
        return found

    @property
    def places(self) -> list[tuple[str, str, int]]:
        """Code, path and line of the findings of a `json` report."""
        return [(item["code"], item["path"], item["line"]) for item in self.findings]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The folder that the commands run in. Its pyproject.toml ends the search for a configuration."""
    root = tmp_path / "work"
    root.mkdir()
    (root / "pyproject.toml").write_text("")
    return root


@pytest.fixture
def write(folder: Path) -> Callable[[Mapping[str, Content]], None]:
    """Writes files below the folder, as they are given: no line end is translated."""

    def write(files: Mapping[str, Content]) -> None:
        for name, content in files.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content if isinstance(content, bytes) else content.encode())

    return write


@pytest.fixture
def run(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Outcome]:
    """Runs a command line of `linter` in this process, in the folder."""
    monkeypatch.chdir(folder)

    def run(*arguments: str | Path) -> Outcome:
        try:
            result = CliRunner().invoke(main, [str(argument) for argument in arguments])
        finally:
            # The command switches it off for its short life; this process lives on.
            gc.enable()
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        return Outcome(result.exit_code, result.stdout, result.stderr)

    return run


@pytest.fixture
def check(run: Callable[..., Outcome]) -> Callable[..., Outcome]:
    """`linter check` with every rule, without a cache, as JSON."""

    def check(*arguments: str | Path) -> Outcome:
        selection = [] if "--select" in arguments else ["--select", "ALL"]
        return run("check", "--output-format", "json", "--no-cache", *selection, *arguments)

    return check


@pytest.fixture
def run_process(folder: Path) -> Callable[..., Outcome]:
    """Runs a command line of `linter` as a process of its own, in the folder."""

    def run_process(*arguments: str | Path, cwd: Path = folder, **environment: str) -> Outcome:
        command = [sys.executable, "-m", "linter", *map(str, arguments)]
        result = subprocess.run(
            command, cwd=cwd, env={**os.environ, **environment}, capture_output=True, text=True, timeout=300
        )
        return Outcome(result.returncode, result.stdout, result.stderr)

    return run_process


@pytest.fixture
def picture(folder: Path) -> Callable[[], dict[str, bytes]]:
    """The Python files below the folder, by path, with their bytes."""

    def take() -> dict[str, bytes]:
        return {path.relative_to(folder).as_posix(): path.read_bytes() for path in sorted(folder.rglob("*.py"))}

    return take


@pytest.fixture(scope="session")
def installed_diffusers() -> Path:
    """The installed diffusers package, which nothing here imports."""
    spec = find_spec("diffusers")
    assert spec is not None
    assert spec.origin is not None
    return Path(spec.origin).parent


@pytest.fixture(scope="module")
def diffusers_copy(installed_diffusers: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The Python files of diffusers, to plant faults in."""
    target = tmp_path_factory.mktemp("library") / "diffusers"

    def not_python(folder: str, names: list[str]) -> list[str]:
        return [name for name in names if not name.endswith(".py") and not os.path.isdir(os.path.join(folder, name))]

    shutil.copytree(installed_diffusers, target, ignore=not_python)
    yield target
    shutil.rmtree(target.parent)
