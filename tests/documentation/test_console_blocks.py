"""Every command that the README and the documentation show is run, and prints what they show.

A page's `console` blocks run one after the other in one folder, in which the titled blocks of all pages lie as files.
A line `...` in shown output stands for any lines, and a count of files for any count: it grows with the templates.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest


ROOT = Path(__file__).resolve().parents[2]
PAGES = ["README.md", *sorted(page.relative_to(ROOT).as_posix() for page in (ROOT / "docs").rglob("*.md"))]
BLOCK = re.compile(
    r"^```(?P<language>\w+)(?: title=\"(?P<title>[^\"]+)\")?\n(?P<text>.*?)^```$", re.DOTALL | re.MULTILINE
)


def titled_files() -> dict[str, str]:
    blocks = [block for page in PAGES for block in BLOCK.finditer((ROOT / page).read_text("utf-8"))]
    return {block["title"]: block["text"] for block in blocks if block["title"]}


def shown_commands(page: str) -> list[tuple[str, str]]:
    """Each command of a page with the output that is shown under it."""
    commands = []
    for block in BLOCK.finditer((ROOT / page).read_text("utf-8")):
        if block["language"] == "console":
            for part in re.split(r"^\$ ", block["text"], flags=re.MULTILINE)[1:]:
                command, output = re.fullmatch(r"((?:[^\n]*\\\n)*[^\n]*)\n(.*)", part, re.DOTALL).groups()
                commands.append((command, output))
    return commands


def run(command: str, folder: Path) -> str:
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    environment = {**os.environ, "PATH": path, "OMP_NUM_THREADS": "1"}
    return subprocess.run(
        command,
        shell=True,
        cwd=folder,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    ).stdout


def matches(shown: str, printed: str) -> bool:
    pattern = re.escape(shown).replace(re.escape("...\n"), "(?:.*\n)*")
    pattern = re.sub(r"\d+\\ files", r"\\d+\\ files", pattern)
    return re.fullmatch(pattern, printed) is not None


@pytest.mark.parametrize("page", [page for page in PAGES if shown_commands(page)])
def test_commands_print_what_the_page_shows(page: str, tmp_path: Path) -> None:
    for name, text in titled_files().items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    for command, shown in shown_commands(page):
        printed = run(command, tmp_path)
        assert matches(shown, printed), f"{page}: $ {command}\nshown:\n{shown}\nprinted:\n{printed}"
