"""What a coding agent tells its hooks about an edit: which files it has just written."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import Any

from linter.errors import LinterError


_PATCHED = re.compile(r"^\*\*\* (?:Add File|Update File|Move to): (.+)$", re.MULTILINE)
"""The headers of a patch as Codex writes it."""


def edited_files(message: bytes) -> list[Path]:
    """The Python files of an edit that are there, absolute.

    Args:
        message: The JSON document that Claude Code and Codex hand to a hook after a tool was used: `cwd` and
            `tool_input`, which has `file_path` or, as a string or a list of words, a patch.

    Raises:
        LinterError: it is no such document.
    """
    try:
        document = json.loads(message)
        tool_input: dict[str, Any] = document["tool_input"]
        here = Path(document.get("cwd") or os.curdir)
        named = [tool_input[key] for key in ("file_path", "path") if isinstance(tool_input.get(key), str)]
        named += [
            path for key in ("command", "input", "patch") for path in _PATCHED.findall(_text(tool_input.get(key)))
        ]
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise LinterError(
            "Standard input is not what an agent tells a hook after an edit: a JSON object with `tool_input`. "
            "Name this command as a PostToolUse hook, or check files with `linter check`."
        ) from error
    paths = {Path(os.path.abspath(here / path.strip())) for path in named}
    return sorted(path for path in paths if path.suffix == ".py" and path.is_file())


def _text(value: object) -> str:
    return "\n".join(map(str, value)) if isinstance(value, list) else str(value or "")
