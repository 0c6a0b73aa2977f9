"""Configuration: `[tool.linter]` of the nearest pyproject.toml, and what the command line says over it."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

from linter.errors import LinterError
from linter.findings import Finding, Severity
from linter.selection import ALWAYS, expand, selected_codes


if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib


DEFAULT_CACHE = ".linter_cache"
_KEYS = ("select", "ignore", "exclude", "per-file-ignores", "cache-dir")


@dataclass(frozen=True)
class Config:
    """What a run goes by. `root` is the folder that patterns and the cache are relative to."""

    root: Path
    selected: frozenset[str]
    exclude: tuple[str, ...] = ()
    per_file_ignores: tuple[tuple[str, frozenset[str]], ...] = ()
    cache_dir: Path = Path(DEFAULT_CACHE)
    shows_advice: bool = True
    """Whether the selection was asked for: advice is not shown to who asked for nothing."""

    def counts(self, finding: Finding, path: Path) -> bool:
        """Whether a finding in a file is shown."""
        code = finding.code
        if code not in self.selected or (finding.severity is Severity.ADVICE and not self.shows_advice):
            return False
        if code in ALWAYS or not self.per_file_ignores:
            return True
        relative = path.relative_to(self.root).as_posix() if path.is_relative_to(self.root) else path.as_posix()
        return not any(
            code in codes and (fnmatch(relative, pattern) or fnmatch(path.name, pattern))
            for pattern, codes in self.per_file_ignores
        )


def load_config(here: Path, select: Sequence[str], ignore: Sequence[str], cache_dir: Path | None) -> Config:
    """The configuration for a run started in `here`.

    Args:
        here: The working directory, absolute.
        select: Rules that the command line selects, in place of the file's.
        ignore: Rules that the command line leaves out, besides the file's.
        cache_dir: The command line's cache folder.

    Raises:
        LinterError: the file is not TOML, or holds a key, a type or a rule that is not known.
    """
    file = _nearest(here)
    table = _table(file) if file else {}
    root = file.parent if file else here
    per_file = table.get("per-file-ignores", {})
    if not isinstance(per_file, dict):
        raise _wrong(file, "per-file-ignores", "a table of a pattern to a list of rules", per_file)
    always, never = _strings(file, table, "select"), _strings(file, table, "ignore")
    patterns = {pattern: _strings(file, per_file, pattern) for pattern in per_file}
    try:
        expand([*always, *never])
        per_file_ignores = tuple((pattern, frozenset(expand(names))) for pattern, names in patterns.items())
    except LinterError as error:
        raise LinterError(f"{file}: [tool.linter]: {error}") from error
    return Config(
        root=root,
        selected=selected_codes(select or always, [*never, *ignore]),
        exclude=tuple(_strings(file, table, "exclude")),
        per_file_ignores=per_file_ignores,
        cache_dir=cache_dir or root / _string(file, table, "cache-dir", DEFAULT_CACHE),
        shows_advice=bool(select or always),
    )


def _nearest(here: Path) -> Path | None:
    return next(
        (folder / "pyproject.toml" for folder in (here, *here.parents) if (folder / "pyproject.toml").is_file()), None
    )


def _table(file: Path) -> Mapping[str, Any]:
    try:
        document = tomllib.loads(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, RecursionError, tomllib.TOMLDecodeError) as error:
        raise LinterError(f"{file}: not readable as TOML: {error}") from error
    tool = document.get("tool")
    table = tool.get("linter", {}) if isinstance(tool, dict) else {}
    if not isinstance(table, dict):
        raise _wrong(file, "tool.linter", "a table", table)
    for key in table:
        if key not in _KEYS:
            near = get_close_matches(key, _KEYS, n=1)
            hint = f"did you mean `{near[0]}`?" if near else f"known keys are {', '.join(_KEYS)}."
            raise LinterError(f"{file}: [tool.linter] has an unknown key `{key}`; {hint}")
    return table


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
