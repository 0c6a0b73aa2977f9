"""Edits of what a file imports: a name that comes in, where possible by the import that its package has already, and
one that nothing uses any more.
"""

from __future__ import annotations

import re

from linter.edits.registering import extended_import, without_element
from linter.facts import Import, Span
from linter.findings import Edit
from linter.project import Module
from linter.project.views import top_level


def with_import(module: Module, target: str) -> tuple[Edit, ...]:
    """The edit after which a file imports a name; none where it does so already or has no import to stand beside.

    Args:
        module: The file.
        target: The absolute name, such as `diffusers.utils.apply_lora_scale`.
    """
    package, _, name = in_own_library(module, target).rpartition(".")
    if name in module.facts.bindings:
        return ()
    plain = [item for item in module.facts.imports if not item.type_checking and not item.backends]
    same = next((item for item in plain if _takes_from(module, item, package)), None)
    if same is not None:
        text = extended_import(module.source.between(same.statement), name)
        return (Edit(str(module.path), same.statement, text),) if text else ()
    line = behind_imports(module)
    if not line:
        return ()
    statement = f"from {_spelled(module, package)} import {name}\n"
    return (Edit(str(module.path), Span(line, 0, line, 0), statement),)


def behind_imports(module: Module) -> int:
    """The line behind the last import at the margin, 0 where there is none to stand beside."""
    plain = [item for item in module.facts.imports if not item.type_checking and not item.backends]
    at_margin = [item for item in plain if item.statement.column == 0 and not item.target.startswith("__future__.")]
    return max((item.statement.end_line for item in at_margin), default=-1) + 1


def in_own_library(module: Module, target: str) -> str:
    """The name at the same place of the library that a file lies in, where that has it; else the name itself.

    A library that is shaped like diffusers brings its own bases.
    """
    own = f"{top_level(module.name)}.{target.partition('.')[2]}"
    return own if module.package and module.project.definition(own, module.root) is not None else target


def without_unused_import(module: Module, name: str, edits: tuple[Edit, ...]) -> tuple[Edit, ...]:
    """The edit that takes an imported name out of a file that does not use it after `edits`; none where it does.

    A mention in a string or a comment counts as a use.
    """
    item = next((item for item in module.facts.imports if item.name == name and item.statement.column == 0), None)
    if item is None:
        return ()
    lines = list(module.source.lines)
    for edit in sorted(edits, key=lambda edit: (edit.span.line, edit.span.column), reverse=True):
        span = edit.span
        joined = lines[span.line - 1][: span.column] + edit.text + lines[span.end_line - 1][span.end_column :]
        # The lines keep their numbers, for the edits before this one.
        lines[span.line - 1 : span.end_line] = [joined, *[""] * (span.end_line - span.line)]
    statement = item.statement
    rest = [*lines[: statement.line - 1], *lines[statement.end_line :]]
    if any(re.search(rf"\b{re.escape(name)}\b", line) for line in rest):
        return ()
    same = [other.span for other in module.facts.imports if other.statement == statement]
    edit_out = without_element(module.source, item.span, statement, same)
    if edit_out is None:
        return ()
    behind = (statement.end_line + 1, 0)
    if edit_out.span.line < statement.line and any((edit.span.line, edit.span.column) == behind for edit in edits):
        # What comes in behind it takes its place, and is set off as it was.
        edit_out = Edit(edit_out.path, Span(statement.line, 0, *behind), "")
    return (edit_out,)


def _takes_from(module: Module, item: Import, package: str) -> bool:
    return module.absolute(item.target).rpartition(".")[0] == package and item.target.rpartition(".")[0] != ""


def _spelled(module: Module, package: str) -> str:
    """The package as the file would write it: relative within one library."""
    own, other = module.package.split("."), package.split(".")
    if not module.package or own[0] != other[0]:
        return package
    shared = 0
    while shared < min(len(own), len(other)) and own[shared] == other[shared]:
        shared += 1
    return "." * (len(own) - shared + 1) + ".".join(other[shared:])
