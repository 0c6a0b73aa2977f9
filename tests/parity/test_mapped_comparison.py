"""`parity compare` through a weight mapping: another module tree and fused projections; and saved weights."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from click.testing import CliRunner
from safetensors.torch import load_file, save_file

from parity.cli import main
from tests.parity.conftest import MAPPED, parity, plant


def compare(place: Path, *options: str) -> dict:
    result = parity(place, "compare", *MAPPED, "--json", "--dtype", "float32", *options)
    assert result.returncode in (0, 1), result.stderr
    return json.loads(result.stdout)


def save_weights(place: Path) -> dict[str, torch.Tensor]:
    """Writes reference.safetensors, in the reference's layout, and saved.safetensors, what they become."""
    code = """
import torch
from safetensors.torch import save_file
from research_flux2 import Flux2
from flux2.weight_mapping import FLUX2_WEIGHT_MAPPING
torch.manual_seed(3)
state = Flux2().state_dict()
save_file(state, "reference.safetensors")
save_file({k: v.contiguous() for k, v in FLUX2_WEIGHT_MAPPING.map_to_diffusers(state).items()}, "saved.safetensors")
"""
    (place / "save_weights.py").write_text(code, encoding="utf-8")
    subprocess.run([sys.executable, "-W", "ignore", "save_weights.py"], cwd=place, check=True)
    return load_file(place / "saved.safetensors")


def test_a_model_in_another_layout_agrees_and_so_do_its_gradients(generated: Path) -> None:
    answer = compare(generated, "--tolerance", "1e-4", "--gradients")
    (run,) = answer["runs"]
    assert all(tensor["passed"] for tensor in run["outputs"])
    (output,) = run["outputs"]
    assert output["name"] == "output"
    names = {gradient["name"] for gradient in run["gradients"] if gradient["cosine"] > 0.99999}
    assert {"input hidden_states", "transformer_blocks.2.attn.to_k.weight", "norm_out.linear.weight"} <= names


def test_a_fault_in_the_other_layout_is_measured(place: Path) -> None:
    plant(
        place,
        "(1 + scale_attn) * self.norm(hidden_states) + shift_attn",
        "(1 + shift_attn) * self.norm(hidden_states) + scale_attn",
    )
    answer = compare(place, "--tolerance", "1e-4")
    assert not answer["passed"]
    assert answer["runs"][0]["outputs"][0]["cosine"] < 0.9999


def test_what_was_saved_is_compared_with_a_fresh_conversion_and_run(place: Path) -> None:
    saved = save_weights(place)
    options = ("--checkpoint", "reference.safetensors", "--saved", "saved.safetensors", "--tolerance", "1e-4")
    answer = compare(place, *options)
    assert answer["passed"]
    assert [run["weights"] for run in answer["runs"]] == ["fresh", "saved"]
    stale = saved["proj_out.weight"].clone()
    stale[0, 0] += 1
    save_file(saved | {"proj_out.weight": stale}, place / "saved.safetensors")
    result = parity(place, "compare", *MAPPED, "--dtype", "float32", *options)
    assert result.returncode == 1
    assert "70 tensors equal a fresh conversion" in result.stdout
    assert "proj_out.weight: differs by 1.00e+00" in result.stdout
    lines = {line.split("  ")[0]: line for line in result.stdout.splitlines() if line.startswith("float32")}
    assert lines["float32"].endswith("pass")
    assert "FAIL" in lines["float32, saved"]


def test_what_a_mapping_loses_is_listed(place: Path) -> None:
    plant(
        place,
        '    Rule("img_in.weight", ("x_embedder.weight",)),\n',
        '    Rule("img_in.weight", ("embedder.weight",)),\n',
        "flux2/weight_mapping.py",
    )
    result = parity(place, "compare", *MAPPED)
    assert result.returncode == 1
    assert "only in the reference: 1\n    embedder.weight\n" in result.stdout
    assert "only in the candidate: 1\n    x_embedder.weight\n" in result.stdout


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--mapping", "compared_models:NOTHING"), "compared_models:NOTHING: not a function"),
        (("--mapping", "compared_models:Port"), "compared_models:Port: not a function"),
        (("--mapping", "compared_models:spoil_weights"), "writes into the reference's `norm.weight`"),
        (("--mapping", "compared_models:lose_patience"), "raised ValueError: too many names"),
        (("--mapping", "compared_models:not_a_class"), "has to return tensors by name"),
        (("--mapping", "compared_models:spoil_weight"), "Did you mean `spoil_weights`?"),
        (("--checkpoint", "none.safetensors"), "none.safetensors: no such file"),
        (("--checkpoint", "broken.safetensors"), "broken.safetensors: not a whole safetensors file"),
        (("--saved", "empty"), "empty: the folder has no safetensors file"),
        (("--checkpoint", "other.safetensors"), "other.safetensors: does not fit compared_models:Reference"),
        (("--candidate-inputs", "{x: {from: y}, condition: 1}"), "the reference has no input `y`"),
        (("--candidate-inputs", "{x: {from: x, shape: [2]}}"), "`from` stands alone"),
    ],
)
def test_a_bad_request_has_one_clear_message(
    options: tuple[str, str], words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(str(Path(__file__).parent))
    monkeypatch.chdir(tmp_path)
    Path("broken.safetensors").write_bytes(b"\0" * 100)
    Path("empty").mkdir()
    save_file({"norm.weight": torch.ones(2)}, "other.safetensors")
    inputs = ("--input", "x=2x5x8", "--input", "condition=2x8")
    arguments = ["compare", "compared_models:Reference", "compared_models:Port", *inputs, *options]
    result = CliRunner().invoke(main, arguments)
    assert result.exit_code == 2
    assert result.stdout == ""
    assert words in result.stderr
    assert result.stderr.count("\n") == 1
