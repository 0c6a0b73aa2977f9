"""`linter hook`, as an agent calls it after an edit: a message on standard input, an exit code, standard error."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from linter.guides import sentence_of
from linter.rules import rules_by_code


BAD = """\
from torch import nn


class TinyAttention(nn.Module):
    def __init__(self, dim):
        super().__init__()
        self.to_q = nn.Linear(dim, dim)
        self.to_k = nn.Linear(dim, dim)
        self.to_v = nn.Linear(dim, dim)
"""


@pytest.fixture
def hook(folder: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    def hook(message: Any, cwd: Path = folder) -> subprocess.CompletedProcess[str]:
        text = message if isinstance(message, str) else json.dumps(message)
        words = [sys.executable, "-m", "linter", "hook"]
        return subprocess.run(words, cwd=cwd, input=text, capture_output=True, text=True, timeout=120)

    return hook


def claude(path: str, cwd: Path | None = None) -> dict[str, Any]:
    """What Claude Code says after an edit."""
    return {
        "session_id": "1",
        "cwd": str(cwd) if cwd else "",
        "hook_event_name": "PostToolUse",
        "tool_name": "Edit",
        "tool_input": {"file_path": path, "old_string": "a", "new_string": "b"},
        "tool_response": {"success": True},
    }


def codex(patch: str) -> dict[str, Any]:
    """What Codex says after a patch."""
    return {"hook_event_name": "PostToolUse", "tool_name": "apply_patch", "tool_input": {"command": patch}}


def test_findings_go_to_the_agent_with_the_guides_sentence_and_the_fix(
    folder: Path, write: Callable[..., None], hook: Callable[..., Any]
) -> None:
    write({"model.py": BAD})
    answer = hook(claude(str(folder / "model.py")))
    assert answer.returncode == 2
    assert answer.stdout == ""
    assert "model.py:4:7: ATT002" in answer.stderr
    assert sentence_of(rules_by_code()["ATT002"]) in answer.stderr
    assert "+class TinyAttention(nn.Module, AttentionModuleMixin):" in answer.stderr
    assert "\x1b" not in answer.stderr


def test_a_patch_names_its_files(write: Callable[..., None], hook: Callable[..., Any]) -> None:
    write({"a.py": BAD, "b.py": BAD, "c.py": BAD})
    patch = "*** Begin Patch\n*** Add File: a.py\n+x\n*** Update File: old.py\n*** Move to: b.py\n*** End Patch\n"
    for message in (codex(patch), {"tool_input": {"command": ["apply_patch", patch]}}):
        answer = hook(message)
        assert answer.returncode == 2
        assert [name for name in ("a.py", "b.py", "c.py") if f"{name}:4:7" in answer.stderr] == ["a.py", "b.py"]


def test_a_relative_path_is_below_the_agents_folder(
    folder: Path, tmp_path: Path, write: Callable[..., None], hook: Callable[..., Any]
) -> None:
    write({"inner/model.py": BAD})
    assert hook(claude("model.py", folder / "inner"), cwd=tmp_path).returncode == 2


@pytest.mark.parametrize("path", ["clean.py", "notes.md", "gone.py", "vendored/model.py"])
def test_what_needs_no_word_gets_none(
    path: str, folder: Path, write: Callable[..., None], hook: Callable[..., Any]
) -> None:
    write(
        {
            "clean.py": "x = 1\n",
            "notes.md": BAD,
            "vendored/model.py": BAD,
            "pyproject.toml": '[tool.linter]\nexclude = ["vendored"]\n',
        }
    )
    answer = hook(claude(str(folder / path)))
    assert (answer.returncode, answer.stdout, answer.stderr) == (0, "", "")


@pytest.mark.parametrize("message", ["", "[]", "{}", "not json", '{"tool_input": "x"}', '{"tool_input": null}'])
def test_another_message_concerns_the_person(message: str, hook: Callable[..., Any]) -> None:
    answer = hook(message)
    assert answer.returncode == 1
    assert answer.stderr.startswith("linter hook: Standard input is not what an agent tells a hook")
    assert "Traceback" not in answer.stderr


def test_a_wrong_configuration_concerns_the_person(
    folder: Path, write: Callable[..., None], hook: Callable[..., Any]
) -> None:
    write({"model.py": BAD, "pyproject.toml": '[tool.linter]\nselect = ["NONE"]\n'})
    answer = hook(claude(os.fspath(folder / "model.py")))
    assert answer.returncode == 1
    assert "unknown rule" in answer.stderr
