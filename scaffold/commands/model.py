"""`scaffold model`: the folder of one model, from a preset or a spec of one's own."""

from __future__ import annotations

from pathlib import Path

import click

from scaffold.deriving import read_setting
from scaffold.errors import ScaffoldError
from scaffold.loading import load_spec
from scaffold.plan import Plan
from scaffold.rendering import render_folder


@click.command()
@click.argument("name", metavar="NAME", required=False)
@click.option("--from", "preset", metavar="PRESET", help="Begin with this preset, under the new NAME.")
@click.option(
    "--spec",
    "spec_file",
    metavar="FILE",
    help="Begin with the spec in this file, ending in .yaml; NAME may be left out.",
)
@click.option(
    "--set",
    "settings",
    metavar="KEY=VALUE",
    multiple=True,
    help="Another default for an argument of the model's constructor, such as num_layers=4; can be repeated.",
)
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    default=Path(),
    help="The folder to write into; by default the current one. It is made if it is not there.",
)
@click.option("--dry-run", is_flag=True, help="Print the plan and write nothing.")
def model(
    name: str | None,
    preset: str | None,
    spec_file: str | None,
    settings: tuple[str, ...],
    out: Path,
    dry_run: bool,
) -> None:
    """Write the folder of a model: the model, its tests, and the pipeline, weights and LoRA that its spec describes.

    NAME is a preset (`scaffold list` shows them) or the path of a spec, ending in .yaml. With --from or --spec it is
    the name of a new model. The folder takes that name, with underscores: z-image becomes z_image/.
    """
    try:
        spec = load_spec(*_choose(name, preset, spec_file), dict(map(read_setting, settings)))
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


def _choose(name: str | None, preset: str | None, spec_file: str | None) -> tuple[str, str | None]:
    """What to begin with, and the name of its own that the model gets."""
    if preset and spec_file:
        raise ScaffoldError("--from and --spec both say what to begin with; give one of them")
    if spec_file:
        return spec_file, name
    if preset and name is None:
        raise ScaffoldError(f"the new model needs a name: scaffold model NAME --from {preset}")
    if preset:
        return preset, name
    if name is None:
        raise ScaffoldError("which model? Name a preset (`scaffold list` shows them) or a spec, ending in .yaml")
    return name, None
