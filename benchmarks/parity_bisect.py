"""What `parity bisect` costs beside the two forwards that it runs: time, and memory above the weights.

`python -m benchmarks.parity_bisect` measures FLUX.2 transformers of 73 million weights on 1152 tokens and writes
`benchmarks/parity_bisect.md`. It ends with 1 where the search takes more than 1.3 times the forwards, or holds more
than both forwards hold at their peaks and two activations.
"""

from __future__ import annotations

import argparse
import datetime
import functools
import platform
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from types import ModuleType
from typing import Any

import diffusers
import torch
from torch import nn

from parity.bisection.bisect import Bisection, Specimen, bisect
from parity.sides.inputs import Argument, describe_inputs
from parity.sides.mapping import WeightMapping
from parity.sides.pair import Pair, Side, draw_pair_inputs, make_pair
from scaffold.applying import write_folder
from scaffold.loading import load_spec
from scaffold.rendering import render_folder
from tests.parity.research_flux2 import Flux2
from tests.scaffold.costs import Ledger
from tests.scaffold.pairs import import_folder


PAGE = Path(__file__).with_suffix(".md")
# The issue's own bounds: of the time of both forwards, and in activations above what both forwards hold.
MOST_TIME = 1.3
MOST_ACTIVATIONS = 2

WIDTH, HEADS, CHANNELS, CONTEXT, TIME, DEPTH, DEPTH_SINGLE = 768, 12, 64, 512, 256, 2, 4
IMAGE_TOKENS, TEXT_TOKENS = 1024, 128
CONFIG = {
    "in_channels": CHANNELS,
    "num_layers": DEPTH,
    "num_single_layers": DEPTH_SINGLE,
    "attention_head_dim": WIDTH // HEADS,
    "num_attention_heads": HEADS,
    "joint_attention_dim": CONTEXT,
    "timestep_guidance_channels": TIME,
    "axes_dims_rope": [16, 16, 16, 16],
}
RESEARCH = {
    "channels": CHANNELS,
    "depth": DEPTH,
    "depth_single": DEPTH_SINGLE,
    "width": WIDTH,
    "heads": HEADS,
    "context": CONTEXT,
    "time_dim": TIME,
    "axes": (16, 16, 16, 16),
}
INPUTS = {
    "hidden_states": {"shape": [1, IMAGE_TOKENS, CHANNELS]},
    "encoder_hidden_states": {"shape": [1, TEXT_TOKENS, CONTEXT]},
    "timestep": {"value": [0.7]},
    "guidance": {"value": [3.5]},
    "img_ids": {"shape": [1, IMAGE_TOKENS, 4], "kind": "ids"},
    "txt_ids": {"shape": [1, TEXT_TOKENS, 4], "kind": "ids"},
}
RESEARCH_NAMES = {
    "hidden_states": "x",
    "encoder_hidden_states": "ctx",
    "timestep": "timesteps",
    "guidance": "guidance",
    "img_ids": "x_ids",
    "txt_ids": "ctx_ids",
}
FAULT = ("(1 + scale_attn) * self.norm(hidden_states)", "(1 + 1.01 * scale_attn) * self.norm(hidden_states)")
INTRODUCTION = f"""# What `parity bisect` costs

FLUX.2 transformers of width {WIDTH} with {DEPTH} + {DEPTH_SINGLE} blocks on
{IMAGE_TOKENS} + {TEXT_TOKENS} tokens, in float32 on one thread.
Time is CPU time, medians of forwards and searches in turn; the search is all of `bisect`, with
the pairing of the modules. Memory is what lives at once of the storages that are made after the weights, each tensor
counted when torch makes it and when it goes. An activation is the largest tensor that a module returns. `make
parity-costs` makes this page.
"""


