"""`parity probe`: what a model class declares that it can do, tried out."""

from __future__ import annotations

import sys
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

import click

from parity.commands.options import measuring
from parity.errors import ParityError
from parity.sides.documents import read_mapping


_NEEDED = ("torch", "diffusers", "accelerate", "peft", "transformers")


@click.command()
@click.argument("model", required=False)
@click.option("--all", "every", is_flag=True, help="Probe all transformer classes of the installed diffusers.")
@click.option("--config", metavar="FILE|{...}", help="Keyword arguments that make MODEL tiny, else derived.")
@click.option(
    "--inputs", metavar="FILE|{...}", help="Arguments of forward: name to shape, kind, dtype or value, else derived."
)
@click.option(
    "--limit",
    default=120.0,
    show_default=True,
    metavar="SECONDS",
    type=click.FloatRange(min=1),
    help="For each capability; one that takes longer is broken.",
)
@click.option("--page", metavar="FILE", help="Write the table as a page of Markdown, too.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def probe(
    model: str | None,
    every: bool,
    config: str | None,
    inputs: str | None,
    limit: float,
    page: str | None,
    as_json: bool,
) -> None:
    """Run what a model declares that it can do, on a tiny model with random weights.

    MODEL is the import path of a diffusers model class, `package.module:Class` or `package.module.Class`; a folder in
    the current directory is found by its name. Each capability is `verified` if it did something and gave the numbers
    of the plain run, `broken` if not, `untested` if it applies to nothing here.

    Exit code: 0 if nothing is broken, 1 if something is or no tiny model was found, 2 if the request is wrong.
    """
    with measuring() as announce:
        if (model is None) != every:
            raise ParityError("Name one MODEL, or give --all.")
        if every and (config or inputs):
            raise ParityError("--config and --inputs are of one model; they cannot be given with --all.")
        arguments = read_mapping(config, "config") if config else None
        described = read_mapping(inputs, "inputs") if inputs else None
        if page and not Path(page).absolute().parent.is_dir():
            raise ParityError(f"--page {page}: there is no folder `{Path(page).parent}` to write it into.")
        for package in _NEEDED:
            if find_spec(package) is None:
                raise ParityError(f"parity probe needs {package}: pip install 'modelwright[torch]'")
        announce("importing torch and diffusers")
        from parity.probe.isolation import probe_classes, transformers_of_diffusers
        from parity.probe.messages import Task
        from parity.probe.page import render_page
        from parity.probe.report import render_json, render_text
        from parity.probe.results import SCHEMA, Report

        paths = transformers_of_diffusers(limit) if model is None else (model,)
        tasks = [Task(path, str(Path.cwd()), arguments, described) for path in paths]
        probes = probe_classes(
            tasks, limit, lambda done, what: announce(f"{what} ({done} of {len(tasks)} done)" if every else what)
        )
        if model is not None and probes[0].problem is not None and not probes[0].outcomes:
            raise ParityError(probes[0].problem)
        report = Report(SCHEMA, {package: version(package) for package in _NEEDED}, probes)
        if page:
            Path(page).write_text(render_page(report), encoding="utf-8")
    click.echo(render_json(report) if as_json else render_text(report))
    sys.exit(0 if all(each.has_passed for each in probes) else 1)
