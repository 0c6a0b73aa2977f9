"""A generated Flux2 folder beside the reference that was written apart from it, with the files that pair the two."""

from __future__ import annotations

import importlib
import json
import shutil
import subprocess
import sys
import zlib
from pathlib import Path
from types import ModuleType

import pytest
from click.testing import CliRunner, Result

from parity.cli import main


CONFIG = {
    "in_channels": 16,
    "num_layers": 3,
    "num_single_layers": 3,
    "attention_head_dim": 16,
    "num_attention_heads": 2,
    "joint_attention_dim": 48,
    "timestep_guidance_channels": 32,
    "axes_dims_rope": [4, 4, 4, 4],
}
REFERENCE_INPUTS = {
    "x": {"shape": [1, 16, 16]},
    "ctx": {"shape": [1, 7, 48]},
    "timesteps": {"value": [0.7]},
    "guidance": {"value": [3.5]},
    "x_ids": {"shape": [1, 16, 4], "kind": "ids"},
    "ctx_ids": {"shape": [1, 7, 4], "kind": "ids"},
}
CANDIDATE_INPUTS = {
    "hidden_states": {"from": "x"},
    "encoder_hidden_states": {"from": "ctx"},
    "timestep": {"from": "timesteps"},
    "guidance": {"from": "guidance"},
    "img_ids": {"from": "x_ids"},
    "txt_ids": {"from": "ctx_ids"},
}
MAPPED = [
    "research_flux2:Flux2",
    "flux2.Flux2Transformer2DModel",
    *("--candidate-config", "config.json"),
    *("--inputs", "reference_inputs.json"),
    *("--candidate-inputs", "candidate_inputs.json"),
    *("--mapping", "flux2.weight_mapping:FLUX2_WEIGHT_MAPPING.map_to_diffusers"),
]
"""Arguments that pair the reference that was written apart with the generated folder."""


@pytest.fixture(scope="session")
def generated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A place with the folder `flux2`, the reference's module and the files that pair them; not to be changed."""
    place = tmp_path_factory.mktemp("generated")
    subprocess.run([sys.executable, "-m", "scaffold", "model", "flux2", "--no-check"], cwd=place, check=True)
    shutil.copy(Path(__file__).with_name("research_flux2.py"), place)
    files = {"config": CONFIG, "reference_inputs": REFERENCE_INPUTS, "candidate_inputs": CANDIDATE_INPUTS}
    for name, content in files.items():
        (place / f"{name}.json").write_text(json.dumps(content), encoding="utf-8")
    return place


@pytest.fixture
def place(generated: Path, tmp_path: Path) -> Path:
    """A copy of `generated` that a test may change."""
    return Path(
        shutil.copytree(generated, tmp_path / "place", ignore=shutil.ignore_patterns(".scaffold", "__pycache__"))
    )


def faulty(generated: Path, folder: Path, old: str = "", new: str = "", file: str = "model.py") -> ModuleType:
    """Imports a copy of the generated package in which one text is replaced, under a name of its own."""
    name = f"flux2_{zlib.crc32(f'{folder}{file}{old}{new}'.encode()):08x}"
    shutil.copytree(generated / "flux2", folder / name, ignore=shutil.ignore_patterns(".*", "__pycache__", "tests"))
    if old:
        plant(folder, old, new, f"{name}/{file}")
    sys.path.insert(0, str(folder))
    try:
        importlib.import_module(f"{name}.weight_mapping")
        return importlib.import_module(name)
    finally:
        sys.path.remove(str(folder))


def parity(place: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Runs the command in a process of its own, so that a changed folder is imported anew."""
    command = [sys.executable, "-W", "ignore", "-m", "parity", *arguments]
    return subprocess.run(command, cwd=place, capture_output=True, text=True, check=False)


def run_here(*arguments: str) -> Result:
    """Runs the command in this process; nothing escapes but its exit code."""
    result = CliRunner().invoke(main, arguments)
    assert result.exception is None or isinstance(result.exception, SystemExit), result.output
    return result


def refused(*arguments: str) -> str:
    """The one line that a wrong request gets."""
    result = run_here(*arguments)
    assert result.exit_code == 2
    assert result.stdout == ""
    assert result.stderr.startswith("Error: ")
    assert result.stderr.count("\n") == 1
    return result.stderr


def plant(place: Path, old: str, new: str, file: str = "flux2/model.py") -> None:
    """Replaces the first occurrence of a text in the folder's code, which has to be there."""
    path = place / file
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")
