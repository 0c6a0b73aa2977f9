"""`parity diagnose`: which of the known pitfalls explains a difference."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import click
import msgspec

from parity.commands.options import DTYPES, PairOptions, load_pair, make_specimens, measuring, pair_options


if TYPE_CHECKING:
    from parity.diagnose import Diagnosis

_SHOWN = 5


@click.command()
@pair_options
@click.option("--dtype", type=click.Choice(DTYPES), default="float32", show_default=True)
@click.option("--tolerance", type=click.FloatRange(min=0), help="The relative distance that counts as agreement.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def diagnose(dtype: str, tolerance: float | None, as_json: bool, **pair: Any) -> None:
    """Try the known pitfalls on copies of both sides, and say which one explains the difference.

    Timesteps, positions, the order of shift and scale, heads, transposed weights, biases, norms, epsilons, rounding,
    state and random generators. Neither side is changed.

    Exit code: 0 if the two agree, 1 if they differ, 2 if they cannot be run.
    """
    with measuring() as announce:
        options = PairOptions(**pair)
        ours, theirs, kind = make_specimens(load_pair(options, announce), dtype, announce)
        from parity.diagnose import diagnose as examine

        result = examine(ours, theirs, kind, tolerance, options.seed, announce)
    text = msgspec.json.format(msgspec.json.encode(result), indent=2).decode()
    click.echo(text if as_json else render_text(result))
    sys.exit(0 if result.verdict == "agree" else 1)


def render_text(result: Diagnosis) -> str:
    """Renders what people read; colours are escape codes."""
    return "\n".join(_lines(result))


def _lines(result: Diagnosis) -> Iterator[str]:
    yield f"reference  {result.reference}"
    yield f"candidate  {result.candidate}"
    yield f"distance   {result.difference:.2e} of the size of the output, in {result.dtype}"
    if result.tried:
        failed = f", {result.failed} of which could not run" if result.failed else ""
        yield f"tried      {result.tried} changes{failed}"
    yield ""
    if result.verdict == "agree":
        yield click.style("AGREE", fg="green", bold=True) + "  there is nothing to explain"
    elif result.verdict == "explained":
        yield click.style("EXPLAINED", fg="yellow", bold=True) + f"  {result.causes[0].experiment}"
    else:
        yield click.style("UNEXPLAINED", fg="red", bold=True) + (
            "  none of the known pitfalls alone; `parity bisect` names the module to look into"
        )
    for cause in result.causes[:_SHOWN]:
        words = {
            "candidate": f"the difference closes by {cause.closed:.1%} with {cause.text}",
            "reference": f"the reference comes {cause.closed:.1%} nearer to the candidate with {cause.text}",
        }
        if cause.experiment in ("rounding", "state", "global generator"):
            words["candidate"] = cause.text
        yield f"  {cause.experiment}: {words[cause.side]}"
        yield f"    {cause.remedy}"
