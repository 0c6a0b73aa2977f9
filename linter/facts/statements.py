"""The statements that a line lies in, found by going down from the module to that line."""

from __future__ import annotations

import ast
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from functools import lru_cache

from linter.facts.values import Span


_BLOCKS = ("body", "orelse", "finalbody", "handlers", "cases")
"""The fields of syntax nodes that hold statements, or what holds statements."""
_DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)


def statement_at(lines: Sequence[str], span: Span) -> ast.stmt:
    """The syntax of a statement, parsed anew, with its places in the file.

    Args:
        lines: The file's lines.
        span: Where the statement stands.
    """
    text = list(lines[span.line - 1 : span.end_line])
    text[-1] = text[-1][: span.end_column]
    before = text[0][: span.column]
    # What stands before it on its line is no part of it, but keeps its place.
    text[0] = (before if not before.strip(" \t") else " " * len(before.encode())) + text[0][span.column :]
    # Under a condition of its own an indented statement parses as it stands, whatever its strings and comments hold.
    head = ["if 1:"] if span.column else []
    # Empty lines bring it to its own line, which is quicker than to move every node of it.
    above = [""] * (span.line - 1 - len(head))
    tree = ast.parse("\n".join([*above, *head, *text])).body[0]
    statement = tree.body[0] if isinstance(tree, ast.If) and head else tree
    return ast.increment_lineno(statement, -1) if head and span.line == 1 else statement


def begins_in_string(tree: ast.Module, line: int) -> bool:
    """Whether a line begins inside a string."""
    return any(
        line in _lines_in_strings(statement) for statement, _ in _around(tree, line) if not hasattr(statement, "body")
    )


@lru_cache(maxsize=1)
def _lines_in_strings(statement: ast.stmt) -> frozenset[int]:
    """The lines that begin inside a string of a statement; many comments may stand in one statement."""
    return frozenset(
        line
        for node in ast.walk(statement)
        if isinstance(node, (ast.Constant, ast.JoinedStr))
        for line in range(node.lineno + 1, (node.end_lineno or node.lineno) + 1)
    )


def definition_at(tree: ast.Module, line: int) -> tuple[str, int]:
    """The qualified name of the definition whose `def`, or one of whose decorators, begins on a line, and the line of
    its `def`; empty and 0 where none does.
    """
    for statement, prefix in _around(tree, line):
        if isinstance(statement, _DEFINITIONS):
            begins = (statement.lineno, *(node.lineno for node in statement.decorator_list))
            if line in begins:
                return prefix + statement.name, statement.lineno
    return "", 0


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
    for block in _BLOCKS:
        children = getattr(node, block, [])
        if children and not isinstance(children[0], ast.stmt):
            for child in children:
                yield from _around(child, line, prefix)
            continue
        # They stand in order, and of those that begin on this line or before it only the last ones may reach it.
        last = bisect_right(children, line, key=first_line)
        first = last
        while first and (children[first - 1].end_lineno or 0) >= line:
            first -= 1
        for child in children[first:last]:
            yield child, prefix
            yield from _around(child, line, f"{prefix}{child.name}." if isinstance(child, _DEFINITIONS) else prefix)
