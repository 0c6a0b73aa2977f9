"""What a command cannot work with gets one clear message and exit code 2, whichever command it is."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from click.testing import CliRunner
from safetensors.torch import save_file

from parity.cli import main


PAIRED = ("compare", "bisect", "diagnose")
INPUTS = ("--input", "x=2x5x8", "--input", "condition=2x8")
# What is wrong: the two sides, the options, and words of the message.
CASES: dict[str, tuple[str, str, tuple[str, ...], str]] = {
    "an input that the candidate calls otherwise": (
        "Reference",
        "Port",
        (*INPUTS, "--candidate-inputs", "{hidden_states: {from: x}, condition: {from: condition}}"),
        "compared_models:Port: `hidden_states` in the inputs is none of its arguments. It takes `x`, `condition`",
    ),
    "inputs of a shape that the reference cannot take": (
        "Reference",
        "Port",
        ("--input", "x=2x5x9", "--input", "condition=2x8"),
        "cannot run on these inputs",
    ),
    "a class that is made on a GPU": ("Reference", "MadeOnGPU", INPUTS, "MadeOnGPU: cannot be made from this config"),
    "a reference that asks for a GPU": ("AsksForGPU", "Port", INPUTS, "asks for a GPU, and here is none"),
    "a candidate that asks for a GPU": ("Reference", "AsksForGPU", INPUTS, "asks for a GPU, and here is none"),
    "a checkpoint of another format": (
        "Reference",
        "Port",
        (*INPUTS, "--checkpoint", "model.gguf"),
        "model.gguf: not a whole safetensors file",
    ),
    "a pickle": ("Reference", "Port", (*INPUTS, "--checkpoint", "model.pt"), "model.pt: a pickle. Opening a pickle"),
    "a pickle of an old torch": (
        "Reference",
        "Port",
        (*INPUTS, "--checkpoint", "old.safetensors"),
        "old.safetensors: a pickle. Opening a pickle runs what it holds",
    ),
    "a folder of pickles": (
        "Reference",
        "Port",
        (*INPUTS, "--checkpoint", "pickles"),
        "pickles: holds no safetensors file, but diffusion_pytorch_model.bin. Opening a pickle",
    ),
    "a mapping without rules": (
        "Reference",
        "Port",
        (*INPUTS, "--mapping", "{rule: []}"),
        "A mapping has `rules`, each like `{original:",
    ),
    "a rule without an original": (
        "Reference",
        "Port",
        (*INPUTS, "--mapping", "names.yaml"),
        "names.yaml: rule 2: Object missing required field `original`",
    ),
    "a name without a rule": (
        "Reference",
        "Port",
        (*INPUTS, "--mapping", "{rules: [{original: norm.weigth}]}"),
        "no rule for `norm.weight`, `norm.bias`, `modulation.weight` and 3 more of the reference. Did you mean",
    ),
    "a rule that cannot cut": (
        "Reference",
        "Port",
        (*INPUTS, "--mapping", "{rules: [{original: norm.weight, diffusers: [a, b, c]}]}"),
        "`norm.weight`: (8,) cannot be cut into parts of (1, 1, 1)",
    ),
}


@pytest.fixture(autouse=True)
def _beside_the_models(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.syspath_prepend(str(Path(__file__).parent))
    monkeypatch.chdir(tmp_path)
    Path("pickles").mkdir()
    Path("model.gguf").write_bytes(b"GGUF" + bytes(100))
    torch.save({"w": torch.ones(1)}, "model.pt")
    torch.save({"w": torch.ones(1)}, "pickles/diffusion_pytorch_model.bin")
    torch.save({"w": torch.ones(1)}, "old.safetensors", _use_new_zipfile_serialization=False)
    Path("names.yaml").write_text("rules:\n  - {original: norm.weight}\n  - {diffusers: norm.bias}\n")


def refuse(*arguments: str) -> str:
    result = CliRunner().invoke(main, arguments)
    assert result.exit_code == 2, result.output
    assert result.stdout == ""
    assert result.stderr.startswith("Error: ")
    assert "Traceback" not in result.stderr
    return " ".join(result.stderr.split())


@pytest.mark.parametrize("command", PAIRED)
@pytest.mark.parametrize("case", CASES)
def test_what_a_pair_cannot_be_made_of_is_said(case: str, command: str) -> None:
    reference, candidate, options, words = CASES[case]
    message = refuse(command, f"compared_models:{reference}", f"compared_models:{candidate}", *options)
    assert words in message


@pytest.mark.parametrize("command", ["bisect", "diagnose"])
def test_a_reference_that_is_not_finite_explains_nothing(command: str) -> None:
    message = refuse(command, "compared_models:NotANumber", "compared_models:Port", *INPUTS)
    assert "compared_models:NotANumber: the reference itself has NaN or infinity in" in message


def test_a_candidate_that_is_not_finite_has_no_distance_to_explain() -> None:
    message = refuse("diagnose", "compared_models:Reference", "compared_models:NotANumber", *INPUTS)
    assert "compared_models:NotANumber: has NaN or infinity in its output" in message
    assert "`parity bisect` names the module where it begins" in message


@pytest.mark.parametrize(
    ("sides", "options", "words"),
    [
        (("Pipeline", "Pipeline"), ("--call", "{stpes: 8}"), "tiny_pipelines:Pipeline: the pipeline raised TypeError"),
        (
            ("Spoiled", "Pipeline"),
            (),
            "tiny_pipelines:Spoiled: the reference itself has NaN or infinity in its latents",
        ),
        (("Pipeline", "AsksForGPU"), (), "tiny_pipelines:AsksForGPU: the pipeline raised"),
        (("Pipeline", "AsksForGPU"), (), "It asks for a GPU, and here is none"),
        (("Pipeline", "Longer"), (), "`latents` is"),
    ],
)
def test_what_two_pipelines_cannot_be_run_with_is_said(
    sides: tuple[str, str], options: tuple[str, ...], words: str
) -> None:
    assert words in refuse("trace", *(f"tiny_pipelines:{side}" for side in sides), "--steps", "8", *options)


def test_latents_of_the_candidate_that_are_not_finite_are_a_difference() -> None:
    sides = ("tiny_pipelines:Pipeline", "tiny_pipelines:Spoiled")
    result = CliRunner().invoke(main, ["trace", *sides, "--steps", "8"])
    assert result.exit_code == 1
    assert "step 1   0\nstep 2   NaN or infinity\n" in result.stdout


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("model.pt", "model.pt: not UTF-8 text. The config has to be a YAML or JSON file."),
        ("old.safetensors", "old.safetensors: a pickle. Opening a pickle runs what it holds"),
        ("header.safetensors", "header.safetensors: its metadata holds no config"),
    ],
)
def test_a_config_that_cannot_be_read_is_said(source: str, words: str) -> None:
    # Its header is 640 bytes long, and then begins as a pickle does.
    save_file({"w" * 549: torch.ones(1)}, "header.safetensors", metadata={"format": "pt"})
    assert Path("header.safetensors").read_bytes()[:2] == b"\x80\x02"
    assert words in refuse("configs", source, "{}")
