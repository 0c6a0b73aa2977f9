"""Edits of what a class declares: one more base, one more class attribute."""

from __future__ import annotations

import ast

from linter.edits.importing import in_own_library, with_import
from linter.facts import Span
from linter.facts.statements import statement_at
from linter.findings import Edit
from linter.project import Class


def with_base(cls: Class, target: str) -> tuple[Edit, ...]:
    """The edits after which a class inherits one more class, behind its other bases; none where it cannot be imported.

    Args:
        cls: A class that inherits something.
        target: The base's absolute name.
    """
    module = cls.module
    package, _, name = in_own_library(module, target).rpartition(".")
    imported = with_import(module, target)
    if not cls.facts.base_spans or (not imported and name not in module.facts.bindings):
        return ()
    home = module.project.module(package, module.root)
    if home is not None and any(source.startswith(f"{module.name}.") for source in home.imports.values()):
        # The base's own file imports this one: neither could be loaded first.
        return ()
    last = cls.facts.base_spans[-1]
    behind = Span(last.end_line, last.end_column, last.end_line, last.end_column)
    before = module.source.lines[last.line - 1][: last.column]
    separator = ", " if before.strip() else f",\n{before}"
    return (*imported, Edit(str(module.path), behind, f"{separator}{name}"))


def with_attributes(cls: Class, statements: tuple[str, ...]) -> tuple[Edit, ...]:
    """The edit that puts assignments behind the class attributes that lead a class's body, or behind its docstring.

    None where the body begins on the line of the `class`.
    """
    lines, span = cls.module.source.lines, cls.facts.span
    tree = statement_at(lines, span)
    assert isinstance(tree, ast.ClassDef), "the span is a class's"
    body = tree.body
    if body[0].lineno == tree.lineno or (len(body) > 1 and body[0].end_lineno == body[1].lineno):
        return ()
    leading = 1 if ast.get_docstring(tree, clean=False) is not None else 0
    while leading < len(body) and isinstance(body[leading], (ast.Assign, ast.AnnAssign)):
        leading += 1
    indent = " " * body[0].col_offset
    text = "".join(f"{indent}{statement}\n" for statement in statements)
    if leading:
        line = body[leading - 1].end_lineno or 0
        text = text if isinstance(body[leading - 1], (ast.Assign, ast.AnnAssign)) else f"\n{text}"
        is_followed = line < len(lines) and leading < len(body) and lines[line].strip()
        text = f"{text}\n" if is_followed else text
    else:
        first = body[0]
        line = min([first.lineno, *(item.lineno for item in getattr(first, "decorator_list", ()))]) - 1
        while not lines[line - 1].strip() or lines[line - 1].lstrip().startswith("#"):
            line -= 1
        if isinstance(first, ast.Pass) and len(body) == 1:
            # The assignments take the place of a body that is there only to be one.
            return (Edit(str(cls.module.path), Span(first.lineno, 0, first.lineno + 1, 0), text),)
        text = f"{text}\n" if lines[line].strip() else text
    return (Edit(str(cls.module.path), Span(line + 1, 0, line + 1, 0), text),)
