"""The `parity` command."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click
from rich.console import Console

from parity.errors import ParityError, nearest_name


# torch takes seconds to import, so everything that needs it is imported when a comparison begins.
if TYPE_CHECKING:
    import torch

    from parity.compare import Comparison


_DTYPES = ("float64", "float32", "bfloat16", "float16")


class _BadRequest(click.ClickException):
    exit_code = 2


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="modelwright")
def main() -> None:
    """Measure how far one implementation of a model is from another."""


@main.command()
@click.argument("reference")
@click.argument("candidate")
@click.option("--config", default="{}", metavar="FILE|{...}", help="Keyword arguments of both classes.")
@click.option(
    "--inputs", "inputs_file", metavar="FILE|{...}", help="Arguments of forward: name to shape, kind, dtype or value."
)
@click.option(
    "--input",
    "shorthands",
    multiple=True,
    metavar="NAME=SHAPE[:DTYPE|KIND]",
    help="One more argument of forward, for example hidden_states=1x16x128 or img_ids=16x4:ids.",
)
@click.option("--seed", default=0, show_default=True, help="For weights, inputs and what the models draw themselves.")
@click.option(
    "--dtype", "dtypes", default="float32,bfloat16", show_default=True, metavar="NAMES", help="Comma-separated."
)
@click.option(
    "--tolerance",
    default="0",
    show_default=True,
    metavar="NUMBER|DTYPE=NUMBER,...",
    help="The largest absolute difference that passes.",
)
@click.option("--gradients", is_flag=True, help="Compare the gradients of inputs and parameters too.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def compare(
    reference: str,
    candidate: str,
    config: str,
    inputs_file: str | None,
    shorthands: tuple[str, ...],
    seed: int,
    dtypes: str,
    tolerance: str,
    gradients: bool,
    as_json: bool,
) -> None:
    """Run CANDIDATE on the weights and inputs of REFERENCE and measure the difference.

    Both are import paths of torch.nn.Module classes, `package.module:Class` or `package.module.Class`; a folder in the
    current directory is found by its name. The classes are imported, so only compare code that you trust.

    Exit code: 0 if every tensor is within tolerance, 1 if not, 2 if the comparison cannot be made.
    """
    try:
        tolerances = _read_tolerances(tolerance, _read_dtypes(dtypes))
        result = _compare(reference, candidate, config, inputs_file, shorthands, seed, tolerances, gradients)
    except ParityError as error:
        raise _BadRequest(str(error)) from None
    from parity.report import render_json, render_text

    click.echo(render_json(result) if as_json else render_text(result))
    sys.exit(0 if result.passed else 1)


def _compare(
    reference: str,
    candidate: str,
    config: str,
    inputs_file: str | None,
    shorthands: tuple[str, ...],
    seed: int,
    tolerances: dict[str, float],
    gradients: bool,
) -> Comparison:
    from parity.documents import read_mapping

    settings = read_mapping(config, "config")
    descriptions = read_mapping(inputs_file, "inputs") if inputs_file else {}
    with Console(stderr=True).status("importing torch") as status:
        try:
            import torch
        except ModuleNotFoundError:
            raise ParityError("parity needs torch: pip install 'modelwright[torch]'") from None
        from parity.compare import Question, Side
        from parity.compare import compare as answer
        from parity.inputs import describe_inputs, parse_shorthand
        from parity.loading import load_class

        inputs = describe_inputs(descriptions, inputs_file or "the inputs")
        inputs |= dict(parse_shorthand(text) for text in shorthands)
        status.update(f"importing {reference} and {candidate}")
        sides = [Side(path, load_class(path)) for path in (reference, candidate)]
        by_dtype: dict[torch.dtype, float] = {getattr(torch, name): limit for name, limit in tolerances.items()}
        question = Question(sides[0], sides[1], settings, inputs, by_dtype, seed, gradients)
        return answer(question, announce=status.update)


def _read_dtypes(text: str) -> list[str]:
    names = [name.strip() for name in text.split(",") if name.strip()]
    for name in names:
        if name not in _DTYPES:
            raise ParityError(
                f"--dtype: unknown dtype `{name}`.{nearest_name(name, _DTYPES)} Known are {', '.join(_DTYPES)}."
            )
    if not names:
        raise ParityError(f"--dtype: name at least one of {', '.join(_DTYPES)}.")
    return list(dict.fromkeys(names))


def _read_tolerances(text: str, dtypes: list[str]) -> dict[str, float]:
    """Reads one number for all dtypes, or a number for each that is named; the others keep 0."""
    limits = dict.fromkeys(dtypes, 0.0)
    for part in text.split(","):
        name, separator, number = part.strip().rpartition("=")
        if separator and name not in limits:
            raise ParityError(
                f"--tolerance {part.strip()}: `{name}` is none of the dtypes that are run ({', '.join(dtypes)})."
            )
        try:
            limit = float(number)
        except ValueError:
            limit = -1.0
        if not 0 <= limit < float("inf"):
            raise ParityError(f"--tolerance {part.strip()}: `{number}` is not a number of at least 0.")
        limits |= {name: limit} if separator else dict.fromkeys(dtypes, limit)
    return limits
