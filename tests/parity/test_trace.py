"""`parity trace` says at which stage two pipelines part, and whether the loop adds to it or carries it on."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from parity.cli import main
from parity.pipelines.trace import Runnable, trace
from tests.parity.tiny_pipelines import FLUX_CALL, tiny_flux


@pytest.fixture(autouse=True)
def _beside_the_pipelines(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.syspath_prepend(str(Path(__file__).parent))
    monkeypatch.chdir(tmp_path)


def run(candidate: str, *options: str) -> Result:
    sides = ("tiny_pipelines:Pipeline", f"tiny_pipelines:{candidate}")
    return CliRunner().invoke(main, ["trace", *sides, "--steps", "8", *options])


@pytest.mark.parametrize(
    ("candidate", "verdict", "first"),
    [
        ("Pipeline", "agree", None),
        ("RoundedNoise", "encode", 0),
        ("OtherSchedule", "encode", 0),
        ("Weaker", "loop", 0),
        ("Stumbling", "carried", 2),
        ("OtherDecoder", "decode", None),
    ],
)
def test_the_stage_that_parts_is_named(candidate: str, verdict: str, first: int | None) -> None:
    result = run(candidate, "--json")
    assert result.exit_code == (verdict != "agree")
    answer = json.loads(result.stdout)
    assert answer["schema"] == 1
    assert (answer["verdict"], answer["first_step"]) == (verdict, first)
    assert len(answer["steps"]) == 8


def test_what_the_loop_carries_on_is_told_from_what_it_adds() -> None:
    one_step = json.loads(run("Stumbling", "--json").stdout)["steps"]
    assert [step["max"] > 0 for step in one_step] == [False] * 2 + [True] * 6
    assert all(step["carried"] == pytest.approx(step["max"], rel=1e-3) for step in one_step[2:])
    every_step = json.loads(run("Weaker", "--json").stdout)["steps"]
    assert every_step[-1]["carried"] < 0.5 * every_step[-1]["max"]


def test_the_text_names_each_stage() -> None:
    text = run("Stumbling").stdout
    assert "encode  latents  pass\nencode  sigmas  pass\nencode  prompt_embeds  pass\n" in text
    assert "decode  output  pass\n" in text
    assert "step 1   0\nstep 2   1." in text
    assert "CARRIED  one step differs" in text
    assert "first differ after step 2, by more than rounding" in text
    assert "by no more than rounding" in run("Grained").stdout


def test_every_input_of_the_loop_is_compared_or_listed() -> None:
    assert "not compared: latents (only in the reference), x (only in the candidate)" in run("OtherNames").stdout
    answer = json.loads(run("OtherNames", "--names", "{latents: x}", "--json").stdout)
    assert (answer["verdict"], answer["not_compared"]) == ("agree", [])


@pytest.mark.parametrize("ending", ["svg", "png"])
def test_the_plot_is_drawn(ending: str) -> None:
    run("Weaker", "--plot", f"growth.{ending}")
    content = Path(f"growth.{ending}").read_bytes()
    assert content.startswith({"svg": b"<?xml", "png": b"\x89PNG"}[ending])
    if ending == "svg":
        run("Weaker", "--plot", "again.svg")
        assert b"<path" in content
        assert b"step" in content


def test_diffusers_pipelines_are_traced_from_outside() -> None:
    sides = [Runnable(name, tiny_flux(), FLUX_CALL) for name in ("one", "other")]
    answer = trace(*sides, steps=4)
    assert answer.verdict == "agree"
    assert {"hidden_states", "timestep", "img_ids"} <= {entry.name for entry in answer.encode}
    faulty = Runnable("faulty", tiny_flux(), FLUX_CALL)
    faulty.pipeline.transformer.proj_out.bias.data += 0.01
    answer = trace(sides[0], faulty, steps=4)
    assert (answer.verdict, answer.first_step) == ("loop", 0)


@pytest.mark.parametrize(
    ("candidate", "options", "words"),
    [
        ("Pipeline", ("--steps", "9", "--call", "{steps: 8}"), "never passed `step_8`"),
        ("Broken", (), "making the pipeline failed: OSError: no weights"),
        ("Longer", (), "`decode`: `latents` is"),
        ("FLUX_CALL", (), "not a function or class that makes a pipeline"),
        ("Denoiser", (), "has none of `transformer`, `unet`, `prior`, so there is no `preloop` to see"),
        ("Pipeline", ("--plot", "growth.gif"), "the ending has to be one of .svg, .png, .pdf"),
        ("Pipeline", ("--plot", "nowhere/growth.svg"), "there is no folder nowhere"),
    ],
)
def test_a_bad_request_has_one_clear_message(candidate: str, options: tuple[str, ...], words: str) -> None:
    result = run(candidate, *options)
    assert result.exit_code == 2
    assert result.stdout == ""
    assert words in result.stderr
