"""Inputs that nobody means: damaged files, a process that is killed, files that change while they are mended."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from linter.cache import MemoryCache
from linter.config import resolve
from linter.engine import check as check_files
from linter.errors import UnreadableFile
from linter.fixing import edited
from linter.settings import Overrides, read_settings


RUNNER = Path(__file__).parents[2] / "benchmarks/damaged.py"
OLD, NEW = b"x = 1  # lint: ignore[FWD001] old\n", b"x = 1\n"


@pytest.mark.parametrize("only", ["circle", "a file", "grow", "token", "encoding"])
def test_damaged_inputs_are_answered(only: str) -> None:
    command = [sys.executable, str(RUNNER), "--inputs", "250", "--seed", "7", "--batch", "40", "--only", only]
    done = subprocess.run(command, capture_output=True, text=True)
    assert re.match(r"[1-9]\d* inputs, seed 7: 0 failed\.", done.stdout), done.stderr[-3000:]
    assert done.returncode == 0


@pytest.mark.parametrize(
    "text",
    [
        "if a:\n    pass\n" + "elif a.b:\n    c.d()\n" * 600,
        "def f(a):\n    if a:\n        pass\n" + "    elif a.b:\n        c.d()\n" * 600,
        "x = " + " + ".join(["a.b"] * 900) + "\n",
        "x = 0x" + "f" * 6000 + "\n",
        "def f(x: 0x" + "f" * 6000 + "): pass\n",
        "x = [a.b for a in c" + " if a.b" * 3000 + "]\n",
    ],
    ids=["elif", "elif in a function", "sum", "number", "annotation", "conditions"],
)
def test_what_is_long_and_not_nested_is_read(text: str, write: Callable[..., None], check: Callable[..., Any]) -> None:
    write({"long.py": f"{text}\n\nimport einops\n\n\ndef forward(x):\n    return einops.rearrange(x, 'a b -> b a')\n"})
    assert "LNT" not in check(".").out


def test_a_file_that_a_rule_cannot_follow_is_said_with_the_rule(
    write: Callable[..., None], check: Callable[..., Any]
) -> None:
    body = "    y = " + "-" * 420 + "x\n    return y\n"
    copy = f"# Copied from tinylib.origin.f with x->z\ndef f(\n    z,\n):\n{body}"
    write({"tinylib/__init__.py": "", "tinylib/origin.py": f"def f(\n    x,\n):\n{body}", "tinylib/copy.py": copy})
    outcome = check(".")
    said = [item for item in outcome.findings if item["code"] == "LNT005"]
    assert outcome.code == (2 if said else 1)
    assert all(item["message"].startswith("is nested too deeply") for item in said)
    assert said or any(item["code"] == "CPY001" for item in outcome.findings)


def test_a_fix_that_is_killed_leaves_each_file_old_or_new(folder: Path, write: Callable[..., None]) -> None:
    names = [f"file_{number:03}.py" for number in range(150)]
    write(dict.fromkeys(names, OLD))
    command = [sys.executable, "-m", "linter", "fix", "--no-cache", "--select", "LNT002,FWD001", "."]
    with subprocess.Popen(command, cwd=folder, stdout=subprocess.DEVNULL) as process:
        while process.poll() is None and (folder / names[0]).read_bytes() == OLD:
            pass
        process.kill()
    found = {name: (folder / name).read_bytes() for name in names}
    assert set(found.values()) <= {OLD, NEW}
    assert found[names[0]] == NEW
    left = [path for path in folder.iterdir() if path.suffix == ".py" and path.name not in names]
    assert left == []


def test_a_file_that_has_changed_since_it_was_checked_is_not_mended(folder: Path, write: Callable[..., None]) -> None:
    write({"x.py": OLD})
    path = folder / "x.py"
    config = resolve(read_settings(folder, Overrides(select=("LNT002", "FWD001"))))
    report = check_files([path], config, MemoryCache())
    assert edited(report.findings, {}, report) == {path: NEW}
    path.write_bytes(b"y = 2\n" + OLD)
    with pytest.raises(UnreadableFile, match="has changed since it was checked"):
        edited(report.findings, {}, report)


@pytest.mark.parametrize(
    ("header", "said"),
    [("# coding: ascii\n", "Ткань"), ("# coding: unicode_escape\n", "cloth")],
    ids=["an encoding that lacks the text", "an encoding that does not lead back"],
)
def test_what_an_encoding_cannot_say_is_not_written(
    header: str, said: str, folder: Path, write: Callable[..., None], run: Callable[..., Any]
) -> None:
    copy = f"{header}# Copied from tinylib.origin.f\ndef f(\n    x,\n):\n    return '\\n'\n"
    write(
        {
            "tinylib/__init__.py": "",
            "tinylib/origin.py": f"def f(\n    x,\n):\n    return '{said}'\n",
            "tinylib/copy.py": copy if "ascii" in header else copy.replace("'\\n'", "1\\n\\n\\ny = 2"),
            "other.py": OLD,
        }
    )
    before = (folder / "tinylib/copy.py").read_bytes()
    done = run("fix", "--no-cache", "--select", "CPY001,LNT002,FWD001", ".")
    assert "1 mended in 1 file." in done.out
    assert "CPY001" in done.out
    assert (folder / "tinylib/copy.py").read_bytes() == before
    assert (folder / "other.py").read_bytes() == NEW


def test_caches_of_other_versions_are_kept_for_a_while(
    folder: Path, write: Callable[..., None], run: Callable[..., Any]
) -> None:
    write({"x.py": OLD})
    cache = folder / "cache"
    cache.mkdir()
    for age, letter in enumerate("abcd"):
        for suffix in (".sqlite", ".sqlite-wal"):
            (cache / f"{letter * 32}{suffix}").write_bytes(b"")
            os.utime(cache / f"{letter * 32}{suffix}", (1e9 - age, 1e9 - age))
    (cache / "notes.sqlite").write_bytes(b"")
    run("check", "--cache-dir", "cache", ".")
    names = {path.name for path in cache.iterdir()}
    kept = {"notes.sqlite", *(f"{letter * 32}.sqlite{end}" for letter in "ab" for end in ("", "-wal"))}
    assert kept <= names
    assert not any(name.startswith(("c" * 32, "d" * 32)) for name in names)
    assert len({name for name in names - kept if name.endswith(".sqlite")}) == 1
