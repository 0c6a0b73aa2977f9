"""Edits that put imports of packages that only some users have under the question whether they are there."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from linter.edits.importing import behind_imports, with_import
from linter.facts import Span
from linter.findings import Edit
from linter.project import Module


_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)


def with_guard(module: Module, package: str, question: str) -> tuple[Edit, ...]:
    """The edits that move the imports of a package behind a file's other imports, under a condition.

    Args:
        module: The file.
        package: The package, as it is imported.
        question: The absolute name of the function that says whether it is there.

    Returns:
        The edits; none where the file uses the package as soon as it is loaded, so that a condition alone is no help,
        or where the function would be imported in a circle.
    """
    home, _, asked = question.rpartition(".")
    path, source = str(module.path), module.source
    tree = ast.parse(source.text)
    statements = [
        node for node in tree.body if isinstance(node, (ast.Import, ast.ImportFrom)) and package in _packages(node)
    ]
    names = {alias.asname or alias.name.partition(".")[0] for node in statements for alias in node.names}
    imported = with_import(module, question)
    if (
        f"{module.name}.".startswith(f"{home}.")
        or not (imported or asked in module.imports)
        or any(_packages(node) != {package} or not _has_its_lines(node, source.lines) for node in statements)
        or any(isinstance(node, ast.Name) and node.id in names for node in _run_at_once(tree))
    ):
        return ()
    texts = [source.lines[node.lineno - 1 : node.end_lineno] for node in statements]
    body = "".join(f"    {line}\n" for lines in texts for line in lines)
    line = behind_imports(module)
    is_followed = line <= len(source.lines) and source.lines[line - 1].strip()
    block = f"\nif {asked}():\n{body}" + ("\n" if is_followed else "")
    taken_out = [Edit(path, Span(node.lineno, 0, (node.end_lineno or node.lineno) + 1, 0), "") for node in statements]
    return (*taken_out, *imported, Edit(path, Span(line, 0, line, 0), block))


def _packages(node: ast.stmt) -> set[str]:
    """The top-level packages that an import statement takes from; none for what is no such statement."""
    if isinstance(node, ast.Import):
        return {alias.name.partition(".")[0] for alias in node.names}
    return {(node.module or "").partition(".")[0]} if isinstance(node, ast.ImportFrom) and not node.level else set()


def _has_its_lines(node: ast.stmt, lines: list[str]) -> bool:
    """Whether a statement shares its lines with no other."""
    end = lines[(node.end_lineno or node.lineno) - 1].encode()[node.end_col_offset :]
    return not node.col_offset and not end.partition(b"#")[0].strip()


def _run_at_once(node: ast.AST) -> Iterator[ast.AST]:
    """The syntax that runs when a file is loaded: all but the bodies of functions."""
    yield node
    later = node.body if isinstance(node, _FUNCTIONS) else []
    for child in ast.iter_child_nodes(node):
        if child is not later and not (isinstance(later, list) and child in later):
            yield from _run_at_once(child)
