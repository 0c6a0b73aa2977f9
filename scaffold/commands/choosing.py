"""The options by which a command is told what to begin with: a preset, a spec, a name and defaults of one's own."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn, TypeVar

import click

from scaffold.deriving import read_setting
from scaffold.errors import ScaffoldError
from scaffold.loading import read_spec, spec_path
from scaffold.record import Answers
from scaffold.spec import Spec


_Command = TypeVar("_Command", bound=Callable[..., Any])

_OPTIONS = (
    click.argument("name", metavar="NAME", required=False),
    click.option("--from", "preset", metavar="PRESET", help="Begin with this preset, under the new NAME."),
    click.option(
        "--spec",
        "spec_file",
        metavar="FILE",
        help="Begin with the spec in this file, ending in .yaml; NAME may be left out.",
    ),
    click.option(
        "--set",
        "settings",
        metavar="KEY=VALUE",
        multiple=True,
        help="Another default for an argument of the model's constructor, such as num_layers=4; can be repeated.",
    ),
    click.option(
        "--out",
        type=click.Path(path_type=Path),
        default=Path(),
        help="The folder in which the model's folder lies; by default the current one.",
    ),
)


def spec_options(command: _Command) -> _Command:
    """Give a command NAME, --from, --spec, --set and --out."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


def choose_spec(
    name: str | None, preset: str | None, spec_file: str | None, settings: tuple[str, ...]
) -> tuple[Path, Spec]:
    """The file of the chosen spec, and the spec with the name and the defaults that it gets.

    Raises:
        ScaffoldError: the options exclude each other, or the spec cannot be used.
    """
    if preset and spec_file:
        raise ScaffoldError("--from and --spec both say what to begin with; give one of them")
    if preset and name is None:
        raise ScaffoldError(f"the new model needs a name: NAME --from {preset}")
    begin = spec_file or preset or name
    if begin is None:
        raise ScaffoldError("which model? Name a preset (`scaffold list` shows them) or a spec, ending in .yaml")
    path = spec_path(begin)
    new_name = name if spec_file or preset else None
    return path, read_spec(path, name=new_name, settings=dict(map(read_setting, settings)))


def answers_of(
    name: str | None, preset: str | None, spec_file: str | None, settings: tuple[str, ...], target: Path
) -> Answers:
    """The same choice as `target`, the model's folder, records it."""
    begin = spec_file or preset or name or ""
    is_file = begin.endswith((".yaml", ".yml"))
    return Answers(
        spec=Path(os.path.relpath(begin, target)).as_posix() if is_file else begin,
        name=name if spec_file or preset else None,
        settings=dict(map(read_setting, settings)),
    )


def refuse(error: ScaffoldError) -> NoReturn:
    """Print what is wrong and end with exit code 2."""
    click.echo(f"Error: {error}", err=True)
    raise SystemExit(2) from None
