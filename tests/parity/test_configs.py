"""`parity configs` shows every key that differs, with defaults, from every kind of source."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from click.testing import CliRunner, Result
from safetensors.torch import save_file

from parity.cli import main


@pytest.fixture(autouse=True)
def _beside_the_models(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.syspath_prepend(str(Path(__file__).parent))
    monkeypatch.chdir(tmp_path)


def run(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["configs", *arguments])


def test_what_differs_is_shown_and_what_is_equal_is_counted() -> None:
    result = run(
        "{width: 8, axes: [1, 2], rope: {theta: 10}}", "{width: 9, axes: [1, 2], rope: {theta: 10}, extra: true}"
    )
    assert result.exit_code == 1
    lines = [line.split() for line in result.stdout.splitlines()]
    assert ["width", "8", "9"] in lines
    assert ["extra", "-", "true"] in lines
    assert "axes" not in result.stdout.partition("key")[2]
    assert "1 keys differ, 1 stand on one side alone, 2 are equal" in result.stdout


def test_equal_configs_pass() -> None:
    result = run("{width: 8, eps: 1e-6}", "{eps: 0.000001, width: 8, _class_name: Port, auto_map: {}}")
    assert result.exit_code == 0
    assert "EQUAL  2 keys" in result.stdout


def test_a_default_is_made_explicit_on_the_side_that_is_silent() -> None:
    silent = ("{width: 8, eps: 1e-5, bias: true}", "{width: 8}")
    result = run(*silent, "--candidate-class", "compared_models:Port")
    assert ["eps", "0.00001", "1e-6", "(default)"] in [line.split() for line in result.stdout.splitlines()]
    assert "bias" not in result.stdout.partition("key")[2]
    assert (
        run("{width: 8, eps: 1e-6, bias: true}", "{width: 8}", "--candidate-class", "compared_models:Port").exit_code
        == 0
    )


def test_the_config_of_a_checkpoint_is_read_from_its_metadata() -> None:
    config = {"transformer": {"width": 8}, "vae": {"width": 3}}
    save_file({"w": torch.ones(1)}, "model.safetensors", metadata={"format": "pt", "config": json.dumps(config)})
    Path("ours").mkdir()
    Path("ours/config.json").write_text('{"width": 8}')
    assert run("model.safetensors", "ours", "--section", "transformer").exit_code == 0
    assert run("model.safetensors", "ours", "--section", "vae").exit_code == 1


def test_keys_of_other_names_meet() -> None:
    assert run("{dim: 8}", "{width: 8}", "--names", "{dim: width}").exit_code == 0
    answer = json.loads(run("{dim: 8}", "{width: 9}", "--names", "{dim: width}", "--json").stdout)
    assert answer["schema"] == 1
    assert [line["verdict"] for line in answer["lines"]] == ["differs"]


def test_true_is_not_one() -> None:
    assert run("{flag: true}", "{flag: 1}").exit_code == 1


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("none.yaml", "{}"), "none.yaml: no such file"),
        (("[1]", "{}"), "[1]: no such file"),
        (("{a: {b: 1}}", "{}", "--section", "c"), "has no section `c`. Its sections are a."),
        (("plain.safetensors", "{}"), "plain.safetensors: its metadata holds no config (it holds nothing)"),
        (("empty", "{}"), "empty: the folder has no config.json"),
        (("{a: 1}", "{b: 1}", "--names", "{a: c}"), "--names: {b: 1} has no `c`."),
        (("{}", "{}", "--class", "compared_models:Nowhere"), "has no `Nowhere`"),
    ],
)
def test_a_bad_request_has_one_clear_message(arguments: tuple[str, ...], words: str) -> None:
    save_file({"w": torch.ones(1)}, "plain.safetensors")
    Path("empty").mkdir()
    result = run(*arguments)
    assert result.exit_code == 2
    assert result.stdout == ""
    assert words in result.stderr
