"""`scaffold model`: the folder of one model, from a preset or a spec of one's own."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from scaffold.checkout.planning import Entry, plan_entry
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
@click.option(
    "--into",
    type=click.Path(path_type=Path),
    metavar="CHECKOUT",
    help="Write the model into this checkout of diffusers, in its layout, with every registration.",
)
@click.option("--partial", is_flag=True, help="With --into, leave out what the checkout has no place for.")
@click.option(
    "--layout",
    type=click.Choice(["single", "folder"]),
    help="With --into, whether the model is one module, as the library has it, or a package; single by default.",
)
def model(
    name: str | None,
    preset: str | None,
    spec_file: str | None,
    settings: tuple[str, ...],
    out: Path,
    shown: str | None,
    no_check: bool,
    into: Path | None,
    partial: bool,
    layout: str | None,
) -> None:
    """Write the folder of a model: the model, its tests, and the pipeline, weights and LoRA that its spec describes.

    NAME is a preset (`scaffold list` shows them) or the path of a spec, ending in .yaml. With --from or --spec it is
    the name of a new model. The folder takes that name, with underscores: z-image becomes z_image/.

    With --into it goes into a checkout of diffusers instead: one file for the model, its tests, its pages, and an
    entry in every table that has to know of it. `scaffold undo CHECKOUT` takes that back.

    Before anything is written, every configuration of the spec is built without memory and the tiny one runs once.
    """
    try:
        path, spec = choose_spec(name, preset, spec_file, settings)
        if into is not None:
            if out != Path():
                raise ScaffoldError("--into and --out both say where to; give one of them")
            entry = plan_entry(into, spec, in_folder=layout == "folder")
            _enter(path, spec, into, entry, shown, partial, no_check)
            return
        if partial or layout:
            raise ScaffoldError(f"{'--partial' if partial else '--layout'} is about a checkout; give --into, too")
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


def _enter(
    path: Path, spec: Spec, checkout: Path, entry: Entry, shown: str | None, partial: bool, no_check: bool
) -> None:
    """Write the model into a checkout.

    Raises:
        ScaffoldError: it cannot go in, or not all of it without `partial`.
    """
    plan, missing = entry.plan, entry.missing
    gaps = "".join(f"\n  there is no {gap}" for gap in missing)
    if missing and not partial:
        raise ScaffoldError(
            f"{checkout} is not laid out as expected, so nothing was written:{gaps}\n--partial goes on without these"
        )
    if not no_check and plan.changes:
        _try(path, spec, render_folder(spec))
    if missing:
        click.echo(f"Left out:{gaps}", err=True)
    if entry.taken_for:
        click.echo(
            f"Original checkpoints have the names of {entry.taken_for}'s, so from_single_file needs config= here.",
            err=True,
        )
    if settle(plan, shown):
        done = f"Wrote {len(plan.shown)} files" if plan.changes else "All of it was there already; nothing changed"
        click.echo(f"{done} in {checkout}/")


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
