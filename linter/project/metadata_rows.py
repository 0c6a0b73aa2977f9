"""The rows of a `metadata()`: the dictionary entries and assignments that tell a class attribute by its name."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass

from linter.facts import Span
from linter.facts.extract import value_of
from linter.facts.paths import Places
from linter.facts.statements import statement_at
from linter.facts.values import Value
from linter.project.views import Module


@dataclass(frozen=True)
class MetadataRow:
    """One row.

    `literal` is the value that it tells, None where it is read from somewhere; `mentions` are the names that it reads
    attributes by, or passes as text.
    """

    name: str
    span: Span
    literal: Value | None
    mentions: frozenset[str]


def rows_in(module: Module, place: Span, names: frozenset[str]) -> Iterator[MetadataRow]:
    """The rows in a function or statement for attributes of these names.

    What stands under a condition that asks for the attribute tells what the condition says.
    """
    places = Places(module.source.lines, module.source.text.isascii())
    tree = statement_at(module.source.lines, place)
    asked = {
        id(inner): mentioned
        for node in ast.walk(tree)
        if isinstance(node, (ast.If, ast.IfExp)) and (mentioned := _mentions(node.test) & names)
        for inner in ast.walk(node)
    }
    for node in ast.walk(tree):
        for key, value in _pairs(node):
            if isinstance(key, ast.Constant) and key.value in names and key.value not in asked.get(id(key), ()):
                yield MetadataRow(key.value, places.span(key), _literal(value), _mentions(value) & names)


def _pairs(node: ast.AST) -> Iterator[tuple[ast.expr | None, ast.expr]]:
    """The keys and values of a dictionary, or of an assignment to an element of one."""
    if isinstance(node, ast.Dict):
        yield from zip(node.keys, node.values, strict=True)
    elif isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Subscript):
        yield node.targets[0].slice, node.value


def _literal(node: ast.expr) -> Value | None:
    """The value that a row tells: its own, or the first of a tuple of value, text and explanation."""
    if isinstance(node, ast.Tuple) and node.elts:
        node = node.elts[0]
    try:
        ast.literal_eval(node)
    except (ValueError, TypeError, SyntaxError):
        return None
    return value_of(node)


def _mentions(node: ast.expr) -> frozenset[str]:
    found = set()
    for part in ast.walk(node):
        if isinstance(part, ast.Attribute):
            found.add(part.attr)
        elif isinstance(part, ast.Constant) and isinstance(part.value, str):
            found.add(part.value)
    return frozenset(found)
