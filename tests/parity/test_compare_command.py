"""`parity compare` as its user sees it: verdicts, numbers, messages and exit codes."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from click.testing import Result

from tests.parity.conftest import refused, run_here


PAIR = "compared_models:Reference", "compared_models:Port"
INPUTS = ["--input", "x=2x5x8", "--input", "condition=2x8"]


@pytest.fixture(autouse=True)
def _in_the_models_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(Path(__file__).parent)


def run(*arguments: str) -> Result:
    return run_here("compare", *arguments)


def against_reference(candidate: str, *options: str) -> Result:
    return run("compared_models:Reference", f"compared_models:{candidate}", *INPUTS, *options)


def report(candidate: str, *options: str) -> dict:
    return json.loads(against_reference(candidate, "--json", *options).stdout)


@pytest.mark.parametrize("candidate", ["Port", "ChangesItsInput", "DropsOut", "HasScriptedPart"])
def test_a_faithful_port_passes_to_the_bit(candidate: str) -> None:
    result = against_reference(candidate)
    assert result.exit_code == 0
    lines = [line.split() for line in result.stdout.splitlines()]
    assert ["float32", "output", "2x5x8", "0", "0", "1.0000000", "pass"] in lines
    assert ["bfloat16", "output", "2x5x8", "0", "0", "1.0000000", "pass"] in lines
    assert result.stderr == ""


@pytest.mark.parametrize("fault", ["SwappedModulation", "AnotherEpsilon", "SkippedBias"])
def test_a_planted_fault_fails(fault: str) -> None:
    result = against_reference(fault)
    assert result.exit_code == 1
    assert "FAIL  differs by" in result.stdout


def test_the_difference_is_measured() -> None:
    (float32,) = report("SwappedModulation", "--dtype", "float32")["runs"]
    (output,) = float32["outputs"]
    assert output["max"] > output["mean"] > 0.01
    assert output["cosine"] < 0.999


def test_a_tolerance_lets_rounding_pass_and_nothing_larger() -> None:
    assert against_reference("AnotherEpsilon", "--tolerance", "float32=1e-4,bfloat16=0.1").exit_code == 0
    assert against_reference("AnotherEpsilon", "--tolerance", "float32=1e-9,bfloat16=0.1").exit_code == 1
    assert against_reference("SwappedModulation", "--tolerance", "1e-3").exit_code == 1


def test_state_dicts_that_differ_are_listed_and_nothing_is_run() -> None:
    result = against_reference("WithoutBias")
    assert result.exit_code == 1
    assert "only in the reference: 1\n    out.bias\n" in result.stdout
    renamed = report("Renamed")
    assert renamed["weights"]["missing"] == ["norm.weight", "norm.bias"]
    assert renamed["weights"]["unexpected"] == ["norm_1.weight", "norm_1.bias"]
    assert renamed["runs"] == []
    assert report("Wider")["weights"]["mismatched"] == [
        {"key": "out.weight", "reference_shape": [8, 8], "candidate_shape": [9, 8]},
        {"key": "out.bias", "reference_shape": [8], "candidate_shape": [9]},
    ]


def test_not_a_number_on_both_sides_is_no_agreement() -> None:
    result = run("compared_models:NotANumber", "compared_models:NotANumber", *INPUTS)
    assert result.exit_code == 1
    assert "NaN or infinity in 80 of 80 values of the reference, 80 of the candidate" in result.stdout


def test_zeros_on_both_sides_prove_nothing() -> None:
    result = run("compared_models:Silent", "compared_models:Silent", *INPUTS)
    assert result.exit_code == 1
    assert "all zeros on both sides, which proves nothing" in result.stdout


def test_another_output_dtype_fails() -> None:
    float32, bfloat16 = report("Upcast")["runs"]
    assert float32["outputs"][0]["passed"]
    assert bfloat16["outputs"][0]["reason"] == "dtype bfloat16 in the reference, float32 in the candidate"


def test_a_candidate_that_raises_where_the_reference_runs_fails() -> None:
    result = against_reference("Raising")
    assert result.exit_code == 1
    assert "the candidate raises where the reference does not: ValueError: heads do not divide the width" in (
        result.stdout
    )
    assert "compared_models.py, line" in result.stdout


def test_an_empty_output_proves_nothing() -> None:
    result = run("compared_models:Empty", "compared_models:Empty", *INPUTS)
    assert result.exit_code == 1
    assert "empty on both sides, which proves nothing" in result.stdout


def test_what_models_draw_themselves_is_the_same_on_both_sides() -> None:
    assert run("compared_models:DrawsNoise", "compared_models:DrawsNoise", *INPUTS).exit_code == 0


def test_what_models_draw_themselves_hangs_on_the_seed_alone() -> None:
    torch.manual_seed(1)
    before = torch.get_rng_state()
    first = against_reference("DrawsNoise", "--json").stdout
    assert torch.equal(torch.get_rng_state(), before)
    torch.manual_seed(2)
    assert against_reference("DrawsNoise", "--json").stdout == first


def test_gradients_show_what_outputs_hide() -> None:
    assert against_reference("DetachesCondition").exit_code == 0
    result = against_reference("DetachesCondition", "--gradients")
    assert result.exit_code == 1
    assert "gradient of input condition" in result.stdout
    assert "float32: 7 of 8 gradients pass" in result.stdout
    assert against_reference("Port", "--gradients").exit_code == 0


def test_gradients_reach_what_lies_before_a_norm() -> None:
    result = run("compared_models:EndsInNorm", "compared_models:EndsInNorm", *INPUTS, "--gradients", "--json")
    assert [each["without_gradient"] for each in json.loads(result.stdout)["runs"]] == [[], []]


def test_modules_kept_in_float32_stay_there() -> None:
    assert run("compared_models:KeepsNormInFloat32", "compared_models:KeepsNormInFloat32", *INPUTS).exit_code == 0
    assert not report("KeepsNormInFloat32")["runs"][1]["outputs"][0]["passed"]


def test_nested_outputs_are_compared_by_their_place() -> None:
    result = run(
        "compared_models:ManyOutputs", "compared_models:ManyOutputsOneWrong", *INPUTS, "--json", "--dtype", "float32"
    )
    (run_in_float32,) = json.loads(result.stdout)["runs"]
    verdicts = {output["name"]: output["passed"] for output in run_in_float32["outputs"]}
    assert verdicts == {"image": True, "hidden.0": True, "hidden.1.double": False}
    assert run_in_float32["not_compared"] == ["label"]


def test_an_output_that_only_one_side_returns_fails() -> None:
    result = run("compared_models:ManyOutputs", "compared_models:LosesAnOutput", *INPUTS)
    assert result.exit_code == 1
    assert "float32: only the reference returns `hidden.0`, `hidden.1.double`" in result.stdout


@pytest.mark.parametrize(
    ("reference", "candidate", "sides"),
    [
        ("Reference", "LosesContiguous", "contiguous in the reference, transposed (0, 2, 1) in the candidate"),
        ("Repeats", "Expands", "contiguous in the reference, expanded in the candidate"),
        ("LosesContiguous", "Expands", "transposed (0, 2, 1) in the reference, expanded in the candidate"),
    ],
)
def test_an_output_fails_that_cannot_be_viewed_or_written_into(reference: str, candidate: str, sides: str) -> None:
    result = run(f"compared_models:{reference}", f"compared_models:{candidate}", *INPUTS, "--dtype", "float32")
    assert result.exit_code == 1
    assert f"{sides}: return it with `.contiguous()`" in result.stdout


def test_a_layout_that_takes_nothing_away_is_a_note() -> None:
    result = run("compared_models:LosesContiguous", "compared_models:Port", *INPUTS)
    assert result.exit_code == 0
    note = (
        "float32, bfloat16: 1 laid out otherwise in memory, so that a kernel may refuse them or round otherwise; "
        "lay the first out as the reference does\n"
        "    output: transposed (0, 2, 1) in the reference, contiguous in the candidate\n"
    )
    assert note in result.stdout


def test_channels_last_is_named() -> None:
    result = run("compared_models:Pictures", "compared_models:ChannelsLastPictures", "--input", "x=2x4x5x8")
    assert result.exit_code == 1
    assert "contiguous in the reference, channels_last in the candidate" in result.stdout


def test_dimensions_of_one_have_no_layout() -> None:
    sides = ("compared_models:Reference", "compared_models:StridesBesideOne")
    assert run(*sides, *INPUTS).exit_code == 1
    result = run(*sides, "--input", "x=2x1x8", "--input", "condition=2x8", "--json")
    assert result.exit_code == 0
    assert [each["layouts"] for each in json.loads(result.stdout)["runs"]] == [[], []]


def test_a_layer_that_reads_scattered_memory_is_noted() -> None:
    (float32,) = report("LosesContiguousInside", "--dtype", "float32")["runs"]
    assert float32["outputs"][0]["passed"]
    (note,) = float32["layouts"]
    assert note == {
        "place": "out takes input",
        "reference": "contiguous",
        "candidate": "transposed (0, 2, 1)",
        "is_lost": True,
    }


def test_running_variances_are_drawn_positive() -> None:
    result = run("compared_models:BatchNormed", "compared_models:BatchNormed", "--input", "x=3x4")
    assert result.exit_code == 0
    assert "weights    5 tensors drawn with seed 0 and shared" in result.stdout


def test_the_same_seed_gives_the_same_bytes_and_another_seed_other_ones() -> None:
    first = against_reference("SwappedModulation", "--json").stdout
    assert against_reference("SwappedModulation", "--json").stdout == first
    assert against_reference("SwappedModulation", "--json", "--seed", "1").stdout != first


def test_the_json_report_keeps_its_form() -> None:
    answer = report("Port", "--gradients")
    assert list(answer) == [
        *("command", "schema", "reference", "candidate", "mapping", "checkpoint", "seed"),
        *("passed", "weights", "saved", "runs"),
    ]
    assert answer["schema"] == 3
    assert list(answer["weights"]) == ["shared", "missing", "unexpected", "mismatched"]
    assert list(answer["runs"][0]) == [
        "dtype",
        "weights",
        "tolerance",
        "problem",
        "outputs",
        "gradients",
        "without_gradient",
        "not_compared",
        "layouts",
    ]
    tensor = answer["runs"][0]["gradients"][0]
    assert list(tensor) == ["name", "shape", "dtype", "max", "mean", "cosine", "passed", "reason"]


def test_a_config_and_inputs_come_from_files_too(tmp_path: Path) -> None:
    config, inputs = tmp_path / "config.json", tmp_path / "inputs.yaml"
    config.write_text('{"_class_name": "Reference", "width": 12, "eps": 1e-5}', encoding="utf-8")
    inputs.write_text(
        "x: {shape: [1, 3, 12], kind: uniform}\ncondition: {value: [[0.5, 1, 2, 3, 4, 5, 6, 7, 8, 9, 1, 0]]}\n"
    )
    result = run("compared_models.Reference", "compared_models.Port", "--config", str(config), "--inputs", str(inputs))
    assert result.exit_code == 0
    assert "1x3x12" in result.stdout


@pytest.mark.parametrize(
    ("path", "message"),
    [
        (
            "compared_modelz:Port",
            "no module `compared_modelz` installed or in the current directory. Did you mean `compared_models`?",
        ),
        ("compared_models:Referense", "`compared_models` has no `Referense`. Did you mean `Reference`?"),
        ("compared_models:not_a_class", "not a class that inherits `torch.nn.Module`"),
        ("compared_models", "not an import path. Write `package.module:Class` or `package.module.Class`."),
        ("torch.nnn.Linear", "there is no module `nnn` in `torch`. Did you mean `nn`?"),
        ("broken_on_import:Model", "importing `broken_on_import` failed: NameError: name 'undefined' is not defined"),
    ],
)
def test_an_unknown_import_path_is_named_with_the_nearest_one(path: str, message: str) -> None:
    assert message in refused("compare", path, "compared_models:Port", *INPUTS)
    assert message in refused("compare", "compared_models:Port", path, *INPUTS)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--config", "{widht: 8}"], "`widht` in the config is none of its arguments. Did you mean `width`?"),
        (["--config", "{width: wide}"], "compared_models:Reference: cannot be made from this config: TypeError"),
        (["--config", "[8]"], "[8]: no such file"),
        (["--config", "{width: [8}"], "the config on the command line:1:11: not valid YAML"),
        (["--input", "y=1x2"], "`y` in the inputs is none of its arguments. It takes `x`, `condition`."),
        (["--input", "x=2xfive"], "--input x=2xfive: write `name=SHAPE[:DTYPE or KIND]`"),
        (["--input", "x=2x5x8:float23"], "`float23` is neither a dtype nor a kind. Did you mean `float32`?"),
        (["--input", "x=2x5x8:int64"], "integers need a range: `kind: integers` with `high`, or `kind: ids`."),
        (["--input", "x=2x5x9"], "the reference cannot run on these inputs in float32: RuntimeError"),
        (["--inputs", "{x: {shap: [2]}}"], "`x`: `shap` means nothing here. Did you mean `shape`?"),
        (["--inputs", "{x: {kind: ones}}"], "`x`: needs `shape`"),
        (["--inputs", "{x: [1.0]}"], "`x`: for a tensor with these values write `{value: [...]}`."),
        (["--inputs", "{x: {value: [[1], [1, 2]]}}"], "`x`: `value` makes no tensor"),
        (["--inputs", "{x: {shape: [2], kind: norml}}"], "unknown kind `norml`. Did you mean `normal`?"),
        (["--dtype", "float31"], "unknown dtype `float31`. Did you mean `float32`?"),
        (["--tolerance", "float16=1"], "`float16` is none of the dtypes that are run (float32, bfloat16)"),
        (["--tolerance", "small"], "`small` is not a number of at least 0."),
    ],
)
def test_bad_input_gets_one_message(options: list[str], message: str) -> None:
    assert message in refused("compare", *PAIR, *INPUTS, *options)


def test_a_missing_argument_is_named_with_how_to_give_it() -> None:
    message = refused("compare", *PAIR, "--input", "x=2x5x8")
    assert "needs `condition`; describe it in the --inputs file or with --input NAME=SHAPE." in message


def test_an_inputs_file_that_is_wrong_is_named_with_the_place(tmp_path: Path) -> None:
    inputs = tmp_path / "inputs.yaml"
    inputs.write_text("x: {shape: [2, 5, 8]}\ncondition: {shape: [2, 8]\n", encoding="utf-8")
    assert f"{inputs}:3:1: not valid YAML" in refused("compare", *PAIR, "--inputs", str(inputs))
    inputs.write_bytes(b"x: \xff\xfe")
    assert "not UTF-8 text" in refused("compare", *PAIR, "--inputs", str(inputs))
    inputs.write_text("- x\n", encoding="utf-8")
    assert "has to be a mapping of names to values, not a list" in refused("compare", *PAIR, "--inputs", str(inputs))


def test_what_libraries_log_while_they_are_imported_stays_out_of_the_report() -> None:
    sides = ("chatty_on_import:Port", "chatty_on_import:Port")
    options = ("--config", "{in_features: 2, out_features: 2}", "--input", "input=1x2", "--dtype", "float32")
    command = [sys.executable, "-m", "parity", "compare", *sides, *options]
    result = subprocess.run(command, capture_output=True, text=True, check=True)
    assert "PASS" in result.stdout
    assert "a kernel is missing" not in result.stderr
