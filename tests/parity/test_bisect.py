"""`parity bisect` names the module that holds a planted fault, in equal and in other module trees, and no other."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import diffusers
import pytest
import torch
from click.testing import CliRunner, Result
from torch import nn

from benchmarks.parity_bisect import largest_output, peak_of
from benchmarks.parity_bisect import run as run_forward
from parity.bisection.bisect import Bisection, Specimen, bisect
from parity.cli import main
from parity.errors import ParityError
from parity.sides.inputs import describe_inputs
from parity.sides.mapping import WeightMapping
from parity.sides.pair import Made, Pair, Side, draw_pair_inputs, make_pair
from tests.parity.conftest import CANDIDATE_INPUTS, CONFIG, REFERENCE_INPUTS, faulty
from tests.parity.research_flux2 import Flux2
from tests.parity.test_stages import traces_of


DIFFUSERS_INPUTS = {name: REFERENCE_INPUTS[entry["from"]] for name, entry in CANDIDATE_INPUTS.items()}


def make(package: Any, reference: str, dtype: torch.dtype = torch.float32) -> tuple[Specimen, Specimen]:
    """Two specimens: diffusers' class or the research code, and a package's model."""
    model, config = package.Flux2Transformer2DModel, CONFIG
    if reference == "research":
        theirs = Side("research", Flux2, {}, describe_inputs(REFERENCE_INPUTS, ""))
        ours = Side("flux2", model, config, describe_inputs(CANDIDATE_INPUTS, ""))
        mapping = WeightMapping("mapping", package.weight_mapping.FLUX2_WEIGHT_MAPPING.map_to_diffusers)
        pair = Pair(theirs, ours, mapping)
    else:
        inputs = describe_inputs(DIFFUSERS_INPUTS, "")
        reference_class = diffusers.Flux2Transformer2DModel
        pair = Pair(Side("diffusers", reference_class, config, inputs), Side("flux2", model, config, inputs))
    made: Made = make_pair(pair, dtype)
    assert made.weights.is_complete
    one, two = draw_pair_inputs(pair, dtype)
    return Specimen("reference", made.reference, one), Specimen("candidate", made.candidate, two)


def search(package: Any, reference: str, dtype: torch.dtype = torch.float32) -> Bisection:
    return bisect(*make(package, reference, dtype), dtype)


# The fault, and where it lies: in the module that diffusers' tree shows, and in the one that the other tree shows,
# which has no attention module, position module and time projection of its own.
FAULTS: dict[str, tuple[str, str, str, str]] = {
    "shift and scale trade places": (
        "(1 + scale_attn) * self.norm(hidden_states) + shift_attn",
        "(1 + shift_attn) * self.norm(hidden_states) + scale_attn",
        "single_transformer_blocks.0",
        "single_transformer_blocks.0",
    ),
    "timestep scaled by 100": (
        "timestep.to(hidden_states.dtype) * 1000",
        "timestep.to(hidden_states.dtype) * 100",
        "",
        "",
    ),
    "timestep rounded to an integer": (
        "timestep.to(hidden_states.dtype) * 1000",
        "timestep.to(hidden_states.dtype).round() * 1000",
        "",
        "",
    ),
    "another theta": ("theta=self.theta", "theta=3*self.theta", "pos_embed", "transformer_blocks.0"),
    "positions in bfloat16": (
        "positions = ids.float()",
        "positions = (ids + 300).bfloat16().float() - 300",
        "pos_embed",
        "transformer_blocks.0",
    ),
    "a gate is left out": (
        "hidden_states = hidden_states + gate_attn * attn_output",
        "hidden_states = hidden_states + attn_output",
        "transformer_blocks.0",
        "transformer_blocks.0",
    ),
    "guidance is left out": (
        "temb = temb + self.guidance_embedder(",
        "temb = temb + 0 * self.guidance_embedder(",
        "time_guidance_embed",
        "",
    ),
    "the halves of a gated layer trade places": (
        "gate, hidden_states = hidden_states.chunk(2, dim=-1)",
        "hidden_states, gate = hidden_states.chunk(2, dim=-1)",
        "transformer_blocks.0.ff.act_fn",
        "transformer_blocks.0.ff",
    ),
    "the image tokens are cut at the wrong end": (
        "hidden_states = hidden_states[:, num_txt_tokens:]",
        "hidden_states = hidden_states[:, :-num_txt_tokens]",
        "",
        "",
    ),
    "the last norm sees another condition": (
        "self.norm_out(hidden_states, temb)",
        "self.norm_out(hidden_states, temb * 1.01)",
        "",
        "",
    ),
}


@pytest.mark.parametrize("reference", ["diffusers", "research"])
@pytest.mark.parametrize("fault", FAULTS)
def test_a_planted_fault_is_named(fault: str, reference: str, generated: Path, tmp_path: Path) -> None:
    old, new, in_diffusers, in_research = FAULTS[fault]
    answer = search(faulty(generated, tmp_path, old, new), reference)
    assert answer.verdict == "parted"
    assert answer.finding is not None
    assert answer.finding.passage.candidate == (in_diffusers if reference == "diffusers" else in_research)


@pytest.mark.parametrize("reference", ["diffusers", "research"])
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.bfloat16])
def test_without_a_fault_nothing_is_blamed(
    reference: str, dtype: torch.dtype, generated: Path, tmp_path: Path
) -> None:
    answer = search(faulty(generated, tmp_path), reference, dtype)
    assert answer.verdict == "agree"
    assert answer.finding is None
    assert not answer.candidate_unpaired
    assert answer.tolerance == 0 or reference == "research"


@pytest.mark.parametrize("reference", ["diffusers", "research"])
def test_it_holds_no_more_than_both_forwards_and_two_activations(
    reference: str, generated: Path, tmp_path: Path
) -> None:
    sides = make(faulty(generated, tmp_path, *FAULTS["a gate is left out"][:2]), reference)
    forwards = sum(peak_of([side], lambda side=side: run_forward(side)) for side in sides)
    activation = max(largest_output(side) for side in sides)
    assert peak_of(list(sides), lambda: bisect(*sides, torch.float32)) <= forwards + 2 * activation


def test_a_fused_projection_meets_its_parts(generated: Path, tmp_path: Path) -> None:
    answer = search(faulty(generated, tmp_path), "research")
    compared = {(each.reference, each.candidate): each for each in answer.passages}
    for part in ("to_q", "to_k", "to_v"):
        passage = compared["double_blocks.1.img_attn.qkv", f"transformer_blocks.1.attn.{part}"]
        assert passage.outputs[0].reference_shape == (1, 16, 32)
    # Shift and scale stand in the other order there.
    assert compared["final_layer.adaLN_modulation.1", "norm_out.linear"].leaving < 1e-5
    # Heads stand before tokens on one side.
    norm = compared["double_blocks.0.txt_attn.norm.key_norm", "transformer_blocks.0.attn.norm_added_k"]
    assert norm.outputs[0].reference_shape != norm.outputs[0].candidate_shape
    assert norm.leaving < 1e-5


def test_what_lies_inside_the_module_is_narrowed_down(generated: Path, tmp_path: Path) -> None:
    finding = search(faulty(generated, tmp_path, *FAULTS["another theta"][:2]), "research").finding
    assert finding is not None
    assert finding.agreeing == "transformer_blocks.0.attn.norm_k"
    assert finding.differing == "transformer_blocks.0.attn.to_out.0"
    assert finding.inside == "transformer_blocks.0.attn"
    assert "pe" in finding.passage.not_compared


class Tower(nn.Module):
    """Draws noise, and calls its floors in the order that a subclass says."""

    order: tuple[int, ...] = (0, 1, 2)

    def __init__(self) -> None:
        super().__init__()
        self.floors = nn.ModuleList(nn.Linear(4, 4) for _ in range(3))
        self.register_buffer("calls", torch.zeros(()))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        self.calls += 1
        parts = {number: self.floors[number](x + torch.rand(4)[number % 1]) for number in self.order}
        return self.end(parts[0] + parts[1] + parts[2])

    def end(self, x: torch.Tensor) -> torch.Tensor:
        return x


class Reordered(Tower):
    order = (2, 0, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        parts = {number: self.floors[number](x) for number in self.order}
        return self.end(parts[0] + parts[1] + parts[2])


class Plain(Reordered):
    order = (0, 1, 2)


class Spoiled(Plain):
    def end(self, x: torch.Tensor) -> torch.Tensor:
        return x * float("nan")


class Stumbling(Tower):
    def end(self, x: torch.Tensor) -> torch.Tensor:
        raise ValueError("no stairs")


class Rebuilt(Plain):
    """Writes in place between two floors, the same amount or not."""

    amount = 1.0

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.floors[0](x)
        x += self.amount
        return self.floors[1](x)


class RebuiltOtherwise(Rebuilt):
    amount = 1.5


class Interrupted(Tower):
    def end(self, x: torch.Tensor) -> torch.Tensor:
        raise KeyboardInterrupt


def specimens(*classes: type[nn.Module], **inputs: torch.Tensor) -> Iterator[Specimen]:
    for each in classes:
        torch.manual_seed(0)
        yield Specimen(each.__name__, each(), inputs or {"x": torch.ones(2, 4)})


def test_both_sides_draw_the_same_noise_though_they_run_in_turn() -> None:
    assert bisect(*specimens(Tower, Tower), torch.float32).verdict == "agree"


def test_another_order_of_calls_is_no_fault() -> None:
    answer = bisect(*specimens(Plain, Reordered), torch.float32)
    assert answer.verdict == "agree"
    assert len(answer.passages) == 4


def test_what_is_written_in_place_is_measured_anew() -> None:
    assert bisect(*specimens(Rebuilt, Rebuilt), torch.float32).verdict == "agree"
    finding = bisect(*specimens(Rebuilt, RebuiltOtherwise), torch.float32).finding
    assert finding is not None
    assert (finding.passage.candidate, finding.agreeing, finding.differing) == ("", "floors.0", "floors.1")


def test_nan_in_the_candidate_is_a_difference_and_in_the_reference_a_refusal() -> None:
    answer = bisect(*specimens(Plain, Spoiled), torch.float32)
    assert answer.finding is not None
    assert answer.finding.passage.candidate == ""
    assert answer.output[0].max is None
    with pytest.raises(ParityError, match="the reference itself has NaN or infinity in `its output`"):
        bisect(*specimens(Spoiled, Plain), torch.float32)


def test_what_raises_is_said_with_its_place() -> None:
    answer = bisect(*specimens(Tower, Stumbling), torch.float32)
    assert answer.verdict == "raised"
    assert answer.problem == "in its own forward: ValueError: no stairs"
    with pytest.raises(ParityError, match="the reference cannot run on these inputs: ValueError: no stairs"):
        bisect(*specimens(Stumbling, Tower), torch.float32)


def test_a_module_path_that_does_not_exist_is_refused() -> None:
    with pytest.raises(ParityError, match=r"the candidate has no module `floor.0`. Did you mean `floors.0`"):
        bisect(*specimens(Plain, Plain), torch.float32, modules={"floors.0": "floor.0"})


@pytest.mark.parametrize("candidate", [Tower, Stumbling, Interrupted])
@pytest.mark.parametrize("grad", [True, False])
def test_both_sides_are_left_as_they_were(candidate: type[nn.Module], grad: bool) -> None:
    one, two = specimens(Tower, candidate)
    one.module.train()
    before = [traces_of(one.module), traces_of(two.module)]
    with torch.set_grad_enabled(grad):
        state = [torch.get_rng_state().tolist(), torch.is_grad_enabled()]
        try:
            bisect(one, two, torch.float32)
        except KeyboardInterrupt:
            assert candidate is Interrupted
        assert [torch.get_rng_state().tolist(), torch.is_grad_enabled()] == state
    assert [traces_of(one.module), traces_of(two.module)] == before


class Run:
    """The command, in the folder of the compared models."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.chdir(Path(__file__).parent)

    def __call__(self, candidate: str, *options: str) -> Result:
        sides = ("compared_models:Reference", f"compared_models:{candidate}")
        inputs = ("--input", "x=2x5x8", "--input", "condition=2x8")
        return CliRunner().invoke(main, ["bisect", *sides, *inputs, *options])


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Result]:
    return Run(monkeypatch)


