"""Sizes in a spec: small formulas over config entries, such as `num_attention_heads * attention_head_dim`."""

from __future__ import annotations

import ast
import math
import re
from collections.abc import Collection, Mapping
from typing import Any


_ALLOWED = (
    ast.Expression,
    ast.Name,
    ast.Load,
    ast.Constant,
    ast.Tuple,
    ast.Subscript,
    ast.BinOp,
    ast.Add,
    ast.Sub,
    ast.Mult,
    ast.Div,
    ast.FloorDiv,
    ast.Pow,
    ast.UnaryOp,
    ast.USub,
    ast.Not,
    ast.BoolOp,
    ast.Or,
    ast.And,
    ast.IfExp,
    ast.Compare,
    ast.Is,
    ast.IsNot,
    ast.Eq,
    ast.NotEq,
    ast.Gt,
    ast.Lt,
    ast.In,
    ast.NotIn,
    ast.Call,
)
# Functions of numbers or one tuple; everything else is arithmetic.
_FUNCTIONS = ("int", "float", "len", "sum", "max", "min", "math.prod")


class ExpressionError(Exception):
    """A formula that cannot be one; `unknown` is the name in it that nothing defines, if that is what is wrong."""

    def __init__(self, reason: str, unknown: str | None = None):
        super().__init__(reason)
        self.unknown = unknown


def short_exponents(source: str) -> str:
    """Python source with the exponents of small numbers as a person writes them: `1e-6`, where Python says `1e-06`."""
    return re.sub(r"(?<=\de-)0(?=\d\b)", "", source)


class Expression(str):
    """Python source of a formula whose names are config entries, as a constructor can use it.

    Attributes:
        names: what it reads.
    """

    names: tuple[str, ...]

    def __new__(cls, source: object) -> Expression:
        text = short_exponents(source if isinstance(source, str) else repr(source))
        self = super().__new__(cls, text)
        self.names = tuple(dict.fromkeys(_names(text)))
        return self

    @property
    def is_condition(self) -> bool:
        """Whether it compares or negates, so that its value is true or false."""
        formula = ast.parse(str(self), mode="eval").body
        negates = isinstance(formula, ast.UnaryOp) and isinstance(formula.op, ast.Not)
        return negates or isinstance(formula, ast.Compare)

    def renamed(self, prefixes: dict[str, str]) -> Expression:
        """The formula with a prefix before each name that has one, such as `self.config.`."""
        tree = ast.parse(str(self), mode="eval")
        for node in ast.walk(tree):
            if isinstance(node, ast.Name) and node.id in prefixes:
                node.id = prefixes[node.id] + node.id
        return Expression(ast.unparse(tree))


def _names(text: str) -> list[str]:
    try:
        tree = ast.parse(text, mode="eval")
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return []
    nodes = [node for node in ast.walk(tree) if isinstance(node, ast.Name)]
    functions = {name.partition(".")[0] for name in _FUNCTIONS}
    return [node.id for node in nodes if node.id not in functions]


def check_expression(text: str, known: Collection[str]) -> None:
    """Make sure that a formula only does arithmetic on known names.

    Raises:
        ExpressionError: it is no formula, does more than arithmetic, or reads what nothing defines.
    """
    try:
        tree = ast.parse(text, mode="eval")
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        raise ExpressionError(f"{text!r} is not a formula over config entries") from None
    called = {id(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)}
    inside = {id(part) for node in ast.walk(tree) if id(node) in called for part in ast.walk(node)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and ast.unparse(node.func) not in _FUNCTIONS:
            raise ExpressionError(f"{ast.unparse(node.func)!r} cannot be called here; {', '.join(_FUNCTIONS)} can")
        if id(node) in inside:
            continue
        if not isinstance(node, _ALLOWED):
            raise ExpressionError(f"{text!r} is more than a formula over config entries")
    for name in _names(text):
        if name not in known:
            raise ExpressionError(f"{name!r} is not an entry of `config`", name)


def evaluate(formula: str, values: Mapping[str, Any]) -> Any:
    """The value of a checked formula.

    Raises:
        ArithmeticError, TypeError, LookupError, ValueError: these values do not fit the formula.
    """
    functions = {"int": int, "float": float, "len": len, "sum": sum, "max": max, "min": min, "math": math}
    return eval(compile(formula, "<formula>", "eval"), {"__builtins__": {}, **functions, **values})
