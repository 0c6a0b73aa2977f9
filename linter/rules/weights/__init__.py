"""WGT: how weights are loaded and how their keys are mapped."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

from linter.facts import Attribute, Span
from linter.facts.paths import Places
from linter.facts.statements import statement_at
from linter.project import Function, Module
from linter.project.queries import kept_query


GUIDE = "models.md#weights-and-lora"
_CONVERTS = re.compile(r"convert|remap|map_(to|from)_|(to|from)_diffusers|lora_state_dict")


@dataclass(frozen=True)
class Conversion:
    """A function that brings the keys of one format of weights to another, with its syntax tree."""

    function: Function
    tree: ast.FunctionDef | ast.AsyncFunctionDef
    places: Places

    def span(self, node: ast.expr | ast.stmt) -> Span:
        """Where a part of it stands in its file."""
        return self.places.span(node)


def conversions(module: Module, *doing: str) -> Iterator[Conversion]:
    """The functions of a file that convert weights, by their names, and do something.

    Args:
        module: The file.
        doing: What they call, one of these at the least, such as `.pop`.
    """
    for function in _converting(module):
        found = conversion(function) if any(map(function.facts.mentions, doing)) else None
        if found is not None:
            yield found


@kept_query
def _converting(module: Module) -> list[Function]:
    functions = (item for item in module.definitions.values() if isinstance(item, Function))
    return [function for function in functions if _CONVERTS.search(function.name.lower())]


@kept_query
def conversion(function: Function) -> Conversion | None:
    """A function as one that converts weights."""
    tree = statement_at(function.module.source.lines, function.facts.span)
    if not isinstance(tree, (ast.FunctionDef, ast.AsyncFunctionDef)):
        return None
    return Conversion(function, tree, places_of(function.module))


@lru_cache(maxsize=1)
def places_of(module: Module) -> Places:
    """What turns the places of a syntax tree into those of the file."""
    return Places(module.source.lines, module.source.text.isascii())


def value_of(module: Module, attribute: Attribute) -> ast.expr | None:
    """The syntax tree of what a module or a class assigns, with its places in the file."""
    statement = statement_at(module.source.lines, attribute.span)
    return statement.value if isinstance(statement, (ast.Assign, ast.AnnAssign)) else None


def tables_of(module: Module) -> Iterator[Attribute]:
    """The assignments of a file's own body and of its classes'."""
    yield from module.facts.attributes
    for cls in module.facts.classes:
        yield from cls.attributes


def strings(node: ast.expr) -> list[tuple[str, ast.expr]]:
    """The string constants that an expression is, or that are the elements of one, each with its node."""
    elements = node.elts if isinstance(node, (ast.Tuple, ast.List, ast.Set)) else [node]
    return [(item.value, item) for item in elements if isinstance(item, ast.Constant) and isinstance(item.value, str)]
