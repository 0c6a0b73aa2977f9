"""Functions inside functions. Facts count what they do as done by the function around them, so they are read here from
the file's text, by the few who ask for one of them.
"""

from __future__ import annotations

import ast
import warnings
from collections.abc import Iterator

from linter.facts.bodies import function_facts
from linter.facts.paths import Places
from linter.project.queries import kept_query
from linter.project.views import Function, Module


@kept_query
def nested_functions(module: Module) -> tuple[Function, ...]:
    """The functions of a file that stand in a function, in source order within each."""
    source = module.source
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        tree = ast.parse(source.text)
    places = Places(source.lines, source.text.isascii())
    # What they use is among the words of the function around them.
    return tuple(
        Function(module, function_facts(node, prefix, places, set()), None) for node, prefix in _below(tree, "", False)
    )


def _below(node: ast.AST, prefix: str, inside: bool) -> Iterator[tuple[ast.FunctionDef | ast.AsyncFunctionDef, str]]:
    """The functions below a node that stand in a function, each with the qualified name, and its dot, of what it
    stands in.
    """
    for child in ast.iter_child_nodes(node):
        if isinstance(child, (ast.FunctionDef, ast.AsyncFunctionDef)):
            if inside:
                yield child, prefix
            yield from _below(child, f"{prefix}{child.name}.", True)
        elif isinstance(child, ast.ClassDef):
            yield from _below(child, f"{prefix}{child.name}.", inside)
        elif not isinstance(child, ast.expr):
            yield from _below(child, prefix, inside)
