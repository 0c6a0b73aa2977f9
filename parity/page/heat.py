"""The map of a bisection: how far each module of the candidate is from its partner, block beside block."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass

from parity.bisection.bisect import Bisection, Passage


# Differences beyond the tolerance have one of so many shades, evenly spread over the powers of ten up to 1.
_SHADES = 5
_SMALLEST = 1e-7


@dataclass(frozen=True)
class Cell:
    """One module.

    Attributes:
        shade: 0 if it agrees to the bit, 1 within the tolerance, then up to 6; 7 where it cannot be measured.
        text: The difference in few letters.
        title: All there is to say of it.
        is_found: Whether it is the module that the bisection names.
    """

    shade: int
    text: str
    title: str
    is_found: bool


@dataclass(frozen=True)
class Row:
    """The modules of one place in all blocks of a stack; None in blocks that have none."""

    label: str
    depth: int
    cells: tuple[Cell | None, ...]


@dataclass(frozen=True)
class Grid:
    """A stack of blocks, a column each; or the modules outside of stacks, in one column."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[Row, ...]


def draw_map(result: Bisection) -> tuple[Grid, ...]:
    """Puts all modules that were compared into grids, in the order in which the candidate has them."""
    modules: dict[str, list[Passage]] = {}
    for passage in result.passages:
        modules.setdefault(passage.candidate, []).append(passage)
    found = result.finding.passage.candidate if result.finding else None
    stacks: dict[str, dict[str, dict[str, Cell]]] = {}
    blocks = Counter(stack for stack, _, inner in map(_split, modules) if not inner)
    for path, passages in modules.items():
        stack, block, inner = _split(path)
        if blocks[stack] < 2:  # one number alone, as in `to_out.0`, is a name
            stack, block, inner = "", "", path
        stacks.setdefault(stack, {}).setdefault(inner, {})[block] = _cell(path, passages, result.tolerance, found)
    return tuple(_grid(stack, places) for stack, places in sorted(stacks.items(), key=lambda entry: bool(entry[0])))


def _split(path: str) -> tuple[str, str, str]:
    """The stack, the block's number, and the place inside the block; no stack where no part of a path is a number."""
    parts = path.split(".")
    at = next((index for index, part in enumerate(parts) if index and part.isdecimal()), None)
    return ("", "", path) if at is None else (".".join(parts[:at]), parts[at], ".".join(parts[at + 1 :]))


def _grid(stack: str, places: dict[str, dict[str, Cell]]) -> Grid:
    columns = sorted({block for cells in places.values() for block in cells}, key=lambda block: int(block or 0))
    rows = [
        Row(label, depth, tuple(places[path].get(block) for block in columns))
        for path, label, depth in _as_tree(list(places), "whole block" if stack else "whole model")
    ]
    return Grid(stack, tuple(columns) if stack else ("difference",), tuple(rows))


def _as_tree(paths: list[str], root: str) -> list[tuple[str, str, int]]:
    """Paths with what holds them first, each with what it is called below that, and how deep it lies."""
    children: dict[str | None, list[str]] = {}
    for path in paths:
        holders = [other for other in paths if other != path and (not other or path.startswith(f"{other}."))]
        children.setdefault(max(holders, key=len, default=None), []).append(path)
    ordered: list[tuple[str, str, int]] = []

    def visit(holder: str | None, depth: int) -> None:
        for path in children.get(holder, []):
            ordered.append((path, path.removeprefix(f"{holder}.") if holder else path or root, depth))
            visit(path, depth + 1)

    visit(None, 0)
    return ordered


def _cell(path: str, passages: list[Passage], tolerance: float, found: str | None) -> Cell:
    leaving, entering = (max(getattr(each, side) for each in passages) for side in ("leaving", "entering"))
    partners = ", ".join(dict.fromkeys(each.reference or "the whole model" for each in passages))
    calls = len({each.call for each in passages})
    often = f", in {calls} calls" if calls > 1 else ""
    title = (
        f"{path or 'the whole model'}{often}: inputs {_words(entering)}, output {_words(leaving)}; beside {partners}"
    )
    return Cell(_shade(leaving, tolerance), _short(leaving), title, path == found)


def _shade(value: float, tolerance: float) -> int:
    if value <= tolerance:
        return int(value > 0)
    if value == math.inf:
        return 2 + _SHADES
    lowest = math.log10(max(tolerance, _SMALLEST))
    return 2 + min(_SHADES - 1, max(0, int(_SHADES * (math.log10(value) - lowest) / -lowest)))


def _short(value: float) -> str:
    if value == math.inf:
        return "nan"
    mantissa, _, exponent = f"{value:.0e}".partition("e")
    return "0" if value == 0 else f"{mantissa}e{int(exponent)}"


def _words(value: float) -> str:
    if value == math.inf:
        return "not finite, or of sizes that do not fit"
    return "equal" if value == 0 else f"off by {value:.1e} of the largest value"
