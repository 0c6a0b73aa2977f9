"""einops calls with literal patterns, written with the operations that tensors have themselves."""

from __future__ import annotations

import ast
import re
from collections.abc import Sequence


FUNCTIONS = ("rearrange", "repeat", "reduce")
_TOKEN = re.compile(r"\s*(\.\.\.|[()]|\w+)")
_REDUCTIONS = {"mean": "mean", "sum": "sum", "max": "amax", "min": "amin"}
_REST = "..."

Group = tuple[str, ...]
"""The axes that one dimension is made of; none of a dimension of size one."""


def native_call(function: str, text: str) -> str | None:
    """The source of an einops call in terms of `unflatten`, `permute`, `flatten` and their kin.

    Args:
        function: One of `FUNCTIONS`.
        text: The source of the call.

    Returns:
        The new source; None where the call has no such form, or its pattern is not literal.
    """
    call = ast.parse(text, mode="eval").body
    if not isinstance(call, ast.Call) or len(call.args) != (3 if function == "reduce" else 2):
        return None
    texts = [item.value if isinstance(item, ast.Constant) else None for item in call.args[1:]]
    if not isinstance(texts[0], str) or None in [keyword.arg for keyword in call.keywords]:
        return None
    # A list of tensors would have to be stacked first.
    if isinstance(call.args[0], (ast.List, ast.Tuple, ast.ListComp, ast.GeneratorExp, ast.Starred)):
        return None
    reduction = _REDUCTIONS.get(str(texts[1])) if function == "reduce" else ""
    sizes = {str(keyword.arg): ast.unparse(keyword.value) for keyword in call.keywords}
    sides = [_groups(side) for side in texts[0].split("->")]
    if reduction is None or len(sides) != 2 or sides[0] is None or sides[1] is None:
        return None
    steps = _steps(function, sides[0], sides[1], sizes, reduction)
    if steps is None:
        return None
    tensor = ast.get_source_segment(text, call.args[0]) or ast.unparse(call.args[0])
    if not isinstance(call.args[0], (ast.Name, ast.Attribute, ast.Call, ast.Subscript)):
        tensor = f"({tensor})"
    return tensor + "".join(steps)


def _groups(side: str) -> list[Group] | None:
    """The dimensions of one side of a pattern; None where it says more than names, brackets, ones and dots."""
    found: list[Group] = []
    inside: list[str] | None = None
    position = 0
    side = side.strip()
    while position < len(side):
        match = _TOKEN.match(side, position)
        if match is None or (match[1].isdigit() and match[1] != "1") or (match[1] == _REST and found + (inside or [])):
            return None
        position, token = match.end(), match[1]
        if token == "(":
            if inside is not None:
                return None
            inside = []
        elif token == ")":
            if inside is None:
                return None
            found.append(tuple(inside))
            inside = None
        elif inside is not None:
            if token == _REST:
                return None
            inside += [] if token == "1" else [token]
        else:
            found.append(() if token == "1" else (token,))
    return found if inside is None else None


def _steps(
    function: str, left: list[Group], right: list[Group], sizes: dict[str, str], reduction: str
) -> list[str] | None:
    """The method calls that turn the left side into the right side, one after the other."""
    axes, wanted = [axis for group in left for axis in group], [axis for group in right for axis in group]
    new, gone = [axis for axis in wanted if axis not in axes], [axis for axis in axes if axis not in wanted]
    if len(set(axes)) != len(axes) or len(set(wanted)) != len(wanted):
        return None
    if (new and function != "repeat") or (gone and function != "reduce") or any(axis not in sizes for axis in new):
        return None
    # Behind an unknown number of leading dimensions places are counted from the end.
    has_rest = _REST in axes
    if has_rest and (_REST not in wanted or new or gone or () in left or () in right):
        return None
    steps = _split(left, sizes, has_rest)
    if steps is None:
        return None
    units = [place for place, axis in enumerate(_expanded(left)) if not axis]
    steps += [f".squeeze({place})" for place in reversed(units)]
    if gone:
        places = ", ".join(str(axes.index(axis)) for axis in gone)
        steps.append(f".{reduction}({places})" if len(gone) == 1 else f".{reduction}(({places}))")
        axes = [axis for axis in axes if axis in wanted]
    moved = _moved(axes, [axis for axis in wanted if axis in axes], has_rest)
    if moved is None:
        return None
    steps += moved
    if new:
        steps += [f".unsqueeze({place})" for place, axis in enumerate(wanted) if axis in new]
        steps.append(f".expand({', '.join(sizes[axis] if axis in new else '-1' for axis in wanted)})")
    return (
        steps + _joined(right, has_rest) + [f".unsqueeze({place})" for place, group in enumerate(right) if not group]
    )


def _expanded(groups: Sequence[Group]) -> list[str]:
    """The axes of all dimensions, with an empty name for one of size one."""
    return [axis for group in groups for axis in group or ("",)]


def _split(groups: list[Group], sizes: dict[str, str], from_end: bool) -> list[str] | None:
    """The steps that give each axis a dimension of its own; None where two sizes of a dimension are unknown."""
    steps = []
    # From the last to the first, so that places before a split stay; from the end it is the other way round.
    for place, group in enumerate(groups) if from_end else reversed(list(enumerate(groups))):
        parts = [sizes.get(axis, "-1") for axis in group]
        if parts.count("-1") > 1:
            return None
        if len(group) > 1:
            steps.append(f".unflatten({place - len(groups) if from_end else place}, ({', '.join(parts)}))")
    return steps


def _moved(axes: list[str], wanted: list[str], from_end: bool) -> list[str] | None:
    """The step that brings the axes into another order."""
    order = [axes.index(axis) for axis in wanted]
    out_of_place = [place for place, axis in enumerate(order) if place != axis]
    if not out_of_place:
        return []
    if len(out_of_place) == 2:
        first, second = (place - len(axes) if from_end else place for place in out_of_place)
        return None if from_end and 0 in out_of_place else [f".transpose({first}, {second})"]
    return None if from_end else [f".permute({', '.join(map(str, order))})"]


def _joined(groups: list[Group], from_end: bool) -> list[str]:
    """The steps that make one dimension of the axes of each group."""
    steps = []
    count = sum(len(group) for group in groups)
    starts = [sum(len(group) for group in groups[:place]) for place in range(len(groups))]
    pairs = list(zip(starts, groups, strict=True))
    for start, group in pairs if from_end else reversed(pairs):
        first = start - count if from_end else start
        if len(group) > 1:
            steps.append(f".flatten({first}, {first + len(group) - 1})")
    return steps
