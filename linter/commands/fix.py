"""`linter fix`: mend what has a fix."""

from __future__ import annotations

import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

import click

from linter.commands.check import without_known
from linter.commands.request import baseline_option, paths_argument, refusing, request, run_options
from linter.errors import LinterError, UnreadableFile


@click.command("fix")
@paths_argument
@run_options
@baseline_option
@click.option("--diff", is_flag=True, help="Show what would change and write nothing.")
@click.option("--unsafe-fixes", is_flag=True, help="Make fixes too that may change what the program does.")
@refusing
def fix_command(paths: tuple[Path, ...], diff: bool, unsafe_fixes: bool, **options: Any) -> None:
    """Mend what has a fix, and report what is left.

    Exit code 0: nothing is left (with --diff: nothing would change). 1: something is. 2: the request cannot be carried
    out, or a file cannot be read.
    """
    from linter.fixing import fix
    from linter.report import render
    from linter.report.diff import unified
    from linter.report.view import View
    from linter.source import digest_of, read_bytes
    from linter.writing import write

    asked = request(paths, options)
    fixed = fix(asked.files, asked.config, asked.cache, unsafe_fixes)
    if diff:
        click.echo(unified(fixed.contents, View(asked.here)), nl=False)
        sys.exit(1 if fixed.contents else 0)
    for path, content in fixed.contents.items():
        with suppress(UnreadableFile):
            if digest_of(read_bytes(path)) == fixed.digests[str(path)]:
                write(path, content)
                continue
        raise LinterError(f"{path}: has changed since it was checked, and is left as it is. Run this again.")
    if fixed.applied:
        click.echo(f"{fixed.applied} mended in {len(fixed.contents)} file{'s' if len(fixed.contents) > 1 else ''}.")
    left = without_known(fixed.report, asked)
    click.echo(render(left, "concise", View(asked.here)))
    sys.exit(left.exit_code)
