"""The last check of `scaffold model`: what cannot be built or run is said in the spec's terms, and not written."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

import scaffold.trial
from scaffold.commands.model import model
from scaffold.loading import load_spec, preset_names
from scaffold.rendering import render_folder
from scaffold.resources import templates_root
from scaffold.trial import program, try_folder


FLUX2 = (templates_root() / "specs" / "flux2.yaml").read_text(encoding="utf-8")
SPECS = Path(__file__).parent / "architectures"
TRIED = "Tried it: every configuration can be built, and the tiny one runs.\n"


def invoke(*arguments: str | Path) -> Result:
    return CliRunner().invoke(model, [str(each) for each in arguments])


@pytest.fixture
def in_this_process(monkeypatch):
    """The trial's program runs here, where torch has been imported already."""

    def run(question: Path) -> subprocess.CompletedProcess[str]:
        monkeypatch.setattr(sys, "argv", [program.__file__, str(question)])
        # The folder has one name in all trials.
        for name in [name for name in sys.modules if name.partition(".")[0] == "_staged"]:
            del sys.modules[name]
        program.main()
        return subprocess.CompletedProcess([], 0, "", "")

    monkeypatch.setattr(scaffold.trial, "_run_program", run)


def write_spec(folder: Path, old: str, new: str) -> Path:
    assert FLUX2.count(old) == 1
    (folder / "my.yaml").write_text(FLUX2.replace(old, new), encoding="utf-8")
    return folder / "my.yaml"


@pytest.mark.usefixtures("in_this_process")
@pytest.mark.parametrize("name", [*preset_names(), *(str(path) for path in sorted(SPECS.glob("*.yaml")))])
def test_every_preset_can_be_built_and_run(name):
    spec = load_spec(name)
    assert try_folder(spec, render_folder(spec)) is None


def test_a_folder_is_tried_before_it_is_written(tmp_path):
    result = invoke("wan", "--out", tmp_path)
    assert result.exit_code == 0
    assert result.output.startswith(TRIED + "Wrote ")


JOINED = """    doc: Text and image are one sequence, and attention and feed-forward read it side by side.
    arguments:
      num_attention_heads: num_attention_heads
"""
# What the spec says wrongly, what it says then, where the message sees the fault, and its words.
FAULTS = {
    "text of another width": (
        "draw: {normal: [2, text_tokens, joint_attention_dim]}",
        "draw: {normal: [2, text_tokens, 40]}",
        "{kind: linear, attribute: context_embedder",
        "`components.text`: the tiny model cannot run: RuntimeError: ",
        " at `context_embedder`; see that this and what `forward` draws from `tiny` agree on the sizes",
    ),
    "a size that divides by nothing": (
        "draw: {normal: [2, text_tokens, joint_attention_dim]}",
        "draw: {normal: [2, 7 // (height - 4), joint_attention_dim]}",
        "draw: {normal: [2, 7 // (height - 4), joint_attention_dim]}",
        "`forward.encoder_hidden_states.draw`: cannot be computed from `tiny.config` and `tiny.sizes`: ",
        "by zero",
    ),
    "a published width below zero": (
        "joint_attention_dim: 7680,",
        "joint_attention_dim: -7680,",
        "source: black-forest-labs/FLUX.2-klein-4B",
        "`published.flux2-klein-4b`: with these values the model cannot be built: RuntimeError: ",
        " in Flux2Transformer2DModel; see which formulas of the spec they do not fit",
    ),
    "a default below zero": (
        "default: 15360",
        "default: -15360",
        "patch_size:",
        "`config`: with these values the model cannot be built: RuntimeError: ",
        " in Flux2Transformer2DModel",
    ),
    "a tiny model that is not": (
        "    num_attention_heads: 2\n",
        "    num_attention_heads: 200\n",
        "in_channels: 16",
        "`tiny.config`: a model of ",
        " parameters is not tiny; give smaller sizes here",
    ),
    "a layer to share that is not there": (
        'layer: "transformer_blocks.*.ff.linear_out"',
        'layer: "transformer_blocks.*.ff.linear_in.0"',
        "linear_in.0",
        "`tensor_parallel[9]`: devices cannot share what this names: AttributeError: ",
        "has no attribute '0'",
    ),
    "an argument to split that is not there": (
        "- {argument: txt_ids, dim: 1, dims: 3}",
        "- {argument: text_ids, dim: 1, dims: 3}",
        "- {argument: text_ids",
        "`context_parallel.splits[3]`: devices cannot share what this names: ",
        "`forward` of Flux2Transformer2DModel takes no `text_ids`",
    ),
    "heads of another width in one stage": (
        JOINED + "      attention_head_dim: attention_head_dim\n",
        JOINED + "      attention_head_dim: 2 * attention_head_dim\n",
        "      - {op: parallel_attention",
        "`stages[1].program[0]`: the tiny model cannot run: RuntimeError: ",
        " at `single_transformer_blocks.0.attn`",
    ),
}


