"""`scaffold model`: the folder of one model, from a preset or a spec of one's own."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from scaffold.commands.choosing import choose_spec, refuse, spec_options
from scaffold.errors import ScaffoldError
from scaffold.loading import explain
from scaffold.plan import Plan
from scaffold.rendering import render_folder
from scaffold.spec import Spec
from scaffold.trial import missing_for_a_trial, try_folder


_PROGRESS = "Building every configuration and running the tiny one ..."


@click.command()
@spec_options
@click.option("--no-check", is_flag=True, help="Write the folder without building and running its model first.")
def model(
    name: str | None,
    preset: str | None,
    spec_file: str | None,
    settings: tuple[str, ...],
    out: Path,
    dry_run: bool,
    no_check: bool,
) -> None:
    """Write the folder of a model: the model, its tests, and the pipeline, weights and LoRA that its spec describes.

    NAME is a preset (`scaffold list` shows them) or the path of a spec, ending in .yaml. With --from or --spec it is
    the name of a new model. The folder takes that name, with underscores: z-image becomes z_image/.

    Before anything is written, every configuration of the spec is built without memory and the tiny one runs once.
    """
    try:
        path, spec = choose_spec(name, preset, spec_file, settings)
        plan = Plan(target=out / spec.package, files=render_folder(spec))
        plan.check()
        if not no_check:
            _try(path, spec, plan.files)
        if not dry_run:
            plan.apply()
    except ScaffoldError as error:
        refuse(error)
    if dry_run:
        click.echo(plan.describe())
        click.echo("Nothing was written (--dry-run).")
    else:
        click.echo(f"Wrote {len(plan.files)} files to {plan.target}/")


def _try(path: Path, spec: Spec, files: dict[str, str]) -> None:
    """Try the folder in a process of its own, where the libraries for that are.

    Raises:
        ScaffoldError: a configuration cannot be built, or the tiny one cannot run.
    """
    missing = missing_for_a_trial()
    if missing:
        click.echo(f"Not tried: {missing} is not installed here.")
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
    click.echo("Tried it: every configuration can be built, and the tiny one runs.")


def _is_terminal() -> bool:
    return sys.stderr.isatty()
