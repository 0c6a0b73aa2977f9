"""The `linter` command. What a subcommand needs is imported when it runs, so that help and documentation stay quick."""

from __future__ import annotations

import gc
import sys
from pathlib import Path

import click

from linter.errors import LinterError


class _Refusal(click.ClickException):
    exit_code = 2


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="modelwright")
def main() -> None:
    """Check that code written for diffusers follows its conventions."""
    # A run makes millions of small values that live until its end and no cycles worth looking for.
    gc.disable()


_paths = click.argument("paths", nargs=-1, type=click.Path(path_type=Path))
_select = click.option(
    "--select", multiple=True, metavar="CODES", help="Rules to run: codes, families or ALL, comma-separated."
)
_ignore = click.option("--ignore", multiple=True, metavar="CODES", help="Rules to leave out.")
_cache_dir = click.option(
    "--cache-dir", type=click.Path(path_type=Path, file_okay=False), help="Where the cache lies."
)
_no_cache = click.option("--no-cache", is_flag=True, help="Neither read nor write a cache.")


@main.command("check")
@_paths
@_select
@_ignore
@click.option(
    "--output-format",
    type=click.Choice(["concise", "full", "json"]),
    default="concise",
    show_default=True,
    help="How findings are written.",
)
@_cache_dir
@_no_cache
def check_command(
    paths: tuple[Path, ...],
    select: tuple[str, ...],
    ignore: tuple[str, ...],
    output_format: str,
    cache_dir: Path | None,
    no_cache: bool,
) -> None:
    """Check files and folders (the current one where none is named).

    Exit code 0: nothing found. 1: findings. 2: the request cannot be carried out.
    """
    from linter.cache import DiskCache, NoCache
    from linter.config import load_config
    from linter.discovery import discover
    from linter.engine import check
    from linter.errors import UnreadableFile
    from linter.report import render
    from linter.source import Source, decode, read_bytes

    def source_of(path: Path) -> Source | None:
        try:
            return decode(path, read_bytes(path))
        except UnreadableFile:
            return None

    here = Path.cwd()
    try:
        config = load_config(here, _listed(select), _listed(ignore), cache_dir)
        files = discover(paths or (here,), config.exclude)
        report = check(files, config, NoCache() if no_cache else DiskCache(config.cache_dir))
    except LinterError as error:
        raise _Refusal(str(error)) from error
    click.echo(render(report, output_format, here, source_of))
    sys.exit(1 if report.findings else 0)


def _listed(values: tuple[str, ...]) -> list[str]:
    return [name for value in values for name in value.split(",") if name.strip()]