@pytest.mark.usefixtures("in_this_process")
@pytest.mark.parametrize(("old", "new", "line", "message", "more"), FAULTS.values(), ids=FAULTS)
def test_a_fault_that_shows_only_in_the_model_is_said_in_its_terms(tmp_path, old, new, line, message, more):
    path = write_spec(tmp_path, old, new)
    result = invoke(path, "--out", tmp_path / "out")
    assert result.exit_code == 2
    number = path.read_text()[: path.read_text().index(line)].count("\n") + 1
    assert f"Error: {path}:{number}: {message}" in result.stderr
    assert more in result.stderr
    assert result.stderr.count("\n") == 1
    assert not (tmp_path / "out").exists()


def test_it_can_be_left_out(tmp_path, monkeypatch):
    monkeypatch.setattr(scaffold.trial, "_run_program", pytest.fail)
    result = invoke("flux", "--out", tmp_path, "--no-check")
    assert result.exit_code == 0
    assert result.output.startswith("Wrote ")


@pytest.mark.parametrize("library", ["torch", "diffusers"])
def test_without_the_libraries_it_is_skipped_and_says_so(tmp_path, monkeypatch, library):
    monkeypatch.setattr(scaffold.trial, "_run_program", pytest.fail)
    monkeypatch.setattr(scaffold.trial, "find_spec", lambda name: None if name == library else object())
    result = invoke("flux", "--out", tmp_path)
    assert result.exit_code == 0
    assert result.output.startswith(f"Not tried: {library} is not installed here.\nWrote ")


@pytest.mark.parametrize(
    ("program_text", "message"),
    [
        ("import os; os.kill(os.getpid(), 9)", "the folder could not be tried: exit code -9; --no-check writes"),
        (
            "raise SystemExit('libtorch.so is broken')",
            "the folder could not be tried: libtorch.so is broken; --no-check",
        ),
        ("import time; time.sleep(60)", "trying the model takes more than 1 seconds; --no-check writes"),
    ],
    ids=["killed", "broken", "endless"],
)
def test_a_trial_that_comes_to_no_end_is_said(tmp_path, monkeypatch, program_text, message):
    (tmp_path / "program.py").write_text(program_text)
    monkeypatch.setattr(scaffold.trial, "__file__", str(tmp_path / "__init__.py"))
    monkeypatch.setattr(scaffold.trial, "_SECONDS", 1 if "sleep" in program_text else 60)
    result = invoke("flux", "--out", tmp_path / "out")
    assert result.exit_code == 2
    assert f"Error: {message}" in result.stderr
    assert result.stderr.count("\n") == 1
    assert not (tmp_path / "out").exists()


@pytest.mark.usefixtures("in_this_process")
@pytest.mark.parametrize("terminal", [True, False])
def test_progress_is_shown_on_a_terminal_and_cleared(tmp_path, monkeypatch, terminal):
    monkeypatch.setattr("scaffold.commands.model._is_terminal", lambda: terminal)
    result = invoke("flux", "--out", tmp_path)
    line = "Building every configuration and running the tiny one ..."
    assert result.stderr == (f"{line}\r{' ' * len(line)}\r" if terminal else "") + TRIED
