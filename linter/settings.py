"""The settings of a run: `[tool.linter]` of a pyproject.toml, what the command line says over it, and where each is
from.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from itertools import chain
from pathlib import Path
from typing import Any

from linter.errors import LinterError
from linter.rules import FAMILIES, all_rules
from linter.selection import expand


if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib


DEFAULT_CACHE = ".linter_cache"
_LISTS = ("select", "ignore", "exclude")
_STRINGS = ("cache-dir", "baseline")
KEYS = (*_LISTS, "per-file-ignores", *_STRINGS)


@dataclass(frozen=True)
class Overrides:
    """What the command line says about settings."""

    select: tuple[str, ...] = ()
    extend_select: tuple[str, ...] = ()
    ignore: tuple[str, ...] = ()
    per_file_ignores: tuple[str, ...] = ()
    """`PATTERN:CODE` each."""
    exclude: tuple[str, ...] = ()
    extend_exclude: tuple[str, ...] = ()
    cache_dir: Path | None = None
    baseline: Path | None = None
    file: Path | None = None
    """The file that is read in place of the nearest pyproject.toml."""
    isolated: bool = False
    """Whether no file is read."""


@dataclass(frozen=True)
class Settings:
    """The settings in force. `origins` names for each the places that it is from, in order."""

    root: Path
    """The folder that patterns, the cache and the baseline are relative to."""
    file: Path | None
    select: tuple[str, ...]
    extend_select: tuple[str, ...]
    """What is selected besides: besides all rules where `select` is empty."""
    ignore: tuple[str, ...]
    exclude: tuple[str, ...]
    per_file_ignores: Mapping[str, tuple[str, ...]]
    cache_dir: Path
    baseline: Path | None
    origins: Mapping[str, tuple[str, ...]]


def read_settings(here: Path, overrides: Overrides) -> Settings:
    """The settings for a run started in `here`, an absolute path.

    Raises:
        LinterError: the file cannot be read, is not TOML, or holds a key, a type or a rule that is not known.
    """
    file = _file(here, overrides)
    table = _table(file) if file else {}
    # What a file that is named says of paths is meant from where it is named, as ruff reads it.
    root = file.parent if file and overrides.file is None else here
    origins: dict[str, tuple[str, ...]] = {}

    def taken(key: str, added: object, replaces: bool) -> bool:
        """Notes where a setting is from; whether the file's part of it counts."""
        counts = key in table and not replaces
        origins[key] = (str(file),) * counts + ("command line",) * bool(added) or ("default",)
        return counts

    def listed(key: str, replacing: Sequence[str], adding: Sequence[str]) -> tuple[str, ...]:
        own = _strings(file, table, key)
        kept = own if taken(key, (*replacing, *adding), bool(replacing)) else []
        return (*kept, *replacing, *adding)

    def located(key: str, given: Path | None, default: str) -> Path | None:
        own = _string(file, table, key, default)
        taken(key, given, given is not None)
        if given is not None:
            return here / given
        return root / own if own else None

    per_file = _per_file(file, table)
    named = [*_strings(file, table, "select"), *_strings(file, table, "ignore"), *chain(*per_file.values())]
    try:
        expand(named)
    except LinterError as error:
        raise LinterError(f"{file}: [tool.linter]: {error}") from error
    given = _pairs(overrides.per_file_ignores)
    return Settings(
        root=root,
        file=file,
        select=listed("select", overrides.select, ()),
        extend_select=overrides.extend_select,
        ignore=listed("ignore", (), overrides.ignore),
        exclude=listed("exclude", overrides.exclude, overrides.extend_exclude),
        per_file_ignores=per_file if taken("per-file-ignores", given, bool(given)) else given,
        cache_dir=located("cache-dir", overrides.cache_dir, DEFAULT_CACHE) or root / DEFAULT_CACHE,
        baseline=located("baseline", overrides.baseline, ""),
        origins=origins,
    )


def settings_schema() -> dict[str, Any]:
    """The JSON Schema of `[tool.linter]`."""
    names = [rule.code for rule in all_rules()] + [*FAMILIES, "ALL"]
    # Names are read without regard to case, as the command line does.
    either = ["".join(f"[{letter}{letter.lower()}]" if letter.isalpha() else letter for letter in n) for n in names]
    rules = {"type": "array", "items": {"type": "string", "pattern": rf"^\s*(?:{'|'.join(either)})\s*$"}}
    patterns = {"type": "array", "items": {"type": "string"}}
    return {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": "[tool.linter]",
        "type": "object",
        "additionalProperties": False,
        "properties": {
            "select": {**rules, "description": "Rules to run: codes, families or ALL."},
            "ignore": {**rules, "description": "Rules to leave out: codes, families or ALL."},
            "exclude": {**patterns, "description": "Patterns of files and folders that are not checked."},
            "per-file-ignores": {
                "type": "object",
                "additionalProperties": rules,
                "description": "Rules that do not count in the files that a pattern fits.",
            },
            "cache-dir": {"type": "string", "description": "Where the cache lies.", "default": DEFAULT_CACHE},
            "baseline": {"type": "string", "description": "The file of findings that are known and not shown."},
        },
    }


def _file(here: Path, overrides: Overrides) -> Path | None:
    if overrides.isolated:
        if overrides.file is not None:
            raise LinterError("--isolated reads no configuration file and --config names one. Leave one of them out.")
        return None
    if overrides.file is not None:
        return here / overrides.file
    folders = (here, *here.parents)
    return next((folder / "pyproject.toml" for folder in folders if (folder / "pyproject.toml").is_file()), None)


def _table(file: Path) -> Mapping[str, Any]:
    try:
        document = tomllib.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise LinterError(f"{file}: not readable as TOML: {error}") from error
    tool = document.get("tool")
    table = tool.get("linter", {}) if isinstance(tool, dict) else {}
    if not isinstance(table, dict):
        raise _wrong(file, "tool.linter", "a table", table)
    for key in table:
        if key not in KEYS:
            near = get_close_matches(key, KEYS, n=1)
            hint = f"did you mean `{near[0]}`?" if near else f"known keys are {', '.join(KEYS)}."
            raise LinterError(f"{file}: [tool.linter] has an unknown key `{key}`; {hint}")
    return table


def _per_file(file: Path | None, table: Mapping[str, Any]) -> dict[str, tuple[str, ...]]:
    per_file = table.get("per-file-ignores", {})
    if not isinstance(per_file, dict):
        raise _wrong(file, "per-file-ignores", "a table of a pattern to a list of rules", per_file)
    return {pattern: tuple(_strings(file, per_file, pattern)) for pattern in per_file}


def _pairs(given: Sequence[str]) -> dict[str, tuple[str, ...]]:
    pairs: dict[str, tuple[str, ...]] = {}
    for pair in given:
        pattern, colon, code = pair.rpartition(":")
        if not colon or not pattern:
            raise LinterError(f"--per-file-ignores takes PATTERN:CODE, such as `tests/*:FWD`, not `{pair}`.")
        pairs[pattern] = (*pairs.get(pattern, ()), code)
    return pairs


def _strings(file: Path | None, table: Mapping[str, Any], key: str) -> list[str]:
    value = table.get(key, [])
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise _wrong(file, key, "a list of strings", value)
    return value


def _string(file: Path | None, table: Mapping[str, Any], key: str, default: str) -> str:
    value = table.get(key, default)
    if not isinstance(value, str):
        raise _wrong(file, key, "a string", value)
    return value


def _wrong(file: Path | None, key: str, expected: str, value: object) -> LinterError:
    return LinterError(f"{file}: [tool.linter] `{key}` must be {expected}, not {value!r}.")
