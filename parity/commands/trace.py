"""`parity trace`: two pipelines, stage by stage and step by step."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click
import msgspec

from parity.commands.options import import_torch, make_pipeline, measuring
from parity.sides.documents import read_mapping


if TYPE_CHECKING:
    from parity.comparison.tensors import TensorComparison
    from parity.pipelines.trace import Trace

_VERDICTS = {
    "agree": "what enters the loop, every step and the decoder are within tolerance",
    "encode": "what enters the loop differs; mend that first, the steps only carry it on",
    "decode": "the decoders make different things of the same latents; mend that before the loop",
    "carried": "one step differs; the steps after it only carry that on",
    "loop": "the loop differs: its steps add to the difference",
}


@click.command()
@click.argument("reference")
@click.argument("candidate")
@click.option("--call", default="{}", metavar="FILE|{...}", help="Keyword arguments of both calls.")
@click.option("--candidate-call", metavar="FILE|{...}", help="Those of CANDIDATE, if they are others.")
@click.option("--steps", type=click.IntRange(min=1), required=True, help="The number of steps that the calls take.")
@click.option(
    "--names", default="{}", metavar="FILE|{...}", help="What CANDIDATE calls the values that enter the loop."
)
@click.option("--tolerance", default=0.0, type=click.FloatRange(min=0), help="The largest difference that passes.")
@click.option("--seed", default=0, show_default=True, help="For what the pipelines draw.")
@click.option("--plot", metavar="FILE", help="Draw the differences, as .svg, .png or .pdf.")
@click.option(
    "--frames", default=0, type=click.IntRange(min=0), help="Keep so many pictures of both in the JSON, for a report."
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def trace(
    reference: str,
    candidate: str,
    call: str,
    candidate_call: str | None,
    steps: int,
    names: str,
    tolerance: float,
    seed: int,
    plot: str | None,
    frames: int,
    as_json: bool,
) -> None:
    """Compare two pipelines: what enters the loop, what the decoder makes, and the latents after each step.

    REFERENCE and CANDIDATE are import paths of functions or classes that make a pipeline when called. A pipeline that
    takes `checkpoints` is asked for preloop, step_0, ... and decode; diffusers' pipelines are seen from outside.

    Exit code: 0 if all of it is within tolerance, 1 if not, 2 if the pipelines cannot be run.
    """
    with measuring() as announce:
        arguments = read_mapping(call, "call")
        others = read_mapping(candidate_call, "call") if candidate_call else arguments
        renamed = {key: str(each) for key, each in read_mapping(names, "names").items()}
        import_torch(announce)
        from parity.pipelines.plotting import check_path, draw
        from parity.pipelines.trace import Runnable
        from parity.pipelines.trace import trace as follow

        if plot:
            check_path(Path(plot))
        sides = [
            Runnable(path, make_pipeline(path), given) for path, given in ((reference, arguments), (candidate, others))
        ]
        result = follow(sides[0], sides[1], steps, renamed, tolerance, seed, frames, announce)
        if plot:
            draw(result, Path(plot))
    text = msgspec.json.format(msgspec.json.encode(result), indent=2).decode()
    click.echo(text if as_json else render_text(result))
    sys.exit(0 if result.verdict == "agree" else 1)


def render_text(result: Trace) -> str:
    """Renders what people read; colours are escape codes."""
    return "\n".join(_lines(result))


def _lines(result: Trace) -> Iterator[str]:
    yield f"reference  {result.reference}"
    yield f"candidate  {result.candidate}"
    yield ""
    yield from _stage("encode", result.encode)
    if result.not_compared:
        yield f"        not compared: {', '.join(result.not_compared)}"
    yield from _stage("decode", result.decode)
    for step in result.steps:
        carried = "" if step.carried is None or not step.max else f"  of that carried on: {step.carried:.2e}"
        size = "NaN or infinity" if step.max is None else f"{step.max:.2e}{carried}" if step.max else "0"
        yield f"step {step.step:<3} {size}"
    yield ""
    colour = "green" if result.verdict == "agree" else "red"
    yield click.style(result.verdict.upper(), fg=colour, bold=True) + f"  {_VERDICTS[result.verdict]}"
    if result.first_step is not None:
        size = "no more than rounding" if result.is_rounding else "more than rounding"
        yield f"the latents first differ after step {result.first_step}, by {size}{_growth(result)}"


def _growth(result: Trace) -> str:
    first, last = result.steps[result.first_step or 0].max, result.steps[-1].max
    if not first or last is None or last <= first:
        return ""
    return f"; by the last step the difference is {last / first:.1f} times that"


def _stage(title: str, entries: tuple[TensorComparison, ...]) -> Iterator[str]:
    for entry in entries:
        yield f"{title}  {entry.name}  {'pass' if entry.passed else f'FAIL  {entry.reason}'}"
    if not entries:
        yield f"{title}  nothing to compare"
