"""`parity compare`: two classes, the same weights and inputs, and what comes out."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click

from parity.commands.options import PairOptions, load_pair, measuring, pair_options, read_dtypes
from parity.errors import ParityError


@click.command()
@pair_options
@click.option(
    "--saved", metavar="PATH", help="A safetensors file or folder that CANDIDATE was saved into: compare that too."
)
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
def compare(saved: str | None, dtypes: str, tolerance: str, gradients: bool, as_json: bool, **pair: Any) -> None:
    """Run CANDIDATE on the weights and inputs of REFERENCE and measure the difference.

    Both are import paths of torch.nn.Module classes, `package.module:Class` or `package.module.Class`; a folder in the
    current directory is found by its name. The classes are imported, so only compare code that you trust.

    Exit code: 0 if every tensor is within tolerance, 1 if not, 2 if the comparison cannot be made.
    """
    with measuring() as announce:
        limits = _read_tolerances(tolerance, read_dtypes(dtypes))
        loaded = load_pair(PairOptions(**pair), announce)
        import torch

        from parity.comparison.compare import Question
        from parity.comparison.compare import compare as answer

        by_dtype = {getattr(torch, name): limit for name, limit in limits.items()}
        result = answer(Question(loaded, by_dtype, gradients, Path(saved) if saved else None), announce)
    from parity.comparison.report import render_json, render_text

    click.echo(render_json(result) if as_json else render_text(result))
    sys.exit(0 if result.passed else 1)


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
