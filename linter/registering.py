"""Edits of the tables that a class is registered in, made on the concrete tree: one name goes in where the order wants
it, nothing else moves.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any


if TYPE_CHECKING:
    import libcst as cst


def insert_string(text: str, name: str) -> str | None:
    """The source of a list of strings with one more; None where it is not such a list."""
    import libcst as cst

    node = cst.parse_expression(text)
    if not isinstance(node, cst.List):
        return None
    names = [element.value.raw_value for element in node.elements if isinstance(element.value, cst.SimpleString)]
    if len(names) != len(node.elements):
        return None
    new = cst.Element(cst.SimpleString(f'"{name}"'))
    elements = _inserted(node.elements, new, _place(names, name), node.lbracket.whitespace_after)
    return cst.Module([]).code_for_node(node.with_changes(elements=elements))


def insert_import(text: str, name: str) -> str | None:
    """The source of a `from ... import` statement with one more name; None where it is not such a statement."""
    import libcst as cst

    statement = cst.parse_statement(text)
    node = statement.body[0] if isinstance(statement, cst.SimpleStatementLine) else None
    if not isinstance(node, cst.ImportFrom) or isinstance(node.names, cst.ImportStar):
        return None
    names = [alias.name.value for alias in node.names if isinstance(alias.name, cst.Name)]
    opening = node.lpar.whitespace_after if node.lpar else cst.SimpleWhitespace(" ")
    aliases = _inserted(node.names, cst.ImportAlias(cst.Name(name)), _place(names, name), opening)
    return cst.Module([]).code_for_node(node.with_changes(names=aliases))


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
