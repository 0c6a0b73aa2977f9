"""Edits of the tables that a class is registered in, made on the concrete tree: one name goes in where the order wants
it, nothing else moves.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from linter.facts import Span


if TYPE_CHECKING:
    import libcst as cst


def insert_string(text: str, container: Span, name: str) -> str | None:
    """The text with a string added to the list at a place; None where no list of strings stands there.

    Args:
        text: The file's text.
        container: Where the list begins and ends.
        name: The string.
    """
    import libcst as cst

    tree = cst.parse_module(text)
    node = _node_at(tree, container, cst.List)
    if not isinstance(node, cst.List):
        return None
    names = [element.value.raw_value for element in node.elements if isinstance(element.value, cst.SimpleString)]
    if len(names) != len(node.elements):
        return None
    new = cst.Element(cst.SimpleString(f'"{name}"'))
    elements = _inserted(node.elements, new, _place(names, name), node.lbracket.whitespace_after)
    return cst.ensure_type(tree.deep_replace(node, node.with_changes(elements=elements)), cst.Module).code


def insert_import(text: str, statement: Span, name: str) -> str | None:
    """The text with a name added to the `from ... import` statement at a place; None where none stands there."""
    import libcst as cst

    tree = cst.parse_module(text)
    node = _node_at(tree, statement, cst.ImportFrom)
    if not isinstance(node, cst.ImportFrom) or isinstance(node.names, cst.ImportStar):
        return None
    names = [alias.name.value for alias in node.names if isinstance(alias.name, cst.Name)]
    opening = node.lpar.whitespace_after if node.lpar else cst.SimpleWhitespace(" ")
    aliases = _inserted(node.names, cst.ImportAlias(cst.Name(name)), _place(names, name), opening)
    return cst.ensure_type(tree.deep_replace(node, node.with_changes(names=aliases)), cst.Module).code


def insert_statement(text: str, neighbour: Span, code: str, before: bool) -> str | None:
    """The text with a statement line added directly before or after the one that spans a place, at its indentation."""
    lines = text.split("\n")
    neighbouring = lines[neighbour.line - 1]
    indent = neighbouring[: len(neighbouring) - len(neighbouring.lstrip())]
    line_end = "\r" if neighbouring.endswith("\r") else ""
    lines.insert(neighbour.line - 1 if before else neighbour.end_line, f"{indent}{code}{line_end}")
    return "\n".join(lines)


def _place(names: Sequence[str], name: str) -> int:
    """Where a name goes in a list: at its place where the list is sorted, by letters or without regard to case, else
    at the end.
    """
    for key in (lambda item: item, str.casefold):
        ordered = [key(item) for item in names]
        if ordered == sorted(ordered):
            return sum(item < key(name) for item in ordered)
    return len(names)


def _inserted(elements: Sequence[Any], new: Any, index: int, opening: cst.BaseParenthesizableWhitespace) -> list[Any]:
    """The elements with a new one among them, with the white space that the others have."""
    import libcst as cst

    found = list(elements)
    if not found:
        return [new]
    if len(found) > 1:
        between = found[0].comma.whitespace_after
    else:
        between = opening if isinstance(opening, cst.ParenthesizedWhitespace) else cst.SimpleWhitespace(" ")
    comma = cst.Comma(whitespace_after=between)
    if index < len(found):
        found.insert(index, new.with_changes(comma=comma))
    else:
        last = found[-1]
        found[-1] = last.with_changes(comma=comma)
        found.append(new.with_changes(comma=last.comma))
    return found


def _node_at(tree: cst.Module, span: Span, kind: type[cst.CSTNode]) -> cst.CSTNode | None:
    from libcst.metadata import MetadataWrapper, PositionProvider

    positions = MetadataWrapper(tree, unsafe_skip_copy=True).resolve(PositionProvider)
    for node, position in positions.items():
        if isinstance(node, kind) and (position.start.line, position.start.column) == (span.line, span.column):
            return node
    return None
