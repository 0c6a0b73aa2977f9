"""A part of the catalogue of planted faults: place and cause are named, and nothing where there is no fault."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from click.testing import CliRunner
from safetensors.torch import save_file

from parity.bisection.bisect import bisect
from parity.cli import main
from parity.diagnosis.models import diagnose
from parity.diagnosis.pipelines import diagnose_pipelines
from parity.pipelines.running import run_pipeline
from parity.pipelines.stages import Checkpoint
from parity.pipelines.trace import Runnable, trace
from tests.parity.catalogue import (
    Fault,
    PipelineFault,
    faults,
    make_runnables,
    make_specimens,
    names_cause,
    pipeline_faults,
    planted,
)
from tests.parity.staged_pipeline import StagedPipeline
from tests.parity.test_stages import traces_of


# Each tells a kind of search: an input, a table, an order, a config, another layout, several places at once, a dtype
# that a module is given, two faults.
MODELS = {
    "flux2": (
        "timestep in bfloat16",
        "the image's positions in bfloat16",
        "rope_theta of another checkpoint in the config",
        "shift and scale of the last norm not exchanged in the mapping, original layout",
        "timestep scaled by 100, and theta of 10000",
    ),
    "sd3": (
        "gates of the text exchanged",
        "norms of image and text exchanged",
        "timestep as an integer, and gate of the feed-forward left out",
    ),
    "wan": ("frames, rows and columns counted from one", "norms in bfloat16, in bfloat16"),
}
PIPELINES = (
    "noise in bfloat16 in the code",
    "the coarse noise drawn first",
    "solver of the first order",
    "half an injection",
    "fixtures of an earlier version",
    "another scaling factor, from outside",
)


@pytest.mark.parametrize(
    "fault", [each for name in MODELS for each in faults(name) if each.name in MODELS[name]], ids=str
)
def test_the_module_and_the_cause_are_named(fault: Fault, tmp_path: Path) -> None:
    with planted(fault, tmp_path) as package:
        reference, candidate, dtype = make_specimens(fault, package)
        before = [traces_of(each.module) for each in (reference, candidate)]
        finding = bisect(reference, candidate, dtype).finding
        assert finding is not None
        assert finding.passage.candidate in fault.modules
        assert names_cause(diagnose(reference, candidate, dtype, fault.tolerance), fault)
        assert [traces_of(each.module) for each in (reference, candidate)] == before


@pytest.mark.parametrize("fault", [each for each in pipeline_faults() if each.name in PIPELINES], ids=str)
def test_the_stage_and_the_cause_of_a_pipeline_are_named(fault: PipelineFault) -> None:
    reference, candidate, injected = make_runnables(fault)
    before = [traces_of(each.pipeline) for each in (reference, candidate)]
    if not injected:
        assert trace(reference, candidate, fault.steps).verdict == fault.where
    assert names_cause(diagnose_pipelines(reference, candidate, fault.steps, injected=injected), fault)
    assert [traces_of(each.pipeline) for each in (reference, candidate)] == before


@pytest.mark.parametrize(("preset", "dtype"), [("sd3", "bfloat16"), ("wan", "float32")])
def test_without_a_fault_nothing_is_blamed(preset: str, dtype: str, tmp_path: Path) -> None:
    clean = Fault(preset, "none", (), (), dtype=dtype)
    with planted(clean, tmp_path) as package:
        reference, candidate, kind = make_specimens(clean, package)
        assert bisect(reference, candidate, kind).verdict == "agree"
        assert diagnose(reference, candidate, kind).verdict == "agree"


def test_a_scheduler_is_left_as_it_was() -> None:
    pipeline = StagedPipeline()
    pipeline.scheduler.set_timesteps(7)
    before = {name: str(value) for name, value in vars(pipeline.scheduler).items()}
    run_pipeline(pipeline, {}, {"step_1": Checkpoint(stop=True)})
    assert {name: str(value) for name, value in vars(pipeline.scheduler).items()} == before
    assert pipeline.seen == 0


def test_a_generator_of_the_call_is_the_same_for_both_sides_and_is_left() -> None:
    call = {"generator": torch.Generator().manual_seed(7)}
    sides = (Runnable(name, StagedPipeline(), call) for name in ("one", "other"))
    before = call["generator"].get_state()
    assert trace(*sides, 8).verdict == "agree"
    assert torch.equal(call["generator"].get_state(), before)


@pytest.fixture
def _beside_the_pipelines(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.syspath_prepend(str(Path(__file__).parent))
    monkeypatch.chdir(tmp_path)


@pytest.mark.usefixtures("_beside_the_pipelines")
def test_the_command_takes_what_was_put_in() -> None:
    start = {"preloop": Checkpoint(save=True, stop=True)}
    run_pipeline(StagedPipeline(), {}, start)
    saved = {name: tensor.contiguous() for name, tensor in start["preloop"].data.items()}
    save_file({**saved, "grid_ids": saved["grid_ids"] + 1}, "start.safetensors")
    sides = ["staged_pipeline:StagedPipeline"] * 2
    options = ("--steps", "8", "--injected", "start.safetensors", "--json")
    result = CliRunner().invoke(main, ["diagnose", *sides, *options])
    assert result.exit_code == 1, result.stderr
    answer = json.loads(result.stdout)
    assert (answer["schema"], answer["verdict"]) == (1, "explained")
    (cause,) = answer["causes"][: answer["explained_by"]]
    assert (cause["experiment"], cause["text"]) == ("stale fixtures", "`grid_ids` as the reference makes it now")


@pytest.mark.usefixtures("_beside_the_pipelines")
@pytest.mark.parametrize(
    ("candidate", "options", "words"),
    [
        ("StagedPipeline", ("--steps", "9"), "never passed `step_8`"),
        ("StagedPipeline", ("--steps", "8", "--config", "{a: 1}"), "--config is for two models; without --steps"),
        ("StagedPipeline", ("--call", "{steps: 4}"), "--call is for two pipelines; with --steps"),
        ("StagedPipeline", ("--steps", "8", "--injected", "none.safetensors"), "none.safetensors: no such file"),
        ("StagedPipeline", ("--steps", "8", "--injected", "noise.safetensors"), "Nothing reads an injected `noise`"),
        ("StagedPipeline", ("--steps", "8", "--injected", "small.safetensors"), "The injected `latents` is (2,) and"),
        ("Missing", ("--steps", "8"), "has no `Missing`"),
    ],
)
def test_a_bad_request_has_one_clear_message(candidate: str, options: tuple[str, ...], words: str) -> None:
    save_file({"noise": torch.ones(2)}, "noise.safetensors")
    save_file({"latents": torch.ones(2)}, "small.safetensors")
    sides = ("staged_pipeline:StagedPipeline", f"staged_pipeline:{candidate}")
    result = CliRunner().invoke(main, ["diagnose", *sides, *options])
    assert result.exit_code == 2
    assert result.stdout == ""
    assert words in result.stderr
    assert result.stderr.count("\n") == 1
