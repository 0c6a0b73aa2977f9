"""What the command line asks for: the options that subcommands share, and the files and the configuration that they
come to.
"""

from __future__ import annotations

import functools
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from linter.errors import LinterError


if TYPE_CHECKING:
    from linter.cache import Cache
    from linter.config import Config
    from linter.settings import Overrides, Settings


Command = TypeVar("Command", bound=Callable[..., Any])


class Refusal(click.ClickException):
    """The request cannot be carried out."""

    exit_code = 2


def refusing(command: Command) -> Command:
    """A subcommand whose `LinterError`s end it with their message and exit code 2."""

    @functools.wraps(command)
    def refused(*arguments: Any, **options: Any) -> Any:
        try:
            return command(*arguments, **options)
        except LinterError as error:
            raise Refusal(str(error)) from error

    return refused  # type: ignore[return-value]


def _several(*names: str, metavar: str, help: str) -> Callable[[Command], Command]:
    return click.option(*names, multiple=True, metavar=metavar, help=help)


def _options(*options: Callable[[Any], Any]) -> Callable[[Command], Command]:
    def add(command: Command) -> Command:
        for option in reversed(options):
            command = option(command)
        return command

    return add


paths_argument = click.argument("paths", nargs=-1, type=click.Path(path_type=Path, allow_dash=True))
file_options = _options(
    click.option(
        "--config",
        "file",
        type=click.Path(path_type=Path, dir_okay=False),
        help="The TOML file whose [tool.linter] counts, in place of the nearest pyproject.toml.",
    ),
    click.option("--isolated", is_flag=True, help="Read no configuration file."),
)
rule_options = _options(
    _several("--select", metavar="CODES", help="Rules to run: codes, families or ALL, comma-separated."),
    _several("--extend-select", metavar="CODES", help="Rules to run besides those selected."),
    _several("--ignore", "--extend-ignore", "ignore", metavar="CODES", help="Rules to leave out, besides the file's."),
    _several(
        "--per-file-ignores",
        metavar="PATTERN:CODE",
        help="Rules to leave out in files, in place of the configuration's.",
    ),
)
exclude_options = _options(
    _several("--exclude", metavar="PATTERNS", help="What to leave out, in place of the configuration's."),
    _several("--extend-exclude", metavar="PATTERNS", help="What to leave out besides."),
    click.option("--force-exclude", is_flag=True, help="Leave out what is excluded where it is named, too."),
)
cache_options = _options(
    click.option("--cache-dir", type=click.Path(path_type=Path, file_okay=False), help="Where the cache lies."),
    click.option("--no-cache", is_flag=True, help="Neither read nor write a cache."),
)
run_options = _options(rule_options, exclude_options, file_options, cache_options)
baseline_option = click.option(
    "--baseline",
    type=click.Path(path_type=Path, dir_okay=False),
    help="The file whose findings are not shown, in place of the configuration's.",
)


@dataclass(frozen=True)
class Request:
    """What a run is about."""

    here: Path
    files: list[Path]
    config: Config
    settings: Settings
    cache: Cache
    contents: Mapping[Path, bytes] = field(default_factory=dict)


def request(
    paths: tuple[Path, ...],
    options: Mapping[str, Any],
    stdin: tuple[Path, bytes] | None = None,
) -> Request:
    """What the arguments and the shared options ask for.

    Args:
        paths: Files and folders; none means the current folder.
        options: The values of the shared options, by name.
        stdin: The one file that is checked in place of paths, and its text.

    Raises:
        LinterError: it cannot be carried out.
    """
    from linter.cache import DiskCache, MemoryCache
    from linter.config import resolve
    from linter.discovery import discover, is_excluded
    from linter.settings import read_settings

    here = working_directory()
    settings = read_settings(here, overrides(options))
    config = resolve(settings)
    force = bool(options.get("force_exclude"))
    contents = {}
    if stdin is None:
        files = discover(paths or (here,), config.exclude, config.root, force)
    else:
        path = Path(os.path.normpath(here / stdin[0]))
        contents = {path: stdin[1]}
        files = [] if force and is_excluded(path, config.exclude, config.root) else [path]
    cache = MemoryCache() if options.get("no_cache") else DiskCache(config.cache_dir)
    return Request(here, files, config, settings, cache, contents)


def overrides(options: Mapping[str, Any]) -> Overrides:
    """What the values of shared options say about settings."""
    from linter.settings import Overrides

    lists = ("select", "extend_select", "ignore", "per_file_ignores", "exclude", "extend_exclude")
    return Overrides(
        **{name: _listed(options.get(name, ())) for name in lists},
        cache_dir=options.get("cache_dir"),
        baseline=options.get("baseline"),
        file=options.get("file"),
        isolated=bool(options.get("isolated")),
    )


def working_directory() -> Path:
    """The folder that the command runs in.

    Raises:
        LinterError: it was taken away.
    """
    try:
        return Path.cwd()
    except OSError as error:
        raise LinterError("The working directory is not there any more. Change to one that is.") from error


def _listed(values: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(name.strip() for value in values for name in value.split(",") if name.strip())
