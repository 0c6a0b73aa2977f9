"""The options that say what a pair is, shared by the commands that run one, and how a bad request is reported."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click
from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from parity.errors import ParityError, describe, nearest_name
from parity.sides.documents import read_mapping


# torch takes seconds to import, so everything that needs it is imported when a measurement begins.
if TYPE_CHECKING:
    import torch

    from parity.bisection.bisect import Specimen
    from parity.sides.mapping import WeightMapping
    from parity.sides.pair import Pair

DTYPES = ("float64", "float32", "bfloat16", "float16")

_Command = TypeVar("_Command", bound=Callable[..., Any])


class _BadRequest(click.ClickException):
    exit_code = 2


@dataclass(frozen=True)
class PairOptions:
    """What the command line says about a pair, before anything of it is imported."""

    reference: str
    candidate: str
    config: str
    candidate_config: str | None
    inputs_file: str | None
    shorthands: tuple[str, ...]
    candidate_inputs: str | None
    mapping: str | None
    checkpoint: str | None
    seed: int


_OPTIONS = (
    click.argument("reference"),
    click.argument("candidate"),
    click.option("--config", default="{}", metavar="FILE|{...}", help="Keyword arguments of both classes."),
    click.option("--candidate-config", metavar="FILE|{...}", help="Those of CANDIDATE, if they are others."),
    click.option(
        "--inputs",
        "inputs_file",
        metavar="FILE|{...}",
        help="Arguments of forward: name to shape, kind, dtype or value.",
    ),
    click.option(
        "--input",
        "shorthands",
        multiple=True,
        metavar="NAME=SHAPE[:DTYPE|KIND]",
        help="One more argument of forward, for example hidden_states=1x16x128 or img_ids=16x4:ids.",
    ),
    click.option(
        "--candidate-inputs",
        metavar="FILE|{...}",
        help="Arguments of CANDIDATE's forward, if they are others; {from: NAME} takes one of REFERENCE's over.",
    ),
    click.option(
        "--mapping",
        metavar="FUNCTION|FILE",
        help="What turns REFERENCE's state dict into CANDIDATE's: the import path of a function, or rules in YAML.",
    ),
    click.option(
        "--checkpoint",
        metavar="PATH",
        help="A safetensors file or folder with REFERENCE's weights, else drawn.",
    ),
    click.option(
        "--seed", default=0, show_default=True, help="For weights, inputs and what the models draw themselves."
    ),
)


def pair_options(command: _Command) -> _Command:
    """Gives a command the arguments and options that `PairOptions` holds, by their names."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


def load_pair(options: PairOptions, announce: Callable[[str], None]) -> Pair:
    """Reads the files and imports the classes that the options name.

    Raises:
        ParityError: If a file cannot be read, or something cannot be imported.
    """
    config = read_mapping(options.config, "config")
    candidate_config = read_mapping(options.candidate_config, "config") if options.candidate_config else config
    descriptions = read_mapping(options.inputs_file, "inputs") if options.inputs_file else {}
    others = read_mapping(options.candidate_inputs, "inputs") if options.candidate_inputs else None
    import_torch(announce)
    from parity.sides.inputs import describe_inputs, parse_shorthand
    from parity.sides.loading import load_class
    from parity.sides.pair import Pair, Side

    inputs = describe_inputs(descriptions, options.inputs_file or "the inputs")
    inputs |= dict(parse_shorthand(text) for text in options.shorthands)
    candidate_inputs = inputs if others is None else describe_inputs(others, str(options.candidate_inputs))
    announce(f"importing {options.reference} and {options.candidate}")
    return Pair(
        Side(options.reference, load_class(options.reference), config, inputs),
        Side(options.candidate, load_class(options.candidate), candidate_config, candidate_inputs),
        _mapping(options.mapping) if options.mapping else None,
        Path(options.checkpoint) if options.checkpoint else None,
        options.seed,
    )


def _mapping(source: str) -> WeightMapping:
    from parity.sides.mapping import load_mapping
    from parity.sides.renaming import read_renaming

    is_file = source.lstrip().startswith("{") or Path(source).suffix in (".yaml", ".yml", ".json")
    return read_renaming(source) if is_file else load_mapping(source)


def make_specimens(pair: Pair, dtype: str, announce: Callable[[str], None]) -> tuple[Specimen, Specimen, torch.dtype]:
    """Makes both sides with equal weights and draws their inputs.

    Raises:
        ParityError: If the weights do not fit together, or a side cannot be made.
    """
    import torch

    from parity.bisection.bisect import Specimen
    from parity.sides.loading import effective_config
    from parity.sides.pair import draw_pair_inputs, make_pair

    kind: torch.dtype = getattr(torch, dtype)
    announce("making both models")
    made = make_pair(pair, kind)
    if not made.weights.is_complete:
        raise ParityError(
            "The state dicts do not fit together, so there is nothing to run: `parity compare` with the same "
            "arguments lists what differs; give a --mapping if the layouts do."
        )
    ours, theirs = draw_pair_inputs(pair, kind)
    sides = ((pair.reference, made.reference, ours), (pair.candidate, made.candidate, theirs))
    reference, candidate = (
        Specimen(side.path, module, inputs, effective_config(side.module_class, side.config))
        for side, module, inputs in sides
    )
    return reference, candidate, kind


def make_pipeline(path: str) -> Any:
    """Makes a pipeline by calling what an import path names.

    Raises:
        ParityError: If that cannot be imported or called, or does not make something to call.
    """
    from parity.sides.loading import load_object

    maker = load_object(path)
    if not callable(maker):
        raise ParityError(f"{path}: not a function or class that makes a pipeline.")
    try:
        pipeline = maker()
    except Exception as error:
        raise ParityError(f"{path}: making the pipeline failed: {describe(error)}") from error
    if not callable(pipeline):
        raise ParityError(f"{path}: made a {type(pipeline).__name__}, which cannot be called as a pipeline.")
    return pipeline


def import_torch(announce: Callable[[str], None]) -> None:
    """Imports torch while a terminal says so.

    Raises:
        ParityError: If it is not installed.
    """
    announce("importing torch")
    try:
        import torch  # noqa: F401
    except ModuleNotFoundError:
        raise ParityError("parity needs torch: pip install 'modelwright[torch]'") from None


@contextmanager
def measuring() -> Iterator[Callable[[str], None]]:
    """Shows on a terminal what a measurement does and for how long, and turns a bad request into exit code 2."""
    console = Console(stderr=True)
    columns = SpinnerColumn(), TextColumn("{task.description}", markup=False), TimeElapsedColumn()
    try:
        with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
            task = progress.add_task("reading", total=None)
            yield lambda step: progress.update(task, description=step)
    except ParityError as error:
        raise _BadRequest(str(error)) from None


def read_dtypes(text: str) -> list[str]:
    """Reads comma-separated names of dtypes, each once.

    Raises:
        ParityError: If a name is unknown, or there is none.
    """
    names = [name.strip() for name in text.split(",") if name.strip()]
    for name in names:
        if name not in DTYPES:
            raise ParityError(
                f"--dtype: unknown dtype `{name}`.{nearest_name(name, DTYPES)} Known are {', '.join(DTYPES)}."
            )
    if not names:
        raise ParityError(f"--dtype: name at least one of {', '.join(DTYPES)}.")
    return list(dict.fromkeys(names))
