"""`scaffold undo`: the last plan that was applied to a folder, taken back."""

from __future__ import annotations

from pathlib import Path

import click

from scaffold.applying import apply
from scaffold.commands.choosing import refuse
from scaffold.commands.showing import plan_options, settle
from scaffold.errors import ScaffoldError
from scaffold.undoing import plan_undo


@click.command()
@click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path), default=".")
@plan_options
def undo(folder: Path, shown: str | None) -> None:
    """Take back the last thing that scaffold did to a folder, by default the current one.

    What you edited since stays: your edits are merged. Where that is not possible nothing is changed, and the command
    says which files stand in the way. Called again, it takes back what was done before that.
    """
    try:
        name, plan = plan_undo(folder)
        if shown is None:
            apply(plan, undoes=name)
            click.echo(f"Took back what was done to {len(plan.shown)} files of {folder}/")
        else:
            settle(plan, shown)
    except ScaffoldError as error:
        refuse(error)
