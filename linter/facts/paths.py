"""Paths and spans: the short text of an expression, and where it stands."""

from __future__ import annotations

import ast
import re
from bisect import bisect_right
from collections.abc import Sequence
from itertools import accumulate

from linter.facts.values import Span


_LONGEST_CONSTANT = 200
_HEADER = re.compile(r"(async\s+def|def|class)\s+(?=\w)")


def path_of(node: ast.AST | None) -> str:
    """The path of an expression (see `linter.facts.values`)."""
    if node is None:
        return ""
    kind = node.__class__
    if kind is ast.Name:
        return node.id  # type: ignore[attr-defined,no-any-return]
    if kind is ast.Attribute:
        return f"{path_of(node.value)}.{node.attr}"  # type: ignore[attr-defined]
    if kind is ast.Call:
        return f"{path_of(node.func)}()"  # type: ignore[attr-defined]
    if kind is ast.Subscript:
        return f"{path_of(node.value)}[]"  # type: ignore[attr-defined]
    if kind is ast.Constant:
        return path_of_constant(node.value)  # type: ignore[attr-defined]
    if kind is ast.UnaryOp and node.operand.__class__ is ast.Constant:  # type: ignore[attr-defined]
        return f"-{path_of(node.operand)}" if node.op.__class__ is ast.USub else "?"  # type: ignore[attr-defined]
    if kind is ast.Await or kind is ast.Starred or kind is ast.NamedExpr:
        return path_of(node.value)  # type: ignore[attr-defined]
    return "?"


def path_of_constant(value: object) -> str:
    """The path of a constant, by its value."""
    if isinstance(value, int) and value.bit_length() > _LONGEST_CONSTANT:
        # Python refuses to write thousands of digits, and takes its time for hundreds of thousands.
        return hex(value)[:_LONGEST_CONSTANT]
    return repr(value)[:_LONGEST_CONSTANT] if value is not Ellipsis else "..."


class Places:
    """Turns the byte offsets of syntax nodes into spans counted in characters."""

    def __init__(self, lines: Sequence[str], is_ascii: bool) -> None:
        self._lines = lines
        # Only in these lines do characters and bytes count differently.
        self._wide = frozenset(
            () if is_ascii else (number for number, line in enumerate(lines, start=1) if not line.isascii())
        )
        self._measured: tuple[int, list[int]] = 0, []

    def column(self, line: int, offset: int) -> int:
        """The character column of a byte offset in a line."""
        if line not in self._wide:
            return offset
        # A long line is asked about often, and in one go.
        if self._measured[0] != line:
            self._measured = line, list(accumulate(len(character.encode()) for character in self._lines[line - 1]))
        return bisect_right(self._measured[1], offset)

    def span(self, node: ast.expr | ast.stmt | ast.arg | ast.alias) -> Span:
        """The span of a node."""
        line, start = node.lineno, node.col_offset
        end_line = node.end_lineno or line
        end = node.end_col_offset or start
        if line in self._wide:
            start = self.column(line, start)
        if end_line in self._wide:
            end = self.column(end_line, end)
        return Span(line, start, end_line, end)

    def text(self, span: Span) -> str:
        """The source between the span's ends, on one line."""
        if span.line == span.end_line:
            return self._lines[span.line - 1][span.column : span.end_column]
        first = self._lines[span.line - 1][span.column :]
        middle = self._lines[span.line : span.end_line - 1]
        last = self._lines[span.end_line - 1][: span.end_column]
        return " ".join(part.strip() for part in (first, *middle, last))

    def name(self, node: ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef) -> Span:
        """The span of the name in a `def` or `class` line."""
        line = self._lines[node.lineno - 1] if node.lineno <= len(self._lines) else ""
        start = self.column(node.lineno, node.col_offset)
        if found := _HEADER.match(line, start):
            start = found.end()
        return Span(node.lineno, start, node.lineno, start + len(node.name))
