"""`linter baseline`: keep a project's known findings in a file, and keep that file no longer than need be."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from linter.commands.progress import Progress
from linter.commands.request import (
    baseline_option,
    cache_options,
    file_options,
    overrides,
    paths_argument,
    refusing,
    request,
    working_directory,
)
from linter.errors import LinterError


if TYPE_CHECKING:
    from linter.baseline import Baseline


@click.command("baseline")
@paths_argument
@file_options
@cache_options
@baseline_option
@click.option("--grow", is_flag=True, help="Add findings that a baseline does not list yet.")
@click.option("--check", "only_check", is_flag=True, help="Write nothing; list what is no longer found.")
@refusing
def baseline_command(paths: tuple[Path, ...], grow: bool, only_check: bool, **options: Any) -> None:
    """Write the findings of files and folders to a baseline, which `check` then leaves out.

    A baseline that is there loses what is no longer found, and gains nothing unless --grow is given.

    Exit code 0: written (with --check: nothing is stale). 1: --check found stale entries. 2: the request cannot be
    carried out.
    """
    from linter.baseline import DEFAULT_NAME, Baseline, counted, read_baseline, written
    from linter.engine import check
    from linter.report.view import View
    from linter.settings import read_settings
    from linter.writing import write

    settings = read_settings(working_directory(), overrides(options))
    file = settings.baseline or settings.root / DEFAULT_NAME
    old = read_baseline(file) if only_check or file.exists() else None
    places = _places(paths, settings.root, old, file)
    asked = request(tuple(settings.root / place for place in places), options)
    with Progress("Checking") as progress:
        report = check(asked.files, asked.config, asked.cache, progress=progress)
    view = View(asked.here)
    found = counted(report.findings, view)
    if only_check and old is not None:
        stale = old.counts - found
        for key in sorted(stale):
            click.echo(f"{key.code} {key.symbol or 'module'}: {stale[key]} no longer found: {key.line}")
        click.echo(f"{view.path(file)}: {stale.total()} of {old.counts.total()} stale.")
        sys.exit(1 if stale else 0)
    new = Baseline(places, found) if old is None or grow else old.shrunk_to(found)
    write(file, written(new))
    click.echo(_outcome(view.path(file), old, new, (found - new.counts).total()))


def _places(paths: tuple[Path, ...], root: Path, old: Baseline | None, file: Path) -> tuple[str, ...]:
    """The paths that a baseline is of, relative to the configuration's folder.

    Keys hold no path, so a baseline of a part cannot be told from one whose other part was mended.
    """
    here = working_directory()
    given = tuple(sorted({Path(os.path.relpath(here / path, root)).as_posix() for path in paths}))
    if old is not None and given and given != old.paths:
        raise LinterError(
            f"{file} is of {', '.join(old.paths)}, not of {', '.join(given)}. Name no path to keep to that, or delete "
            "the file to start anew."
        )
    return given or (old.paths if old is not None else (Path(os.path.relpath(here, root)).as_posix(),))


def _outcome(name: str, old: Baseline | None, new: Baseline, left_out: int) -> str:
    text = f"{name}: {_findings(new.counts.total())}"
    if old is not None:
        gone, added = (old.counts - new.counts).total(), (new.counts - old.counts).total()
        text += f", {gone} fewer and {added} more than before"
    if left_out:
        text += f"; {_findings(left_out)} not in it (`--grow` adds)"
    return f"{text}."


def _findings(number: int) -> str:
    return f"{number} finding{'' if number == 1 else 's'}"