def test_the_command_says_where_and_how_much(run: Run) -> None:
    assert run("Port").exit_code == 0
    assert "AGREE" in run("Port").stdout
    result = run("AnotherEpsilon")
    assert result.exit_code == 1
    assert "PARTED  in `norm` (LayerNorm)" in result.stdout
    assert "input input (2x5x8) agrees" in result.stdout
    assert run("AnotherEpsilon", "--tolerance", "1e-3").exit_code == 0
    answer = json.loads(run("AnotherEpsilon", "--json").stdout)
    assert answer["schema"] == 1
    assert answer["finding"]["passage"]["candidate"] == "norm"
    assert "RAISED  the candidate raises in its own forward: ValueError: heads do not divide" in run("Raising").stdout


def test_parts_that_take_no_hooks_are_passed_over(run: Run) -> None:
    result = run("HasScriptedPart")
    assert (result.exit_code, "AGREE" in result.stdout) == (0, True)
    assert "PARTED  in `norm` (LayerNorm)" in run("HasScriptedPartAndAnotherEpsilon").stdout


@pytest.mark.parametrize(
    ("candidate", "options", "words"),
    [
        ("WithoutBias", (), "`parity compare` with the same arguments lists what differs"),
        ("Port", ("--modules", "{norm: norms}"), "the candidate has no module `norms`. Did you mean `norm`?"),
        ("Port", ("--input", "y=1"), "`y` in the inputs is none of its arguments"),
        ("Port", ("--tolerance", "-1"), "-1.0 is not in the range"),
        ("Port", ("--dtype", "int8"), "'int8' is not one of"),
    ],
)
def test_a_bad_request_has_one_clear_message(run: Run, candidate: str, options: tuple[str, ...], words: str) -> None:
    result = run(candidate, *options)
    assert result.exit_code == 2
    assert result.stdout == ""
    assert words in result.stderr
