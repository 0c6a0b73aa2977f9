"""`parity diagnose` names the pitfall that explains a difference, and none where there is no difference."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from click.testing import CliRunner, Result

from parity.cli import main
from parity.diagnosis.models import diagnose
from tests.parity.conftest import faulty
from tests.parity.test_bisect import FAULTS, make
from tests.parity.test_stages import traces_of


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Result]:
    monkeypatch.chdir(Path(__file__).parent)

    def run(candidate: str, *options: str) -> Result:
        sides = ("compared_models:Reference", f"compared_models:{candidate}")
        inputs = ("--input", "x=2x5x8", "--input", "condition=2x8")
        return CliRunner().invoke(main, ["diagnose", *sides, *inputs, *options])

    return run


@pytest.mark.parametrize(
    ("candidate", "cause"),
    [
        ("SwappedModulation", "order of shift, scale, gate"),
        ("AnotherEpsilon", "epsilon of a norm"),
        ("HasScriptedPartAndAnotherEpsilon", "epsilon of a norm"),
        ("ForgetsBias", "bias"),
        ("DrawsNoise", "global generator"),
        ("Counts", "state"),
    ],
)
def test_the_cause_is_named(run: Callable[..., Result], candidate: str, cause: str) -> None:
    result = run(candidate, "--json", "--tolerance", "0")
    assert result.exit_code == 1
    answer = json.loads(result.stdout)
    assert (answer["schema"], answer["verdict"]) == (1, "explained")
    assert answer["causes"][0]["experiment"] == cause


def test_the_text_says_what_to_do(run: Callable[..., Result]) -> None:
    text = run("SwappedModulation").stdout
    assert "EXPLAINED  order of shift, scale, gate\n" in text
    assert "Unpack the parts in the reference's order." in text
    assert "the difference closes by 100.0% with the halves of" in text


def test_without_a_difference_nothing_is_tried(run: Callable[..., Result]) -> None:
    result = run("Port", "--json")
    assert result.exit_code == 0
    answer = json.loads(result.stdout)
    assert (answer["verdict"], answer["tried"], answer["causes"]) == ("agree", 0, [])


def test_a_difference_that_is_no_pitfall_is_not_explained(run: Callable[..., Result]) -> None:
    result = run("EndsInNorm")
    assert result.exit_code == 1
    assert "UNEXPLAINED  none of the known pitfalls alone; `parity bisect` names the module" in result.stdout
    # What a norm of each token does to it.
    seen = "the candidate's tensor is the reference's times a factor, plus an offset, of its own for each token"
    assert f"seen at the output: {seen}" in result.stdout


@pytest.mark.parametrize(
    ("candidate", "options", "words"),
    [
        ("WithoutBias", (), "`parity compare` with the same arguments lists what differs"),
        ("Raising", (), "cannot run on these inputs: ValueError: heads do not divide"),
        ("LosesAnOutput", ("--input", "y=1"), "`y` in the inputs is none of its arguments"),
        ("Empty", (), "The outputs have other names or shapes"),
    ],
)
def test_a_bad_request_has_one_clear_message(
    run: Callable[..., Result], candidate: str, options: tuple[str, ...], words: str
) -> None:
    result = run(candidate, *options)
    assert result.exit_code == 2
    assert result.stdout == ""
    assert words in result.stderr


@pytest.mark.parametrize(
    ("fault", "cause"),
    [
        ("timestep scaled by 100", "timestep scaling"),
        ("timestep rounded to an integer", "timestep dtype"),
        ("shift and scale trade places", "order of shift, scale, gate"),
    ],
)
@pytest.mark.parametrize("reference", ["diffusers", "research"])
def test_a_planted_fault_in_flux2_is_explained(
    fault: str, cause: str, reference: str, generated: Path, tmp_path: Path
) -> None:
    sides = make(faulty(generated, tmp_path, *FAULTS[fault][:2]), reference)
    before = [traces_of(side.module) for side in sides]
    answer = diagnose(*sides, torch.float32)
    assert answer.verdict == "explained"
    assert answer.causes[0].experiment == cause
    assert [traces_of(side.module) for side in sides] == before


def test_rounding_is_confirmed_in_float32(generated: Path, tmp_path: Path) -> None:
    answer = diagnose(*make(faulty(generated, tmp_path), "research", torch.bfloat16), torch.bfloat16, tolerance=0)
    assert "rounding" in {cause.experiment for cause in answer.causes}
