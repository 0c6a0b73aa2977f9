"""Every preset with weights in eight bits; `test_runtimes.py` runs this where torchao is found."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torchao.quantization import Int8Tensor, Int8WeightOnlyConfig, quantize_

from tests.scaffold.pairs import Pair, make_inputs, make_pair, sample


CPU = torch.device("cpu")
OFFLOADING = {
    "block": {"offload_type": "block_level", "num_blocks_per_group": 1},
    "leaf": {"offload_type": "leaf_level"},
}


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
