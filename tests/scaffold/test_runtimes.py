"""Every preset under the runtimes of torch and diffusers: what a plain forward gives, and what diffusers' class gives.

A folder's own tests hold what needs no other package, and its plan for several processes.
"""

from __future__ import annotations

from collections.abc import Iterator
from types import ModuleType
from typing import Any

import pytest
import torch
from torch import nn
from torchao.quantization import Int8Tensor, Int8WeightOnlyConfig, quantize_

from scaffold.applying import write_folder
from scaffold.loading import load_spec, preset_names
from scaffold.rendering import render_folder
from scaffold.spec import Spec
from tests.scaffold.pairs import Pair, import_folder, make_inputs, make_pair
from tests.scaffold.test_presets import PATHS


CPU = torch.device("cpu")
OFFLOADING = {
    "block": {"offload_type": "block_level", "num_blocks_per_group": 1},
    "leaf": {"offload_type": "leaf_level"},
}


@pytest.fixture(scope="module", params=preset_names())
def preset(request, tmp_path_factory) -> Iterator[tuple[Spec, ModuleType]]:
    """A preset's spec, and the folder that it makes, imported."""
    spec = load_spec(request.param)
    folder = tmp_path_factory.mktemp("runtimes") / f"{spec.package}_runtime"
    write_folder(folder, render_folder(spec))
    package = import_folder(folder)
    yield spec, next(package)
    next(package, None)


def sample(model: nn.Module, inputs: dict[str, Any]) -> torch.Tensor:
    """The output of one forward without gradients; samples of several sizes one after the other."""
    with torch.no_grad():
        output = model(**inputs, return_dict=False)[0]
    return torch.cat([each.flatten() for each in output]) if isinstance(output, list) else output


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


def quantized(pair: Pair) -> Pair:
    """Both with the weights of their linear layers in eight bits."""
    pair.each(lambda model: quantize_(model, Int8WeightOnlyConfig()))
    return pair


def test_weights_in_eight_bits(preset):
    pair = make_pair(*preset)
    inputs = make_inputs(pair)
    plain = sample(pair.ours, inputs)
    quantized(pair)
    assert all(isinstance(each.weight, Int8Tensor) for each in pair.ours.modules() if isinstance(each, nn.Linear))
    ours = sample(pair.ours, inputs)
    assert torch.equal(ours, sample(pair.theirs, inputs))
    assert not torch.equal(ours, plain)
    assert nn.functional.cosine_similarity(ours.flatten(), plain.flatten(), dim=0) > 0.99


@pytest.mark.parametrize("arguments", OFFLOADING.values(), ids=OFFLOADING)
def test_weights_in_eight_bits_that_wait_in_memory(preset, arguments):
    pair = quantized(make_pair(*preset))
    inputs = make_inputs(pair)
    plain = sample(pair.ours, inputs)
    pair.ours.enable_group_offload(onload_device=CPU, offload_device=CPU, **arguments)
    assert torch.equal(sample(pair.ours, inputs), plain)


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
