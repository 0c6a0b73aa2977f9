"""Every preset under the runtimes of torch and diffusers: what a plain forward gives, and what diffusers' class gives.

A folder's own tests hold what needs no other package, and its plan for several processes.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import torch

from scaffold.loading import preset_names
from tests.scaffold.pairs import make_inputs, make_pair, sample
from tests.scaffold.test_presets import PATHS


ROOT = Path(__file__).resolve().parents[2]
# Where `make setup` puts torchao.
TORCHAO = Path(sys.prefix) / "torchao"


def test_a_forward_is_one_graph_on_every_path(preset):
    spec, _ = preset
    # What the compiler sees of a third block is what it saw of the second.
    pair = make_pair(*preset, **{stage.count: 2 for stage in spec.stages})
    for name, path in {"plain": {}, **PATHS.get(spec.name, {})}.items():
        changes = {key: each(pair) if callable(each) else each for key, each in path.items()}
        inputs = make_inputs(pair) | changes
        torch._dynamo.reset()
        compiled = torch.compile(pair.ours, fullgraph=True, backend="eager")
        assert torch.equal(sample(compiled, inputs), sample(pair.ours, inputs)), name


def test_weights_in_eight_bits():
    """In a process of its own: diffusers looks for torchao once, and prints warnings wherever it is."""
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "pytest",
            "-q",
            "-p",
            "no:cacheprovider",
            str(Path(__file__).with_name("quantized.py")),
        ],
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(TORCHAO), str(ROOT)])},
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"{3 * len(preset_names())} passed" in done.stdout


def test_layerwise_casting(preset):
    pair = make_pair(*preset)
    inputs = make_inputs(pair)
    plain = sample(pair.ours, inputs)
    pair.each(
        lambda model: model.enable_layerwise_casting(storage_dtype=torch.float8_e4m3fn, compute_dtype=torch.float32)
    )
    ours = sample(pair.ours, inputs)
    assert torch.equal(ours, sample(pair.theirs, inputs))
    assert not torch.equal(ours, plain)