@dataclass(frozen=True)
class Row:
    """What one pair gave.

    Attributes:
        title: what is compared.
        verdict: what the search says.
        calls: how many calls of paired modules it compared.
        forwards: the medians of the CPU seconds of the two forwards.
        search: the median of the CPU seconds of the search.
        peaks: the most bytes that each forward holds above the weights.
        held: the most bytes that the search holds above the weights.
        activation: the bytes of the largest tensor that a module returns.
    """

    title: str
    verdict: str
    calls: int
    forwards: tuple[float, float]
    search: float
    peaks: tuple[int, int]
    held: int
    activation: int

    @property
    def ratio(self) -> float:
        """The time of the search, of that of both forwards."""
        return self.search / sum(self.forwards)

    @property
    def activations(self) -> float:
        """What the search holds above what both forwards hold at their peaks, in activations."""
        return (self.held - sum(self.peaks)) / self.activation

    @property
    def passes(self) -> bool:
        """Whether it stays within both bounds."""
        return self.ratio <= MOST_TIME and self.activations <= MOST_ACTIVATIONS


def make_pairs(place: Path) -> Iterator[tuple[str, tuple[Specimen, Specimen]]]:
    """The pairs, each with its title."""
    plain, faulty = _generate(place)
    inputs = describe_inputs(INPUTS, "inputs")
    reference = Side("diffusers", diffusers.Flux2Transformer2DModel, CONFIG, inputs)
    yield "diffusers, generated", _specimens(reference, plain, inputs)
    yield "diffusers, generated with a fault in the first single block", _specimens(reference, faulty, inputs)
    renamed = describe_inputs({RESEARCH_NAMES[name]: each for name, each in INPUTS.items()}, "inputs")
    taken = describe_inputs({name: {"from": other} for name, other in RESEARCH_NAMES.items()}, "inputs")
    mapping = WeightMapping("mapping", plain.weight_mapping.FLUX2_WEIGHT_MAPPING.map_to_diffusers)
    written_apart = Side("research", Flux2, RESEARCH, renamed)
    yield "written apart (fused projections, other names), generated", _specimens(written_apart, plain, taken, mapping)


def _generate(place: Path) -> Iterator[ModuleType]:
    """The generated package, and a copy of it with the fault."""
    files = render_folder(load_spec("flux2"))
    spoiled = files["model.py"].replace(*FAULT, 1)
    if spoiled == files["model.py"]:
        raise ValueError(f"The generated model has no `{FAULT[0]}` to plant the fault in.")
    for name, model in (("flux2_plain", files["model.py"]), ("flux2_faulty", spoiled)):
        write_folder(place / name, files | {"model.py": model})
        yield next(iter(import_folder(place / name)))


def _specimens(
    reference: Side, package: ModuleType, inputs: dict[str, Argument], mapping: WeightMapping | None = None
) -> tuple[Specimen, Specimen]:
    candidate = Side("generated", package.Flux2Transformer2DModel, CONFIG, inputs)
    pair = Pair(reference, candidate, mapping)
    made = make_pair(pair, torch.float32)
    if not made.weights.is_complete:
        raise ValueError("The weights of the two do not fit together.")
    ours, theirs = draw_pair_inputs(pair, torch.float32)
    return Specimen("reference", made.reference, ours), Specimen("candidate", made.candidate, theirs)


def measure(title: str, reference: Specimen, candidate: Specimen, repeats: int) -> Row:
    """Times the forwards and the search in turn, and counts what each holds."""
    times: list[tuple[float, float, float]] = []
    for each in (reference, candidate):
        run(each)
    for _ in range(repeats):
        steps = (lambda: run(reference), lambda: run(candidate), lambda: search(reference, candidate))
        times.append((seconds(steps[0]), seconds(steps[1]), seconds(steps[2])))
    ours, theirs, searching = (statistics.median(each) for each in zip(*times, strict=True))
    peaks = tuple(peak_of([each], lambda each=each: run(each)) for each in (reference, candidate))
    held = peak_of([reference, candidate], lambda: search(reference, candidate))
    answer = search(reference, candidate)
    return Row(
        title=title,
        verdict=answer.verdict,
        calls=len(answer.passages),
        forwards=(ours, theirs),
        search=searching,
        peaks=peaks,
        held=held,
        activation=max(largest_output(each) for each in (reference, candidate)),
    )


