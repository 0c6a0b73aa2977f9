"""`scaffold pipeline`, `scaffold modular` and `scaffold tests`: parts of a model's folder for one that lacks them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import click

from scaffold.applying import recover
from scaffold.commands.choosing import choose_spec, refuse, spec_options
from scaffold.commands.showing import plan_options, settle
from scaffold.errors import ScaffoldError
from scaffold.plan import addition
from scaffold.rendering import render_folder
from scaffold.spec import Spec


@click.command()
@spec_options
@plan_options
def pipeline(
    name: str | None,
    preset: str | None,
    spec_file: str | None,
    settings: tuple[str, ...],
    out: Path,
    shown: str | None,
) -> None:
    """Add the pipeline to a model's folder: pipeline.py, the tiny components, its tests, its examples.

    NAME and the options choose the spec as for `scaffold model`; the folder is the one that this would write.
    """
    try:
        _, spec = choose_spec(name, preset, spec_file, settings)
        if spec.pipeline is None:
            raise ScaffoldError(f"the spec of {spec.name} has no `pipeline`, so there is none to write")
        _add(spec, out, shown, _is_of_the_pipeline)
    except ScaffoldError as error:
        refuse(error)


@click.command()
@spec_options
@plan_options
def modular(
    name: str | None,
    preset: str | None,
    spec_file: str | None,
    settings: tuple[str, ...],
    out: Path,
    shown: str | None,
) -> None:
    """Add the pipeline as blocks to a model's folder: modular/, its tests, and of the pipeline what they need.

    NAME and the options choose the spec as for `scaffold model`; the folder is the one that this would write.
    """
    try:
        _, spec = choose_spec(name, preset, spec_file, settings)
        if spec.pipeline is None:
            raise ScaffoldError(f"the spec of {spec.name} has no `pipeline`, so there is none to take apart")
        _add(spec, out, shown, _is_of_the_blocks)
    except ScaffoldError as error:
        refuse(error)


@click.command()
@spec_options
@plan_options
def tests(
    name: str | None,
    preset: str | None,
    spec_file: str | None,
    settings: tuple[str, ...],
    out: Path,
    shown: str | None,
) -> None:
    """Add the tests to a model's folder: tests/, and tiny.py with what they build.

    NAME and the options choose the spec as for `scaffold model`; the folder is the one that this would write.
    """
    try:
        _, spec = choose_spec(name, preset, spec_file, settings)
        _add(spec, out, shown, lambda file: file == "tiny.py" or file.startswith("tests/"))
    except ScaffoldError as error:
        refuse(error)


def _is_of_the_pipeline(file: str) -> bool:
    own = ("tiny.py", "tests/__init__.py", "tests/conftest.py")
    return file in own or file.startswith(("pipeline", "tests/test_pipeline", "examples/"))


def _is_of_the_blocks(file: str) -> bool:
    own = ("pipeline.py", "tiny.py", "tests/__init__.py", "tests/conftest.py", "tests/test_modular.py")
    return file in own or file.startswith("modular/")


def _add(spec: Spec, out: Path, shown: str | None, belongs: Callable[[str], bool]) -> None:
    target = out / spec.package
    recover(target)
    plan = addition(target, {file: text.encode() for file, text in render_folder(spec).items() if belongs(file)})
    if settle(plan, shown):
        click.echo(f"Added {', '.join(change.path for change in plan.changes)} to {target}/")
