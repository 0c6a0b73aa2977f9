"""`linter skills`: hold a pack of guides and skills to the rules, and to the commands that it shows."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from linter.commands.request import refusing, working_directory
from linter.report import FORMATS


_WITH_COVERAGE = ("concise", "full", "grouped")


@click.command("skills")
@click.argument("pack", required=False, type=click.Path(path_type=Path))
@click.option("--select", multiple=True, metavar="CODES", help="Rules to run, comma-separated; by default all of SKL.")
@click.option("--ignore", multiple=True, metavar="CODES", help="Rules to leave out.")
@click.option(
    "--output-format",
    type=click.Choice(FORMATS),
    default="concise",
    show_default=True,
    help="How findings are written.",
)
@refusing
def skills_command(pack: Path | None, select: tuple[str, ...], ignore: tuple[str, ...], output_format: str) -> None:
    """Check a pack of guides and skills: the folder PACK, or its `.ai` (by default of the current folder).

    Asked are heads, links, sizes, the tags of norms, the sentences of rules, code blocks and the options of commands.
    At the end stands how far rules and sentences cover each other.

    Exit code 0: nothing found. 1: findings. 2: there is no pack, or it cannot be read.
    """
    from linter.pack.checking import check_pack, coverage
    from linter.pack.pages import read_pack
    from linter.report import render
    from linter.report.view import View
    from linter.selection import selected_codes

    here = working_directory()
    read = read_pack(here / (pack or "."))
    wanted, unwanted = ([code for names in given for code in names.split(",")] for given in (select, ignore))
    report = check_pack(read, selected_codes(wanted or ["SKL"], unwanted))
    click.echo(render(report, output_format, View(here)))
    if output_format in _WITH_COVERAGE:
        click.echo(coverage(read))
    sys.exit(report.exit_code)
