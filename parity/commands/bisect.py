"""`parity bisect`: the first module at which two implementations part."""

from __future__ import annotations

import sys
from typing import Any

import click

from parity.commands.options import (
    DTYPES,
    PairOptions,
    load_pair,
    make_specimens,
    measuring,
    pair_options,
)
from parity.sides.documents import read_mapping


@click.command()
@pair_options
@click.option("--modules", metavar="FILE|{...}", help="Paths of REFERENCE's modules to CANDIDATE's, where needed.")
@click.option("--dtype", type=click.Choice(DTYPES), default="float32", show_default=True)
@click.option(
    "--tolerance",
    type=click.FloatRange(min=0),
    help="The relative difference that passes; by default 0 where both have the same names, else rounding.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON, with every module that was compared.")
def bisect(modules: str | None, dtype: str, tolerance: float | None, as_json: bool, **pair: Any) -> None:
    """Find the first module of CANDIDATE whose inputs agree with REFERENCE's and whose output does not.

    Both run once, side by side. Modules are paired by their names, or by their weights where the names differ, so that
    a fused projection meets its parts. Neither side is changed.

    Exit code: 0 if the two agree, 1 if they part, 2 if they cannot be run.
    """
    with measuring() as announce:
        options = PairOptions(**pair)
        given = read_mapping(modules, "modules") if modules else {}
        ours, theirs, kind = make_specimens(load_pair(options, announce), dtype, announce)
        from parity.bisection.bisect import bisect as search

        named = {path: str(other) for path, other in given.items()}
        result = search(ours, theirs, kind, tolerance, named, options.seed, announce)
    from parity.bisection.report import render_json, render_text

    click.echo(render_json(result) if as_json else render_text(result))
    sys.exit(0 if result.verdict == "agree" else 1)
