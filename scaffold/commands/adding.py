"""`scaffold pipeline`, `scaffold modular` and `scaffold tests`: parts of a model's folder for one that lacks them."""

from __future__ import annotations

import inspect
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


# Says of a file, by its path in the folder, whether it is of a part.
Belongs = Callable[[str], bool]
# What the help of each command ends with.
_CHOICE = "NAME and the options choose the spec as for `scaffold model`; the folder is the one that this would write."


def _command(part: Callable[[Spec], Belongs]) -> click.Command:
    """The command that adds a part, with the name and the help of a function that says which files are of it."""

    @click.command(part.__name__, help=f"{inspect.getdoc(part)}\n\n{_CHOICE}")
    @spec_options
    @plan_options
    def command(
        name: str | None,
        preset: str | None,
        spec_file: str | None,
        settings: tuple[str, ...],
        out: Path,
        shown: str | None,
    ) -> None:
        try:
            _, spec = choose_spec(name, preset, spec_file, settings)
            _add(spec, out, shown, part(spec))
        except ScaffoldError as error:
            refuse(error)

    return command


@_command
def pipeline(spec: Spec) -> Belongs:
    """Add the pipeline to a model's folder: pipeline.py, the tiny components, its tests, its example."""
    if spec.pipeline is None:
        raise ScaffoldError(f"the spec of {spec.name} has no `pipeline`, so there is none to write")
    own = ("tiny.py", "tests/__init__.py", "tests/conftest.py", "examples/__init__.py")
    return lambda file: (
        file in own or file.startswith(("pipeline", "tests/test_pipeline", "examples/text_to", "tests/test_text_to"))
    )


@_command
def modular(spec: Spec) -> Belongs:
    """Add the pipeline as blocks to a model's folder: modular/, its tests, and of the pipelines what they need."""
    if spec.pipeline is None:
        raise ScaffoldError(f"the spec of {spec.name} has no `pipeline`, so there is none to take apart")
    own = ("tiny.py", "tests/__init__.py", "tests/conftest.py", "tests/test_modular.py")
    # The package offers every pipeline, so it cannot be imported without one.
    return lambda file: file in own or file.startswith(("modular/", "pipeline"))


@_command
def tests(spec: Spec) -> Belongs:
    """Add the tests to a model's folder: tests/, and tiny.py with what they build."""
    return lambda file: file == "tiny.py" or file.startswith("tests/")


def _add(spec: Spec, out: Path, shown: str | None, belongs: Belongs) -> None:
    target = out / spec.package
    recover(target)
    plan = addition(target, {file: text.encode() for file, text in render_folder(spec).items() if belongs(file)})
    if settle(plan, shown):
        click.echo(f"Added {', '.join(change.path for change in plan.changes)} to {target}/")