def run(specimen: Specimen) -> None:
    """One forward."""
    with torch.no_grad():
        specimen.module(**specimen.inputs)


def search(reference: Specimen, candidate: Specimen) -> Bisection:
    """One bisection."""
    return bisect(reference, candidate, torch.float32)


def seconds(call: Callable[[], object]) -> float:
    """The CPU seconds of a call, over all threads: neighbours on the machine do not count."""
    start = time.process_time()
    call()
    return time.process_time() - start


def peak_of(specimens: list[Specimen], call: Callable[[], object]) -> int:
    """The most bytes above weights and inputs that live at once during a call."""
    known = [each for specimen in specimens for each in _tensors(specimen)]
    ledger = Ledger(known)
    with counted_forwards(specimens, ledger), ledger:
        call()
    return ledger.peak


def _tensors(specimen: Specimen) -> Iterator[torch.Tensor]:
    yield from specimen.module.parameters()
    yield from specimen.module.buffers()
    yield from (each for each in specimen.inputs.values() if isinstance(each, torch.Tensor))


@contextmanager
def counted_forwards(specimens: list[Specimen], ledger: Ledger) -> Iterator[None]:
    """Lets a ledger count in each forward, in whichever thread it runs: a mode of torch holds for its own thread."""

    def counted(forward: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(forward)
        def run_counted(*args: Any, **kwargs: Any) -> Any:
            with ledger:
                return forward(*args, **kwargs)

        return run_counted

    for each in specimens:
        each.module.forward = counted(each.module.forward)
    try:
        yield
    finally:
        for each in specimens:
            del each.module.forward


def largest_output(specimen: Specimen) -> int:
    """The bytes of the largest tensor that a module of it returns."""
    sizes: list[int] = []

    def note(_module: nn.Module, _inputs: object, output: object) -> None:
        sizes.extend(each.nbytes for each in torch.utils._pytree.tree_leaves(output) if isinstance(each, torch.Tensor))

    handles = [each.register_forward_hook(note) for each in specimen.module.modules()]
    run(specimen)
    for handle in handles:
        handle.remove()
    return max(sizes)


def write_page(rows: list[Row], repeats: int) -> str:
    """The page about all pairs."""
    versions = f"torch {torch.__version__}, diffusers {version('diffusers')}, Python {platform.python_version()}"
    lines = [INTRODUCTION, f"{datetime.date.today()}, {versions}, {repeats} runs of each.", ""]
    lines += [
        "| reference, candidate | verdict | calls compared | forwards, s | search, s | ratio (at most "
        f"{MOST_TIME}) | forwards hold, MB | search holds, MB | an activation, MB | above the forwards, in "
        f"activations (at most {MOST_ACTIVATIONS}) |",
        "| --- | --- " + "| ---: " * 8 + "|",
    ]
    for row in rows:
        forwards = ", ".join(f"{each:.2f}" for each in row.forwards)
        peaks = ", ".join(f"{each / 1e6:.1f}" for each in row.peaks)
        lines.append(
            f"| {row.title} | {row.verdict} | {row.calls} | {forwards} | {row.search:.2f} | {row.ratio:.2f} "
            f"| {peaks} | {row.held / 1e6:.1f} | {row.activation / 1e6:.1f} | {row.activations:.1f} |"
        )
    return "\n".join(lines) + "\n"


def main() -> None:
    """Measure every pair, write the page, and say whether the bounds hold."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=7, help="runs of each forward and search")
    repeats = parser.parse_args().repeats
    torch.set_num_threads(1)
    rows = []
    with tempfile.TemporaryDirectory() as place:
        for title, specimens in make_pairs(Path(place)):
            print(f"{title} ...", file=sys.stderr)
            rows.append(measure(title, *specimens, repeats))
    PAGE.write_text(write_page(rows, repeats), encoding="utf-8")
    print(PAGE.read_text(encoding="utf-8"))
    if not all(row.passes for row in rows):
        sys.exit("the search costs more than it may")


if __name__ == "__main__":
    main()
