"""Reading a spec: from a preset's name or a YAML file to a `Spec`, or to one message that names the line."""

from __future__ import annotations

import datetime
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec
from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.nodes import MappingNode, Node, SequenceNode

from scaffold.complaints import explain_complaint, explain_problem, nearest
from scaffold.deriving import derive
from scaffold.errors import ScaffoldError
from scaffold.parts import Library, Part
from scaffold.resources import templates_root
from scaffold.spec import Spec
from scaffold.spec.checkpoints import Weights
from scaffold.validation import Problem, first_problem


# More open brackets than any spec has; the time of the parser grows steeply with their number.
_DEEPEST = 50
_WEIGHTS = re.compile(r"^weights:\n(?:(?:[ #].*)?\n)+", re.MULTILINE)


def preset_names() -> list[str]:
    """The presets that come with the templates, sorted."""
    return sorted(path.stem for path in (templates_root() / "specs").glob("*.yaml"))


class Verified(msgspec.Struct, frozen=True):
    """What `make presets` saw: when, against which diffusers, and by preset in how many cases all was equal."""

    date: datetime.date
    diffusers: str
    cases: dict[str, int]


def read_verified() -> Verified:
    """The record that comes with the templates."""
    return msgspec.convert(YAML(typ="safe", pure=True).load(templates_root() / "verified.yaml"), Verified)


def load_spec(name_or_path: str, name: str | None = None, settings: Mapping[str, Any] | None = None) -> Spec:
    """Read a preset by its name, or a file by a path that ends in `.yaml` or `.yml`.

    Args:
        name_or_path: the preset or the file.
        name: a name of its own for the architecture, by default that of the spec.
        settings: other defaults for config entries.

    Raises:
        ScaffoldError: no such preset or file, or the file says something that no architecture means.
    """
    return read_spec(spec_path(name_or_path), name=name, settings=settings)


def load_weights(name: str) -> Weights | None:
    """The `weights` of a preset alone, in a fraction of the time that the whole takes; `None` if it has none."""
    text = _read(templates_root() / "specs" / f"{name}.yaml")
    written = _WEIGHTS.search(text)
    if written is None:
        return None
    return msgspec.convert(YAML(typ="safe", pure=True).load(written.group())["weights"], Weights)


def spec_path(name_or_path: str) -> Path:
    """The file of a preset, or the path as it is.

    Raises:
        ScaffoldError: there is no such preset.
    """
    if name_or_path.endswith((".yaml", ".yml")):
        return Path(name_or_path)
    presets = preset_names()
    if name_or_path not in presets:
        raise ScaffoldError(
            f"there is no preset {name_or_path!r}{nearest(name_or_path, presets) or '.'} "
            f"The presets are: {', '.join(presets)}. A spec of your own is given by its path, ending in .yaml"
        )
    return templates_root() / "specs" / f"{name_or_path}.yaml"


def read_spec(
    path: Path,
    templates: Path | None = None,
    name: str | None = None,
    settings: Mapping[str, Any] | None = None,
) -> Spec:
    """Read and check one spec file.

    Args:
        path: the file.
        templates: the tree whose components it may use, by default the one that comes with this package.
        name: a name of its own for the architecture, by default that of the file.
        settings: other defaults for config entries.

    Raises:
        ScaffoldError: with the file, the line, the key, and what was expected there.
    """
    root, data = _parse(path, _read(path))
    library = Library(templates or templates_root(), _custom_folder(path, data))
    spec = _check(path, root, data, library)
    if name is not None or settings:
        spec = _check(path, root, derive(data, name, settings or {}), library)
    return spec.bound(library)


def explain(path: Path, problem: Problem) -> str:
    """A problem that showed after the spec in a file was read, with its line there."""
    root, _ = _parse(path, _read(path))
    return explain_problem(path, root, problem)


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise ScaffoldError(f"{path}: there is no such file") from None
    except UnicodeDecodeError:
        raise ScaffoldError(f"{path}: this is not UTF-8 text; save the file as UTF-8") from None
    except OSError as error:
        raise ScaffoldError(f"{path}: cannot be read ({error.strerror})") from None


def _custom_folder(path: Path, data: Any) -> Path | None:
    """The spec's own components; they lie beside its file or below."""
    given = data.get("custom")
    if not isinstance(given, str):
        return None
    beside = path.resolve().parent
    folder = (beside / given).resolve()
    if not folder.is_relative_to(beside) or folder == beside:
        raise ScaffoldError(f"{path}: `custom`: {given!r} leaves the folder of this file; put the components below it")
    if not folder.is_dir():
        raise ScaffoldError(f"{path}: `custom`: there is no folder {folder}")
    return folder


def _check(path: Path, root: Node, data: Any, library: Library) -> Spec:
    try:
        spec = msgspec.convert(data, Spec, dec_hook=_read_part)
    except msgspec.ValidationError as error:
        raise ScaffoldError(explain_complaint(path, root, data, str(error))) from None
    problem = first_problem(spec, data, library)
    if problem is not None:
        raise ScaffoldError(explain_problem(path, root, problem))
    return spec


def _read_part(kind: type[Part], value: Any) -> Part:
    """The types of a spec that are no structs: components and the steps of programs."""
    return kind.from_yaml(value)


def _parse(path: Path, text: str) -> tuple[Node, Any]:
    """The YAML as nodes, which know their lines, and as plain values."""
    if line := _line_nested_too_deeply(text):
        raise ScaffoldError(f"{path}:{line}: brackets are nested too deeply for a spec")
    yaml = YAML(typ="safe", pure=True)
    try:
        root = yaml.compose(text)
        if not isinstance(root, MappingNode):
            raise ScaffoldError(f"{path}:1: a spec is a mapping that begins with `name:`; this is something else")
        _refuse_aliases(path, root)
        data = yaml.constructor.construct_document(root)
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = mark.line + 1 if mark is not None else 1
        reason = (error.problem or error.context or "cannot be parsed").strip().splitlines()[0]
        raise ScaffoldError(f"{path}:{line}: this is not valid YAML: {reason}") from None
    except YAMLError as error:
        reason = " ".join(str(error).split())
        raise ScaffoldError(f"{path}:1: this is not valid YAML: {reason}") from None
    except RecursionError:
        raise ScaffoldError(f"{path}:1: the values are nested too deeply for a spec") from None
    return root, data


def _refuse_aliases(path: Path, root: Node) -> None:
    """A few aliases of aliases can stand for gigabytes, and no spec needs one."""
    seen: set[int] = set()
    waiting = [root]
    while waiting:
        node = waiting.pop()
        if id(node) in seen:
            line = node.start_mark.line + 1
            raise ScaffoldError(f"{path}:{line}: a spec has no aliases (*); write this value out wherever it is meant")
        seen.add(id(node))
        if isinstance(node, MappingNode):
            waiting += [each for pair in node.value for each in pair]
        elif isinstance(node, SequenceNode):
            waiting += node.value


def _line_nested_too_deeply(text: str) -> int | None:
    """The first line with too many open brackets, counted from 1."""
    depth = 0
    for number, line in enumerate(text.splitlines(), start=1):
        depth += sum(line.count(mark) for mark in "[{") - sum(line.count(mark) for mark in "]}")
        if depth > _DEEPEST:
            return number
    return None
