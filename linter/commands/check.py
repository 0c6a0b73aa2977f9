"""`linter check`: say where files leave the conventions."""

from __future__ import annotations

import dataclasses
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from linter.commands.progress import Progress
from linter.commands.request import Request, baseline_option, paths_argument, refusing, request, run_options
from linter.errors import LinterError
from linter.report import FORMATS


if TYPE_CHECKING:
    from linter.changes import Changes
    from linter.engine import Report


_STDIN = Path("-")


@click.command("check")
@paths_argument
@run_options
@baseline_option
@click.option(
    "--output-format",
    type=click.Choice(FORMATS),
    default="concise",
    show_default=True,
    help="How findings are written.",
)
@click.option(
    "--output-file", type=click.Path(path_type=Path, dir_okay=False), help="Write there, not to standard output."
)
@click.option("--statistics", is_flag=True, help="Write how often each rule is broken (as concise or json).")
@click.option(
    "--changed",
    is_flag=False,
    flag_value="",
    metavar="[BASE]",
    help="Only findings on lines that differ from where the working tree parted from BASE, a commit (the default "
    "branch where it is not named). Name paths before it.",
)
@click.option(
    "--stdin-filename",
    type=click.Path(path_type=Path),
    help="Check standard input, as the text of this file of the project.",
)
@click.option("--exit-zero", is_flag=True, help="End with 0 whatever is found.")
@click.option("--show-files", is_flag=True, help="List the files that would be checked, and check none.")
@click.option("--show-settings", is_flag=True, help="Show the settings in force, and check nothing.")
@refusing
def check_command(
    paths: tuple[Path, ...],
    output_format: str,
    output_file: Path | None,
    statistics: bool,
    changed: str | None,
    stdin_filename: Path | None,
    exit_zero: bool,
    show_files: bool,
    show_settings: bool,
    **options: Any,
) -> None:
    """Check files and folders (the current one where none is named).

    Exit code 0: nothing found. 1: findings. 2: the request cannot be carried out, or a file cannot be read.
    """
    from linter.report import render
    from linter.report.statistics import render_statistics
    from linter.report.view import View

    asked = request(paths, options, _stdin(paths, stdin_filename))
    if show_settings:
        from linter.commands.config import shown_settings

        click.echo(shown_settings(asked.settings, asked.here))
        return
    view = View(asked.here, asked.contents)
    if show_files:
        for path in asked.files:
            click.echo(view.path(path))
        return
    report = _found(asked, changed)
    text = render_statistics(report, output_format) if statistics else render(report, output_format, view)
    if output_file is not None:
        from linter.writing import write

        content = click.unstyle(text) + "\n" * bool(text)
        write(asked.here / output_file, content.encode("utf-8", "backslashreplace"))
    elif text:
        click.echo(text)
    sys.exit(0 if exit_zero else report.exit_code)


def _stdin(paths: tuple[Path, ...], filename: Path | None) -> tuple[Path, bytes] | None:
    """The file that standard input stands for, and its text; None where files are checked."""
    if filename is None:
        if _STDIN in paths:
            raise LinterError("`-` reads standard input and needs `--stdin-filename PATH`, its place in the project.")
        return None
    if set(paths) - {_STDIN}:
        raise LinterError("`--stdin-filename` checks standard input alone. Name no path besides `-`.")
    return filename, sys.stdin.buffer.read()


def _found(asked: Request, changed: str | None) -> Report:
    """What is found, without what the baseline knows and, where asked, without what was there before."""
    from linter.engine import check

    files = asked.files
    changes: Changes | None = None
    if changed is not None:
        from linter.changes import changes_since

        changes = changes_since(changed, asked.here)
        files = [path for path in files if changes.touch_file(path)]
    with Progress("Checking") as progress:
        report = check(files, asked.config, asked.cache, asked.contents, progress)
    report = without_known(report, asked)
    if changes is not None:
        report = dataclasses.replace(report, findings=tuple(filter(changes.touch, report.findings)))
    return report


def without_known(report: Report, asked: Request) -> Report:
    """A report without the findings that the baseline lists, where there is one."""
    if asked.config.baseline is None:
        return report
    from linter.baseline import read_baseline
    from linter.report.view import View

    known = read_baseline(asked.config.baseline)
    shown = known.unknown(report.findings, View(asked.here, asked.contents))
    return dataclasses.replace(report, findings=shown)
