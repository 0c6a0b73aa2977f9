"""Faults to plant into a generated `model.py`, and the comparison that has to see them.

Each is a function from the module's text to the wrong one.
They find their places in the code, not in a preset, so that every preset can be tried with all of them. `None` means
that the model has no place for the fault.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterator
from typing import Any

from scaffold.spec import Spec
from tests.scaffold.layouts import are_scattered, layouts
from tests.scaffold.pairs import Pair, largest_difference, run


# The pairs that modulation can confuse; the first that a tuple holds is swapped.
_CONFUSED = (("shift", "scale"), ("scale", "gate"), ("gate", "gate"))


def swap_shift_and_scale(source: str, spec: Spec) -> str | None:
    """Two parameters of every modulation trade places where they are unpacked."""
    replacements = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Tuple):
            names = [each for each in ast.walk(node.targets[0]) if isinstance(each, ast.Name)]
            if pair := _confused(names):
                one, other = pair
                replacements += [(one, other.id), (other, one.id)]
    return _replaced(source, replacements) if replacements else None


def _confused(names: list[ast.Name]) -> tuple[ast.Name, ast.Name] | None:
    for first, second in _CONFUSED:
        one = next((name for name in names if first in name.id), None)
        other = next((name for name in names if second in name.id and name is not one), None)
        if one and other:
            return one, other
    return None


def drop_sublayer(source: str, spec: Spec) -> str | None:
    """The first sublayer of the first kind of block adds nothing."""
    for addition in _additions(source, spec.stages[0].block):
        return _replaced(source, [(addition, ast.get_source_segment(source, addition.left))])
    return None


def _additions(source: str, block: str) -> Iterator[ast.BinOp]:
    """What a block adds to its own streams: `hidden_states + ...`, in the order of the code."""
    (class_,) = (node for node in ast.parse(source).body if isinstance(node, ast.ClassDef) and node.name == block)
    (forward,) = (node for node in class_.body if isinstance(node, ast.FunctionDef) and node.name == "forward")
    for statement in ast.walk(forward):
        if isinstance(statement, ast.Assign) and isinstance(statement.targets[0], ast.Name):
            stream = statement.targets[0].id
            for node in ast.walk(statement.value):
                if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
                    left = node.left.func.value if _is_method_call(node.left) else node.left
                    if isinstance(left, ast.Name) and left.id == stream:
                        yield node


def _is_method_call(node: ast.expr) -> bool:
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)


def change_theta(source: str, spec: Spec) -> str | None:
    """The base of the rotary frequencies is another one."""
    altered, count = re.subn(r"(theta(?:: \w+)? ?= ?)(\d+)", lambda match: f"{match[1]}3{match[2]}", source)
    return altered if count else None


def lose_contiguous(source: str, spec: Spec) -> str | None:
    """No tensor is laid out anew."""
    altered = source.replace(".contiguous()", "")
    return altered if altered != source else None


def _replaced(source: str, replacements: list[tuple[ast.expr, str]]) -> str:
    """The text with other text for some nodes, none inside another."""
    lines = source.encode().splitlines(keepends=True)
    starts = [0]
    for line in lines:
        starts.append(starts[-1] + len(line))
    text = source.encode()
    for node, new in sorted(replacements, key=lambda each: (each[0].lineno, each[0].col_offset), reverse=True):
        begin, end = starts[node.lineno - 1] + node.col_offset, starts[node.end_lineno - 1] + node.end_col_offset
        text = text[:begin] + new.encode() + text[end:]
    return text.decode()


# Each fault with the word that its place would show in diffusers' own module, if the architecture had one.
FAULTS: dict[str, tuple[Callable[[str, Spec], str | None], str]] = {
    "swapped shift and scale": (swap_shift_and_scale, "scale"),
    "a dropped sublayer": (drop_sublayer, "hidden_states"),
    "another RoPE theta": (change_theta, "theta"),
    "a lost .contiguous()": (lose_contiguous, ".contiguous()"),
}


def is_seen(pair: Pair, inputs: dict[str, Any]) -> bool:
    """Whether the comparison with diffusers' class tells the two apart: by numbers, by layout, by a failure."""
    theirs = run(pair.theirs, inputs)
    try:
        ours = run(pair.ours, inputs)
        # A layer that is left out shows by its missing gradient.
        if ours.keys() != theirs.keys() or largest_difference(ours, theirs) > 0:
            return True
        return are_scattered(layouts(pair.ours, inputs), layouts(pair.theirs, inputs))
    except RuntimeError:
        return True
