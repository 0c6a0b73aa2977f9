"""In which order a tensor has its heads and its tokens, followed from where it is split into heads."""

from __future__ import annotations

import re

from linter.facts import Call, Write
from linter.project.views import Function


_DEEPEST = 4
_KEEPS = re.compile(r"norm|rot|rope|emb")
_SWAPS = ("transpose", "swapaxes", "swapdims")
_SWAPPED = ({"1", "2"}, {"-2", "-3"})
_RESHAPES = ("view", "reshape", "permute", "flatten", "unflatten", "movedim", *_SWAPS)


def heads_come_first(function: Function, name: str, use: Call) -> bool | None:
    """Whether a tensor has its heads before its tokens where a call takes it; None where that is not sure."""
    return _layout(function, name, (use.span.line, use.span.column), depth=0)


def _layout(function: Function, name: str, place: tuple[int, int], depth: int) -> bool | None:
    """Whether the heads of a tensor come first at a place; None where that is not sure."""
    heads_first: bool | None = None
    for write in function.facts.writes if depth < _DEEPEST else ():
        if write.target != name or (write.span.line, write.span.column) >= place:
            continue
        after = _after(function, write, heads_first, depth)
        # What only one branch does leaves the other one's layout open.
        heads_first = after if not write.guards or after is heads_first or heads_first is None else None
    return heads_first


def _after(function: Function, write: Write, before: bool | None, depth: int) -> bool | None:
    """Whether the heads come first after an assignment; None where that is not sure."""
    steps = [
        call for call in function.facts.calls if call.assigned == write.target and _belongs(function, call, write)
    ]
    if write.kind != "=" or not steps:
        return None
    taken = {name for step in steps for name in _taken(function, step)}
    if write.target in taken:
        layout = before
    else:
        place = (write.span.line, write.span.column)
        layouts = {_layout(function, name, place, depth + 1) for name in taken} - {None}
        layout = layouts.pop() if len(layouts) == 1 else None
    # Of a chain of methods the facts give the last call first.
    for step in reversed([step for step in steps if step.parent == -1]):
        if _splits(step):
            layout = False
        elif _swaps(step):
            layout = None if layout is None else not layout
        elif step.method in _RESHAPES:
            layout = None
    return layout


def _belongs(function: Function, call: Call, write: Write) -> bool:
    """Whether a call stands in the statement of an assignment."""
    later = [other.span.line for other in function.facts.writes if other.span.line > write.span.line]
    return write.span.line <= call.span.line < min(later, default=call.span.line + 1)


def _taken(function: Function, step: Call) -> list[str]:
    """The names whose layout a call keeps: what it is a method of, joins, normalises or rotates."""
    if step.method in ("cat", "concat"):
        joined = function.module.source.between(step.span).partition("[")[2].partition("]")[0]
        return [name.strip() for name in joined.split(",")]
    first = [argument.path for argument in step.arguments[:1]] if _KEEPS.search(step.method) else []
    return [*first, step.receiver.partition(".")[0]]


def _splits(step: Call) -> bool:
    sizes = [argument.path for argument in step.arguments]
    if step.method == "unflatten":
        return sizes[:1] in (["-1"], ["2"])
    return step.method in ("view", "reshape") and len(sizes) == 4 and "head" in sizes[2] and "head" not in sizes[1]


def _swaps(step: Call) -> bool:
    places = [argument.path for argument in step.arguments]
    if step.method in _SWAPS:
        return set(places) in _SWAPPED
    return step.method == "permute" and places == ["0", "2", "1", "3"]
