"""The `linter` command.

What a subcommand needs is imported when it runs, so that help and documentation stay quick.
"""

from __future__ import annotations

import gc
import io
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import click

from linter.errors import LinterError
from linter.report import FORMATS


if TYPE_CHECKING:
    from click._termui_impl import ProgressBar

    from linter.cache import Cache
    from linter.config import Config


class _Refusal(click.ClickException):
    exit_code = 2


class _Progress:
    """A bar on standard error for work that takes longer than a second, seen only on a terminal."""

    def __init__(self, label: str) -> None:
        self._label = label
        self._begun = time.monotonic()
        self._bar: ProgressBar[int] | None = None

    def __enter__(self) -> _Progress:
        return self

    def __call__(self, done: int, total: int) -> None:
        """Says how far the work is."""
        if self._bar is None and sys.stderr.isatty() and time.monotonic() - self._begun > 1:
            self._bar = click.progressbar(length=total, label=self._label, file=sys.stderr)
        if self._bar is not None:
            self._bar.update(done - self._bar.pos)

    def __exit__(self, *reason: object) -> None:
        if self._bar is not None:
            self._bar.update(self._bar.length - self._bar.pos if self._bar.length else 0)
            self._bar.render_finish()


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="modelwright")
def main() -> None:
    """Check that code written for diffusers follows its conventions."""
    # A run makes millions of small values that live until its end and no cycles worth looking for.
    gc.disable()
    # A name that the terminal's encoding lacks is shown escaped.
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


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
    type=click.Choice(FORMATS),
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
    from linter.engine import check
    from linter.report import render
    from linter.report.view import View

    try:
        files, config, cache = _request(paths, select, ignore, cache_dir, no_cache)
        with _Progress("Checking") as progress:
            report = check(files, config, cache, progress=progress)
    except LinterError as error:
        raise _Refusal(str(error)) from error
    written = render(report, output_format, View(Path.cwd()))
    if written:
        click.echo(written)
    sys.exit(1 if report.findings else 0)


@main.command("fix")
@_paths
@_select
@_ignore
@click.option("--diff", is_flag=True, help="Show what would change and write nothing.")
@click.option("--unsafe-fixes", is_flag=True, help="Make fixes too that may change what the program does.")
@_cache_dir
@_no_cache
def fix_command(
    paths: tuple[Path, ...],
    select: tuple[str, ...],
    ignore: tuple[str, ...],
    diff: bool,
    unsafe_fixes: bool,
    cache_dir: Path | None,
    no_cache: bool,
) -> None:
    """Mend what has a fix, and report what is left.

    Exit code 0: nothing is left (with --diff: nothing would change). 1: something is. 2: the request cannot be carried
    out.
    """
    from linter.fixing import fix, write
    from linter.report import render
    from linter.report.diff import unified
    from linter.report.view import View

    try:
        files, config, cache = _request(paths, select, ignore, cache_dir, no_cache)
        view = View(Path.cwd())
        fixed = fix(files, config, cache, unsafe_fixes)
        if diff:
            click.echo(unified(fixed.contents, view), nl=False)
            sys.exit(1 if fixed.contents else 0)
        for path, content in fixed.contents.items():
            write(path, content)
    except LinterError as error:
        raise _Refusal(str(error)) from error
    if fixed.applied:
        click.echo(f"{fixed.applied} mended in {len(fixed.contents)} file{'s' if len(fixed.contents) > 1 else ''}.")
    click.echo(render(fixed.report, "concise", view))
    sys.exit(1 if fixed.report.findings else 0)


def _request(
    paths: tuple[Path, ...], select: tuple[str, ...], ignore: tuple[str, ...], cache_dir: Path | None, no_cache: bool
) -> tuple[list[Path], Config, Cache]:
    """What the arguments ask for: the files, the configuration, and where answers are kept."""
    from linter.cache import DiskCache, MemoryCache
    from linter.config import load_config
    from linter.discovery import discover

    try:
        here = Path.cwd()
    except OSError as error:
        raise LinterError("The working directory is not there any more. Change to one that is.") from error
    config = load_config(here, _listed(select), _listed(ignore), cache_dir)
    files = discover(paths or (here,), config.exclude, config.root)
    return files, config, MemoryCache() if no_cache else DiskCache(config.cache_dir)


def _listed(values: tuple[str, ...]) -> list[str]:
    return [name.strip() for value in values for name in value.split(",") if name.strip()]


@main.command("rules")
@click.argument("codes", nargs=-1)
@click.option("--output-format", type=click.Choice(["text", "json"]), default="text", show_default=True)
def rules_command(codes: tuple[str, ...], output_format: str) -> None:
    """List the rules, or explain those named by CODES (codes or families)."""
    import json

    from linter.documentation import rule_page
    from linter.rules import all_rules, rules_by_code
    from linter.selection import expand

    try:
        wanted = [rules_by_code()[code] for code in sorted(expand(codes))] if codes else list(all_rules())
    except LinterError as error:
        raise _Refusal(str(error)) from error
    if output_format == "json":
        listed = [
            {
                "code": rule.code,
                "name": rule.name,
                "severity": rule.severity.value,
                "fix": rule.fixes and rule.fixes.value,
                "since": rule.since,
                "guide": rule.guide,
                "summary": rule.summary(),
            }
            for rule in wanted
        ]
        click.echo(json.dumps({"schema": 1, "rules": listed}, indent=2))
    elif codes:
        click.echo("\n".join(rule_page(rule) for rule in wanted).rstrip())
    else:
        width = max(len(rule.name) for rule in wanted)
        for rule in wanted:
            click.echo(f"{click.style(rule.code, bold=True)}  {rule.name:<{width}}  {rule.summary()}")
