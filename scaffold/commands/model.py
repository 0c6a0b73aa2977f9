"""`scaffold model`: the folder of one model, from a preset or a spec of one's own."""

from __future__ import annotations

from pathlib import Path

import click

from scaffold.errors import ScaffoldError
from scaffold.loading import load_spec
from scaffold.plan import Plan
from scaffold.rendering import render_folder


@click.command()
@click.argument("name_or_spec", metavar="NAME_OR_SPEC")
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    default=Path(),
    help="The folder to write into; by default the current one. It is made if it is not there.",
)
@click.option("--dry-run", is_flag=True, help="Print the plan and write nothing.")
def model(name_or_spec: str, out: Path, dry_run: bool) -> None:
    """Write the folder of a model: model, weight mapping, LoRA, pipeline, tests, example.

    NAME_OR_SPEC is a preset (flux2) or the path of a spec, ending in .yaml. The folder takes the spec's name, with
    underscores: the preset z-image becomes z_image/.
    """
    try:
        spec = load_spec(name_or_spec)
        plan = Plan(target=out / spec.package, files=render_folder(spec))
        plan.check()
        if not dry_run:
            plan.apply()
    except ScaffoldError as error:
        click.echo(f"Error: {error}", err=True)
        raise SystemExit(2) from None
    if dry_run:
        click.echo(plan.describe())
        click.echo("Nothing was written (--dry-run).")
    else:
        click.echo(f"Wrote {len(plan.files)} files to {plan.target}/")
