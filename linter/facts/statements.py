"""The statements that a line lies in, found by going down from the module to that line."""

from __future__ import annotations

import ast
from collections.abc import Iterator


_BLOCKS = ("body", "orelse", "finalbody", "handlers", "cases")
"""The fields of syntax nodes that hold statements, or what holds statements."""
_DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)


def begins_in_string(tree: ast.Module, line: int) -> bool:
    """Whether a line begins inside a string."""
    return any(
        node.lineno < line <= (node.end_lineno or 0)
        for statement, _ in _around(tree, line)
        if not hasattr(statement, "body")
        for node in ast.walk(statement)
        if isinstance(node, (ast.Constant, ast.JoinedStr))
    )


def definition_at(tree: ast.Module, line: int) -> str:
    """The qualified name of the definition whose decorators or `def` begin on a line; empty where none does."""
    for statement, prefix in _around(tree, line):
        if isinstance(statement, _DEFINITIONS) and line in (first_line(statement), statement.lineno):
            return prefix + statement.name
    return ""


def last_line(tree: ast.Module, line: int) -> int:
    """The last line of the statement that begins on a line, or the line itself."""
    ends = [
        statement.end_lineno or line
        for statement, _ in _around(tree, line)
        if line in (first_line(statement), statement.lineno)
    ]
    return max(ends, default=line)


def first_line(statement: ast.stmt) -> int:
    """The line that a statement begins on, its decorators included."""
    decorators = statement.decorator_list if isinstance(statement, _DEFINITIONS) else ()
    return min([statement.lineno, *(node.lineno for node in decorators)])


def _around(node: ast.AST, line: int, prefix: str = "") -> Iterator[tuple[ast.stmt, str]]:
    """The statements that hold a line, outermost first, each with the qualified name, and its dot, of what it stands
    in.
    """
    for child in (child for block in _BLOCKS for child in getattr(node, block, ())):
        if not isinstance(child, ast.stmt):
            yield from _around(child, line, prefix)
        # Most lie elsewhere, which the ends tell sooner than the beginnings.
        elif (child.end_lineno or child.lineno) >= line >= first_line(child):
            yield child, prefix
            yield from _around(child, line, f"{prefix}{child.name}." if isinstance(child, _DEFINITIONS) else prefix)
