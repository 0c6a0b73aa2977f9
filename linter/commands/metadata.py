"""`linter metadata`: what a model class declares that it can do, and what its wiring lacks."""

from __future__ import annotations

import json
import textwrap
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from linter.commands.request import cache_options, file_options, refusing, request


if TYPE_CHECKING:
    from linter.metadata.wiring import Row
    from linter.project import Class
    from linter.report.view import View


SCHEMA = 1
_WIDTH = 119
_VALUE = 60
"""The longest line of a value."""


@click.command("metadata")
@click.argument("name", metavar="CLASS")
@click.argument("path", required=False, type=click.Path(path_type=Path))
@click.option("--output-format", type=click.Choice(["text", "json"]), default="text", show_default=True)
@file_options
@cache_options
@refusing
def metadata_command(name: str, path: Path | None, output_format: str, **options: Any) -> None:
    """Show what a model class declares that it can do, and whether the wiring that each capability needs is there.

    CLASS is a class's name, with its package before it (of an installed one, too) or its file (`model.py:Model`). It
    is looked for in the file or folder PATH, the current folder where none is named.

    A capability is `wired` where its rules find nothing, `broken` where they do, `declared` where they cannot tell
    without running it, and `missing` where it is not declared and a rule asks for it.
    """
    from linter.config import Config
    from linter.engine import check
    from linter.files import Files
    from linter.metadata.lookup import find_model
    from linter.metadata.wiring import capability_codes, capability_rows, grounds
    from linter.project import Project
    from linter.report.view import View

    asked = request((path,) if path else (), options)
    view = View(asked.here)
    cls = find_model(name, asked.files, Project(Files(asked.cache, {})), view)
    # What the class was found through is kept for the run of the rules.
    asked.cache.keep_checked({})
    codes = capability_codes()
    config = Config(asked.here, codes, codes, (), (), asked.config.cache_dir, None)
    rows = capability_rows(cls, check(grounds(cls), config, asked.cache).findings)
    click.echo("\n".join(_table(cls, rows, view)) if output_format == "text" else _document(cls, rows, view))


def _table(cls: Class, rows: Sequence[Row], view: View) -> Iterator[str]:
    """A line for each capability that is declared or asked for, with its findings below it."""
    colours = {"wired": "green", "broken": "red", "declared": "yellow", "missing": "red"}
    shown = [row for row in rows if row.declaration is not None or row.findings]
    places = [_place(row) for row in shown]
    names, columns = (max(map(len, texts), default=0) for texts in ([row.capability.name for row in shown], places))
    yield click.style(f"What {cls.name} declares", bold=True) + f"  {view.path(cls.module.path)}:{_line(cls)}"
    for row, place in zip(shown, places, strict=True):
        first, *others = _cell(row) or [""]
        line = f"{row.capability.name:<{names}}  {row.status.value:<8}  {place:<{columns}}  {first}".rstrip()
        yield line.replace(row.status.value, click.style(row.status.value, fg=colours[row.status.value]), 1)
        yield from (" " * (names + columns + 14) + other for other in others)
        for finding in row.findings:
            yield f"    {view.path(finding.path)}:{finding.span.line}: {finding.code} {finding.message}"
    absent = [row.capability.name for row in rows if row not in shown]
    if absent:
        yield from textwrap.wrap(f"Absent: {', '.join(absent)}", _WIDTH, subsequent_indent=" " * 8)
    counts = Counter(row.status.value for row in shown)
    yield f"{', '.join(f'{counts[name]} {name}' for name in colours if counts[name])}."


def _document(cls: Class, rows: Sequence[Row], view: View) -> str:
    """All rows as one JSON document, by their names."""
    from linter.report.json_format import finding_fields

    capabilities = {
        row.capability.name: {
            "status": row.status.value,
            "value": row.declaration and row.declaration.value,
            "path": row.declaration and view.path(row.declaration.module.path),
            "line": row.declaration and row.declaration.span.line,
            "doc": row.capability.doc,
            "rules": list(row.capability.rules),
            "findings": [finding_fields(finding, view) for finding in row.findings],
        }
        for row in rows
    }
    document = {
        "schema": SCHEMA,
        "model": cls.qualname,
        "path": view.path(cls.module.path),
        "line": _line(cls),
        "capabilities": capabilities,
    }
    return json.dumps(document, indent=2)


def _cell(row: Row) -> list[str]:
    """The lines of a value: at least one for each key of a mapping."""
    value = row.declaration.value if row.declaration else ""
    if isinstance(value, Mapping):
        texts = [f"{key}: {', '.join(each)}" for key, each in value.items()]
    else:
        texts = [", ".join(value) if isinstance(value, tuple) else str(value)]
    return [line for text in texts for line in textwrap.wrap(text, _VALUE, break_on_hyphens=False)]


def _line(cls: Class) -> int:
    return cls.facts.header.line


def _place(row: Row) -> str:
    """File name and line: most declarations are of the file in the title."""
    declared = row.declaration
    return f"{declared.module.path.name}:{declared.span.line}" if declared else ""
