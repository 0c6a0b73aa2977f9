"""What is wrong with a spec, in the words of its file: the line, the key, what is expected, the nearest valid name."""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import msgspec
from ruamel.yaml.nodes import MappingNode, Node, SequenceNode

from scaffold.spec import Spec
from scaffold.validation import Problem


_UNKNOWN_FIELD = re.compile(r"Object contains unknown field `(?P<key>[^`]*)`")
_MISSING_FIELD = re.compile(r"Object missing required field `(?P<key>[^`]*)`")
_WRONG_TYPE = re.compile(r"Expected `(?P<expected>[^`]*)`, got `(?P<given>[^`]*)`")
_PLACE = re.compile(r" - at (?P<key>`key` in )?`\$(?P<path>[^`]*)`$")
# What msgspec calls the kinds of value, and what a person does.
_KINDS = {
    "str": "text",
    "int": "a whole number",
    "float": "a number",
    "bool": "true or false",
    "array": "a list",
    "object": "a mapping",
    "null": "nothing",
}
_STEP = re.compile(r"\.([^.\[\]]+)|\[(\d+|\.\.\.)\]")


def explain_complaint(path: Path, root: Node, data: Any, message: str) -> str:
    """What msgspec says about a file that does not have the types of a spec.

    Args:
        path: the file.
        root: its YAML as nodes, which know their lines.
        data: its YAML as plain values.
        message: the text of msgspec's error.
    """
    place = _PLACE.search(message)
    steps = _steps(place.group("path")) if place else ()
    complaint = _PLACE.sub("", message)
    if unknown := _UNKNOWN_FIELD.search(complaint):
        key = unknown.group("key")
        steps = _resolve_any(data, steps, lambda value: isinstance(value, dict) and key in value)
        known = _fields_at(steps)
        advice = nearest(key, known) or f"; known here: {', '.join(known)}"
        steps = (*steps, key)
        return f"{path}:{_line(root, steps, on_key=True)}: `{_dotted(steps)}` is not a key of a spec{advice}"
    if missing := _MISSING_FIELD.search(complaint):
        key = missing.group("key")
        steps = _resolve_any(data, steps, lambda value: isinstance(value, dict) and key not in value)
        where = f"in `{_dotted(steps)}`" if steps else "at the top of the file"
        return f"{path}:{_line(root, steps, on_key=True)}: the key `{key}` is missing {where}"
    if place and place.group("key"):
        where = f"in `{_dotted(steps)}`" if steps else "at the top"
        return f"{path}:{_line(root, steps, on_key=False)}: every key {where} is text; put the others in quotes"
    steps = _resolve_any(data, steps, lambda value: True)
    given = _value_at(data, steps) if _exists(data, steps) else None
    if allowed := _choices_at(steps):
        complaint = f"{given!r} is none of {', '.join(allowed)}{nearest(str(given), allowed)}"
    elif wrong := _WRONG_TYPE.search(complaint):
        kinds = " or ".join(_KINDS.get(kind, kind) for kind in wrong.group("expected").split(" | "))
        complaint = f"expected {kinds}, got {_KINDS.get(wrong.group('given'), wrong.group('given'))}"
    return f"{path}:{_line(root, steps, on_key=False)}: `{_dotted(steps)}`: {complaint}"


def explain_problem(path: Path, root: Node, problem: Problem) -> str:
    """What `scaffold.validation` found, with its line."""
    advice = nearest(problem.given, problem.known) if problem.given is not None else ""
    place = f"{path}:{_line(root, problem.steps, on_key=problem.on_key)}"
    return f"{place}: `{_dotted(problem.steps)}`: {problem.reason}{advice}"


def _steps(path: str) -> tuple[str | int, ...]:
    """The steps of a msgspec path such as `.stages[0].program[...]`; an ellipsis means "some key of this mapping"."""
    steps: list[str | int] = []
    for name, index in _STEP.findall(path):
        steps.append(name if name else (index if index == "..." else int(index)))
    return tuple(steps)


def _resolve_any(data: Any, steps: tuple[str | int, ...], fits: Callable[[Any], bool]) -> tuple[str | int, ...]:
    """Put the first fitting key where msgspec says `[...]`, because it does not name the keys of a mapping."""
    if "..." not in steps:
        return steps
    at = steps.index("...")
    outer = _value_at(data, steps[:at])
    rest = steps[at + 1 :]
    for key in outer if isinstance(outer, dict) else ():
        candidate = (*steps[:at], key, *rest)
        if _exists(data, candidate) and fits(_value_at(data, candidate)) and _fails(outer[key], candidate[: at + 1]):
            return _resolve_any(data, candidate, fits)
    return steps[:at]


def _fails(value: Any, steps: tuple[str | int, ...]) -> bool:
    """Whether msgspec objects to this value alone."""
    info = _type_at(steps)
    if not isinstance(info, msgspec.inspect.StructType):
        return True
    try:
        msgspec.convert(value, info.cls)
    except msgspec.ValidationError:
        return True
    return False


def _type_at(steps: tuple[str | int, ...]) -> Any:
    """What the spec language has at a place, as msgspec describes types; `None` where it has nothing."""
    info: Any = msgspec.inspect.type_info(Spec)
    for step in steps:
        if isinstance(info, msgspec.inspect.StructType):
            field = next((field for field in info.fields if field.encode_name == step), None)
            if field is None:
                return None
            info = field.type
        elif isinstance(info, msgspec.inspect.DictType):
            info = info.value_type
        elif isinstance(info, msgspec.inspect.VarTupleType):
            info = info.item_type
        else:
            return None
        if isinstance(info, msgspec.inspect.UnionType):
            info = next((kind for kind in info.types if not isinstance(kind, msgspec.inspect.NoneType)), info.types[0])
    return info


def _fields_at(steps: tuple[str | int, ...]) -> list[str]:
    info = _type_at(steps)
    return [field.encode_name for field in info.fields] if isinstance(info, msgspec.inspect.StructType) else []


def _choices_at(steps: tuple[str | int, ...]) -> list[str]:
    info = _type_at(steps)
    return [str(value) for value in info.values] if isinstance(info, msgspec.inspect.LiteralType) else []


def _value_at(data: Any, steps: tuple[str | int, ...]) -> Any:
    for step in steps:
        data = data[step]
    return data


def _exists(data: Any, steps: tuple[str | int, ...]) -> bool:
    try:
        _value_at(data, steps)
    except (KeyError, IndexError, TypeError):
        return False
    return True


def _line(root: Node, steps: tuple[str | int, ...], *, on_key: bool) -> int:
    """The line, from 1, of the value at a place or of its key; of the deepest part that exists."""
    node, line = root, root.start_mark.line
    for step in steps:
        if isinstance(node, MappingNode):
            pair = next(((key, value) for key, value in node.value if key.value == str(step)), None)
            if pair is None:
                break
            line = pair[0].start_mark.line if on_key else pair[1].start_mark.line
            node = pair[1]
        elif isinstance(node, SequenceNode) and isinstance(step, int) and step < len(node.value):
            node = node.value[step]
            line = node.start_mark.line
        else:
            break
    return int(line) + 1


def _dotted(steps: tuple[str | int, ...]) -> str:
    text = ""
    for step in steps:
        text += f"[{step}]" if isinstance(step, int) else f".{step}" if text else str(step)
    return text


def nearest(given: str, known: Sequence[str]) -> str:
    """`; did you mean ...?` with the valid name that looks most like the given one; empty where none does."""
    close = difflib.get_close_matches(given, known, n=1, cutoff=0.5)
    return f"; did you mean {close[0]!r}?" if close else ""
