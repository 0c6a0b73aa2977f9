"""Reads the mappings that a person hands over, as a YAML or JSON file or written out on the command line."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError

from parity.errors import ParityError


def read_mapping(source: str, purpose: str) -> Mapping[str, Any]:
    """Reads one mapping from text between braces or from a file.

    Args:
        source: Either the mapping itself, beginning with `{`, or the path of a `.json`, `.yaml` or `.yml` file.
        purpose: What the mapping is for, as the message names it (`config`, `inputs`).

    Raises:
        ParityError: If the file cannot be read, the text cannot be parsed, or it holds something else than a mapping
            with text keys.
    """
    if source.lstrip().startswith("{"):
        origin, text = f"the {purpose} on the command line", source
    else:
        origin, text = source, _read_text(Path(source), purpose)
    content = _parse_json(text, origin) if source.endswith(".json") else _parse_yaml(text, origin)
    if not isinstance(content, dict):
        raise ParityError(f"{origin}: the {purpose} has to be a mapping of names to values, not {_describe(content)}.")
    for key in content:
        if not isinstance(key, str):
            raise ParityError(f"{origin}: `{key}` is not a text; every name in the {purpose} has to be one.")
    return content


def _read_text(path: Path, purpose: str) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        message = f"{path}: no such file. Give the {purpose} as a YAML or JSON file, or as text between braces."
    except UnicodeDecodeError:
        message = f"{path}: not UTF-8 text. The {purpose} has to be a YAML or JSON file."
    except OSError as error:
        message = f"{path}: cannot be read ({error.strerror})."
    raise ParityError(message)


def _parse_json(text: str, origin: str) -> Any:
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        raise ParityError(f"{origin}:{error.lineno}:{error.colno}: not valid JSON: {error.msg}.") from None


def _parse_yaml(text: str, origin: str) -> Any:
    try:
        return YAML(typ="safe", pure=True).load(text)
    except MarkedYAMLError as error:
        mark = error.problem_mark
        place = f"{origin}:{mark.line + 1}:{mark.column + 1}" if mark else origin
        raise ParityError(f"{place}: not valid YAML: {error.problem}.") from None
    except YAMLError as error:
        raise ParityError(f"{origin}: not valid YAML: {error}.") from None


def _describe(content: object) -> str:
    if content is None:
        return "nothing"
    return {"list": "a list", "str": "a text"}.get(type(content).__name__, f"a {type(content).__name__}")
