"""Two configs key by key, with the defaults of the classes made explicit."""

from __future__ import annotations

import inspect
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import msgspec

from parity.errors import ParityError, nearest_name
from parity.sides.documents import read_mapping


class Entry(msgspec.Struct, frozen=True):
    """One key on one side.

    Attributes:
        key: Its name, nested ones joined by dots.
        value: What stands there.
        is_default: Whether the class gives it, because the config does not.
    """

    key: str
    value: Any
    is_default: bool


class Line(msgspec.Struct, frozen=True):
    """One key on both sides; None for a side that has none.

    Attributes:
        verdict: `equal`, `differs`, or `alone` where only one side has the key.
        reference: The reference's entry.
        candidate: The candidate's entry.
    """

    verdict: str
    reference: Entry | None
    candidate: Entry | None


class ConfigComparison(msgspec.Struct, frozen=True, tag_field="command", tag="configs"):
    """The answer; also the JSON report, whose form `schema` numbers."""

    schema: int
    reference: str
    candidate: str
    passed: bool
    lines: tuple[Line, ...]


def compare_configs(
    reference: tuple[str, Mapping[str, Entry]], candidate: tuple[str, Mapping[str, Entry]], names: Mapping[str, str]
) -> ConfigComparison:
    """Compares every key of both sides.

    Args:
        reference: The reference's source, for people, and its entries.
        candidate: The candidate's.
        names: Keys of the reference that the candidate calls otherwise.

    Raises:
        ParityError: If `names` has a key that its side has not.
    """
    ours, theirs = reference[1], candidate[1]
    for source, known, keys in ((reference[0], ours, names.keys()), (candidate[0], theirs, names.values())):
        for key in keys:
            if key not in known:
                raise ParityError(f"--names: {source} has no `{key}`.{nearest_name(key, known)}")
    lines = []
    for key, entry in ours.items():
        other = theirs.get(names.get(key, key))
        verdict = "alone" if other is None else "equal" if _are_equal(entry.value, other.value) else "differs"
        lines.append(Line(verdict, entry, other))
    met = {names.get(key, key) for key in ours}
    lines += [Line("alone", None, entry) for key, entry in theirs.items() if key not in met]
    return ConfigComparison(
        1, reference[0], candidate[0], all(line.verdict == "equal" for line in lines), tuple(lines)
    )


def read_config(source: str, section: str | None, class_path: str | None) -> dict[str, Entry]:
    """Reads a config and adds what the class takes when the config is silent.

    Args:
        source: A YAML or JSON file, a folder with a `config.json`, a safetensors file whose metadata holds a config,
            or a mapping between braces.
        section: The part of it that counts, keys joined by dots; None for all.
        class_path: The import path of the class that takes the config; None to leave defaults unknown.

    Raises:
        ParityError: If it cannot be read, has no such section, or the class cannot be imported.
    """
    content = _read(source)
    for key in section.split(".") if section else []:
        inner = content.get(key)
        if not isinstance(inner, Mapping):
            sections = [name for name, each in content.items() if isinstance(each, Mapping)]
            hint = nearest_name(key, sections) or f" Its sections are {', '.join(sections) or 'none'}."
            raise ParityError(f"{source}: has no section `{key}`.{hint}")
        content = inner
    # What a library notes about itself is no setting.
    settings = {key: value for key, value in content.items() if not key.startswith("_") and key != "auto_map"}
    entries = {key: Entry(key, value, False) for key, value in _flatten(settings)}
    for key, value in _defaults(class_path).items() if class_path else ():
        if key not in settings:
            entries[key] = Entry(key, value, True)
    return entries


def _read(source: str) -> Mapping[str, Any]:
    path = Path(source)
    if source.endswith(".safetensors"):
        return _read_metadata(path)
    if path.is_dir():
        if not (path / "config.json").is_file():
            raise ParityError(f"{source}: the folder has no config.json. Name the folder of one component.")
        source = str(path / "config.json")
    return read_mapping(source, "config")


def _read_metadata(path: Path) -> Mapping[str, Any]:
    from parity.sides.checkpoints import read_metadata

    metadata = read_metadata(path)
    for text in (metadata.get("config"), *metadata.values()):
        try:
            content = json.loads(text or "")
        except json.JSONDecodeError:
            continue
        if isinstance(content, dict):
            return content
    keys = ", ".join(sorted(metadata)) or "nothing"
    raise ParityError(f"{path}: its metadata holds no config (it holds {keys}). Give the config as a file of its own.")


def _defaults(class_path: str) -> dict[str, Any]:
    from parity.sides.loading import load_class

    parameters = inspect.signature(load_class(class_path).__init__).parameters.values()
    return {each.name: each.default for each in parameters if each.default is not each.empty}


def _flatten(content: Mapping[str, Any], start: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in content.items():
        if isinstance(value, Mapping) and value:
            yield from _flatten(value, f"{start}{key}.")
        else:
            yield f"{start}{key}", value


def _are_equal(one: Any, other: Any) -> bool:
    if isinstance(one, (list, tuple)) and isinstance(other, (list, tuple)):
        return len(one) == len(other) and all(_are_equal(*pair) for pair in zip(one, other, strict=True))
    # True equals 1 in Python, and not in a config.
    return isinstance(one, bool) == isinstance(other, bool) and bool(one == other)
