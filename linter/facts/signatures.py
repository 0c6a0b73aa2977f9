"""What stands around bodies: the names that imports bind, decorators, parameters."""

from __future__ import annotations

import ast
from collections.abc import Iterable

from linter.facts.paths import Places, path_of
from linter.facts.values import Decorator, Import, Parameter


def imports_of(node: ast.Import | ast.ImportFrom, places: Places) -> list[Import]:
    """The names that an import statement binds."""
    statement = places.span(node)
    if isinstance(node, ast.Import):
        return [
            # `import a.b` binds `a`; `import a.b as c` binds `c` to the whole.
            Import(
                alias.asname or alias.name.partition(".")[0],
                alias.name if alias.asname else alias.name.partition(".")[0],
                places.span(alias),
                statement,
            )
            for alias in node.names
        ]
    module = "." * node.level + (node.module or "")
    separator = "" if module.endswith(".") or not module else "."
    return [
        Import(alias.asname or alias.name, f"{module}{separator}{alias.name}", places.span(alias), statement)
        for alias in node.names
    ]


def decorators_of(nodes: Iterable[ast.expr], places: Places) -> tuple[Decorator, ...]:
    """The decorators of a definition, first to last."""
    found = []
    for node in nodes:
        called = isinstance(node, ast.Call)
        arguments = tuple(path_of(argument) for argument in node.args) if isinstance(node, ast.Call) else ()
        path = path_of(node.func) if isinstance(node, ast.Call) else path_of(node)
        found.append(Decorator(path, called, arguments, places.span(node)))
    return tuple(found)


def parameters_of(arguments: ast.arguments, places: Places) -> tuple[Parameter, ...]:
    """The parameters of a signature, in order."""
    found: list[Parameter] = []
    positional = [*arguments.posonlyargs, *arguments.args]
    defaults: list[ast.expr | None] = [None] * (len(positional) - len(arguments.defaults))
    for node, default in zip(positional, [*defaults, *arguments.defaults], strict=True):
        found.append(Parameter(node.arg, "positional", _annotation(node, places), path_of(default), places.span(node)))
    if arguments.vararg:
        found.append(
            Parameter(
                arguments.vararg.arg, "*", _annotation(arguments.vararg, places), "", places.span(arguments.vararg)
            )
        )
    for node, default in zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True):
        found.append(Parameter(node.arg, "keyword", _annotation(node, places), path_of(default), places.span(node)))
    if arguments.kwarg:
        found.append(
            Parameter(
                arguments.kwarg.arg, "**", _annotation(arguments.kwarg, places), "", places.span(arguments.kwarg)
            )
        )
    return tuple(found)


def _annotation(node: ast.arg, places: Places) -> str:
    if node.annotation is None:
        return ""
    # A project writes the same few hundred annotations again and again.
    written = places.text(places.span(node.annotation))
    if written not in _plain:
        try:
            _plain[written] = ast.unparse(node.annotation)
        except ValueError:
            # A number of thousands of digits, which Python refuses to write.
            _plain[written] = path_of(node.annotation)
    return _plain[written]


_plain: dict[str, str] = {}
"""Annotations as they are written, and as `ast` writes them."""
