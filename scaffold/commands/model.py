"""`scaffold model`: the folder of one model, from a preset or a spec of one's own."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from scaffold.commands.choosing import answers_of, choose_spec, refuse, spec_options
from scaffold.commands.showing import plan_options, settle
from scaffold.errors import ScaffoldError
from scaffold.loading import explain
from scaffold.plan import creation
from scaffold.record import Record
from scaffold.rendering import render_folder
from scaffold.spec import Spec
from scaffold.trial import missing_for_a_trial, try_folder


_PROGRESS = "Building every configuration and running the tiny one ..."


@click.command()
@spec_options
@plan_options
@click.option("--no-check", is_flag=True, help="Write the folder without building and running its model first.")
def model(
    name: str | None,
    preset: str | None,
    spec_file: str | None,
    settings: tuple[str, ...],
    out: Path,
    shown: str | None,
    no_check: bool,
) -> None:
    """Write the folder of a model: the model, its tests, and the pipeline, weights and LoRA that its spec describes.

    NAME is a preset (`scaffold list` shows them) or the path of a spec, ending in .yaml. With --from or --spec it is
    the name of a new model. The folder takes that name, with underscores: z-image becomes z_image/.

    Before anything is written, every configuration of the spec is built without memory and the tiny one runs once.
    """
    try:
        path, spec = choose_spec(name, preset, spec_file, settings)
        target = out / spec.package
        texts = render_folder(spec)
        files = {file: text.encode() for file, text in texts.items()}
        record = Record.now(answers_of(name, preset, spec_file, settings, target), files)
        plan = creation(target, files | record.as_files())
        if not no_check:
            _try(path, spec, texts)
        if settle(plan, shown):
            click.echo(f"Wrote {len(files)} files to {target}/")
    except ScaffoldError as error:
        refuse(error)


def _try(path: Path, spec: Spec, files: dict[str, str]) -> None:
    """Try the folder in a process of its own, where the libraries for that are.

    Raises:
        ScaffoldError: a configuration cannot be built, or the tiny one cannot run.
    """
    missing = missing_for_a_trial()
    if missing:
        click.echo(f"Not tried: {missing} is not installed here.", err=True)
        return
    shows_progress = _is_terminal()
    if shows_progress:
        click.echo(_PROGRESS, err=True, nl=False)
    try:
        problem = try_folder(spec, files)
    finally:
        if shows_progress:
            click.echo(f"\r{' ' * len(_PROGRESS)}\r", err=True, nl=False)
    if problem is not None:
        raise ScaffoldError(explain(path, problem))
    click.echo("Tried it: every configuration can be built, and the tiny one runs.", err=True)


def _is_terminal() -> bool:
    return sys.stderr.isatty()
