"""The string tables of lazy `__init__` files: which name each submodule is said to define, behind which backends."""

from __future__ import annotations

import ast
import re

from linter.facts.paths import Places, path_of
from linter.facts.values import LazyEntry, Span


_TABLE = "_import_structure"
_AVAILABLE = re.compile(r"^is_(\w+)_available$")


def backends_of(node: ast.AST) -> tuple[str, ...]:
    """The backends that a test asks for:

    `is_torch_available()` gives `torch`. Of a `try`, those its body raises without.
    """
    parts = node.body if isinstance(node, ast.Try) else [node]
    found: list[str] = []
    for part in parts:
        for child in ast.walk(part):
            if isinstance(child, ast.Call) and (match := _AVAILABLE.match(path_of(child.func).rpartition(".")[2])):
                found.append(match[1])
    return tuple(dict.fromkeys(found))


class LazyTable:
    """Collects entries from every spelling: a dict, an item set to a list, `append`, `extend`, `+=`, `update`."""

    def __init__(self, places: Places) -> None:
        self._places = places
        self.entries: list[LazyEntry] = []
        self.is_complete = True

    def assignment(self, target: ast.expr, value: ast.expr, backends: tuple[str, ...], fallback: bool) -> None:
        """Takes `_import_structure = {...}`, `_import_structure["submodule"] = [...]` and their `+=`."""
        if isinstance(target, ast.Name) and target.id == _TABLE:
            self._table(value, backends, fallback)
        elif isinstance(target, ast.Subscript) and path_of(target.value) == _TABLE:
            self._names(_string(target.slice), value, backends, fallback)

    def call(self, node: ast.expr, backends: tuple[str, ...], fallback: bool) -> None:
        """Takes `_import_structure["submodule"].extend([...])`, `.append("Name")` and
        `_import_structure.update({...})`.
        """
        if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)):
            return
        receiver, argument = node.func.value, node.args[0] if node.args else None
        if isinstance(receiver, ast.Name) and receiver.id == _TABLE:
            if node.func.attr == "update" and argument is not None:
                self._table(argument, backends, fallback)
        elif isinstance(receiver, ast.Subscript) and path_of(receiver.value) == _TABLE and argument is not None:
            self._names(_string(receiver.slice), argument, backends, fallback)

    def _table(self, node: ast.expr, backends: tuple[str, ...], fallback: bool) -> None:
        if not isinstance(node, ast.Dict):
            self.is_complete = False
            return
        for key, value in zip(node.keys, node.values, strict=True):
            self._names(_string(key), value, backends, fallback)

    def _names(self, submodule: str | None, node: ast.expr, backends: tuple[str, ...], fallback: bool) -> None:
        elements = node.elts if isinstance(node, (ast.List, ast.Tuple, ast.Set)) else [node]
        container: Span = self._places.span(node)
        for element in elements:
            name = _string(element)
            if submodule is None or name is None:
                # What stands in for a missing backend is computed from the dummy module, which is then what is kept.
                self.is_complete = self.is_complete and fallback
                if not fallback or submodule is None:
                    continue
                name = "*"
            self.entries.append(LazyEntry(submodule, name, self._places.span(element), container, backends, fallback))


def _string(node: ast.expr | None) -> str | None:
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else None
