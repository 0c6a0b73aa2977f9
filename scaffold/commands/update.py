"""`scaffold update`: a folder's templates of today, merged into what a person made of it."""

from __future__ import annotations

from pathlib import Path

import click

from scaffold.applying import recover
from scaffold.commands.choosing import refuse
from scaffold.commands.showing import plan_options, settle
from scaffold.errors import ScaffoldError
from scaffold.loading import read_spec, spec_path
from scaffold.record import Answers, Record, read_record
from scaffold.rendering import render_folder
from scaffold.spec import Spec
from scaffold.updating import Fate, Update, plan_update


_TOLD: dict[Fate, str] = {
    "updated": "as scaffold makes it now",
    "merged": "merged with your edits",
    "created": "new",
    "removed": "no longer made, and removed: you had not edited it",
    "deleted": "you deleted it, and it stays deleted",
    "kept": "no longer made, and kept: you have edited it",
}


@click.command()
@click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path), default=".")
@click.option("--check", is_flag=True, help="Change nothing, and end with 1 where an update would change something.")
@plan_options
def update(folder: Path, check: bool, shown: str | None) -> None:
    """Bring a folder that scaffold made up to date, by default the current one, and keep what you made of it.

    What its answers gave when it was made, what they give now, and your files are merged. Where you and the templates
    changed the same place, both texts stay, with marks around them, and the command ends with 1.
    """
    try:
        recover(folder)
        record = read_record(folder)
        spec = _spec_of(record.answers, folder)
        files = {file: text.encode() for file, text in render_folder(spec).items()}
        made = plan_update(folder, spec.package, record, Record.now(record.answers, files))
        if check:
            shown = "--check"
        elif settle(made.plan, shown):
            click.echo(f"{folder}/ is up to date." if made.plan.changes else f"{folder}/ was up to date.")
    except ScaffoldError as error:
        refuse(error)
    if shown in (None, "--check", "--dry-run"):
        _tell(made, folder)
    if made.conflicts or (check and made.plan.changes):
        raise SystemExit(1)


def _spec_of(answers: Answers, folder: Path) -> Spec:
    """The spec that the answers mean; a path in them is relative to the folder.

    Raises:
        ScaffoldError: it is not there, or cannot be used.
    """
    is_file = answers.spec.endswith((".yaml", ".yml"))
    path = folder / answers.spec if is_file else spec_path(answers.spec)
    return read_spec(path, name=answers.name, settings=answers.settings)


def _tell(made: Update, folder: Path) -> None:
    """A line for each file that something becomes of, and for each class that has another name."""
    for old, new in made.renamed.items():
        click.echo(f"  {old} is {new} here, and new text says so")
    for path, fate in sorted(made.fates.items()):
        if fate != "conflict":
            click.echo(f"  {path}: {_TOLD[fate]}")
    for path, lines in sorted(made.conflicts.items()):
        for line in lines:
            click.echo(f"{folder / path}:{line}: you and scaffold changed this place; choose what is to stand there")
