"""`parity diagnose`: which of the known pitfalls explains a difference."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import msgspec

from parity.commands.options import (
    DTYPES,
    PairOptions,
    import_torch,
    load_pair,
    make_pipeline,
    make_specimens,
    measuring,
    pair_options,
)
from parity.errors import ParityError
from parity.sides.documents import read_mapping


if TYPE_CHECKING:
    from parity.diagnosis.explaining import Cause, Diagnosis

_SHOWN = 5
_TOLD_WITHOUT_A_CHANGE = ("rounding", "state")


# What is asked of two models alone, and of two pipelines alone.
_OF_MODELS = ("config", "candidate_config", "inputs_file", "shorthands", "candidate_inputs", "mapping", "checkpoint")
_OF_PIPELINES = ("call", "candidate_call", "names", "injected")


@click.command()
@pair_options
@click.option("--dtype", type=click.Choice(DTYPES), default="float32", show_default=True)
@click.option("--tolerance", type=click.FloatRange(min=0), help="The relative distance that counts as agreement.")
@click.option("--steps", type=click.IntRange(min=1), help="Two pipelines, and the number of steps that they take.")
@click.option("--call", metavar="FILE|{...}", help="Keyword arguments of both pipelines' calls.")
@click.option("--candidate-call", metavar="FILE|{...}", help="Those of CANDIDATE, if they are others.")
@click.option("--names", metavar="FILE|{...}", help="What CANDIDATE calls the values that enter the loop.")
@click.option(
    "--injected", metavar="FILE", help="A safetensors file with what CANDIDATE's loop was made to start from."
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def diagnose(
    dtype: str,
    tolerance: float | None,
    steps: int | None,
    call: str | None,
    candidate_call: str | None,
    names: str | None,
    injected: str | None,
    as_json: bool,
    **pair: Any,
) -> None:
    """Try the known pitfalls on copies of both sides, and say which one explains the difference.

    Two models: config values, timesteps, positions, the order of shift and scale, heads, transposed weights, biases,
    norms, epsilons, rounding, state and random generators. With --steps two pipelines, as for `parity trace`: noise,
    schedulers, decoders, configs, what was injected. Neither side is changed.

    Exit code: 0 if the two agree, 1 if they differ, 2 if they cannot be run.
    """
    with measuring() as announce:
        options = PairOptions(**pair)
        _refuse_others(click.get_current_context(), of_pipelines=steps is not None)
        if steps is None:
            result = _diagnose_models(options, dtype, tolerance, announce)
        else:
            ours = read_mapping(call or "{}", "call")
            theirs = read_mapping(candidate_call, "call") if candidate_call else ours
            renamed = {key: str(each) for key, each in read_mapping(names or "{}", "names").items()}
            import_torch(announce)
            from parity.diagnosis.pipelines import diagnose_pipelines
            from parity.pipelines.trace import Runnable
            from parity.sides.checkpoints import read_tensors

            first = Runnable(options.reference, make_pipeline(options.reference), ours)
            second = Runnable(options.candidate, make_pipeline(options.candidate), theirs)
            tensors = read_tensors(Path(injected)) if injected else None
            result = diagnose_pipelines(
                first, second, steps, renamed, tensors, tolerance or 0.0, options.seed, announce
            )
    text = msgspec.json.format(msgspec.json.encode(result), indent=2).decode()
    click.echo(text if as_json else render_text(result))
    sys.exit(0 if result.verdict == "agree" else 1)


def _diagnose_models(
    options: PairOptions, dtype: str, tolerance: float | None, announce: Callable[[str], None]
) -> Diagnosis:
    ours, theirs, kind = make_specimens(load_pair(options, announce), dtype, announce)
    from parity.diagnosis.models import diagnose as examine

    return examine(ours, theirs, kind, tolerance, options.seed, announce)


def _refuse_others(context: click.Context, *, of_pipelines: bool) -> None:
    """Options that mean nothing for what is examined are no slip to pass over.

    Raises:
        ParityError: If there is one.
    """
    refused = (*_OF_MODELS, "dtype") if of_pipelines else _OF_PIPELINES
    for parameter in context.command.params:
        source = context.get_parameter_source(parameter.name or "")
        if parameter.name in refused and source is not click.core.ParameterSource.DEFAULT:
            what = "two models; without --steps" if of_pipelines else "two pipelines; with --steps"
            raise ParityError(f"{parameter.opts[0]} is for {what} it can be given.")


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
    names = "; ".join(dict.fromkeys(cause.experiment for cause in result.causes[: result.explained_by]))
    if result.verdict == "agree":
        yield click.style("AGREE", fg="green", bold=True) + "  there is nothing to explain"
    elif result.verdict == "explained":
        yield click.style("EXPLAINED", fg="yellow", bold=True) + f"  {names}"
    elif result.verdict == "partly":
        yield click.style("PARTLY", fg="red", bold=True) + f"  {names}; something else is left"
    else:
        yield click.style("UNEXPLAINED", fg="red", bold=True) + (
            "  none of the known pitfalls alone; `parity bisect` names the module to look into"
        )
    yield from _cause_lines(result.causes[: result.explained_by])
    for lead in result.leads[:_SHOWN]:
        yield f"  seen at {lead.place}: the candidate's {lead.text}"
    yield from _cause_lines(result.causes[result.explained_by : max(_SHOWN, result.explained_by)])


def _cause_lines(causes: Sequence[Cause]) -> Iterator[str]:
    for number, cause in enumerate(causes):
        yield f"  {cause.experiment}: {_words(cause)}"
        # The same slip in several places has one remedy.
        if cause.remedy not in {each.remedy for each in causes[number + 1 :]}:
            yield f"    {cause.remedy}"


def _words(cause: Cause) -> str:
    if cause.experiment in _TOLD_WITHOUT_A_CHANGE:
        return cause.text
    at = "" if cause.place in ("the output", "the result") else f" at {cause.place}"
    if cause.side == "candidate":
        return f"the difference closes by {cause.closed:.1%}{at} with {cause.text}"
    return f"the reference comes {cause.closed:.1%} nearer to the candidate{at} with {cause.text}"
