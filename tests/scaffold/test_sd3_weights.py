"""The mapping of Stable Diffusion 3's original checkpoints against diffusers' own converter, for all its variants."""

from __future__ import annotations

from types import ModuleType
from typing import Any

import pytest
import torch
from diffusers.loaders.single_file_utils import convert_sd3_transformer_checkpoint_to_diffusers

from scaffold.loading import load_spec
from tests.scaffold.pairs import make_pair


VARIANTS: dict[str, dict[str, Any]] = {
    "3-medium": {},
    "3.5-large": {"qk_norm": "rms_norm"},
    "3.5-medium": {"qk_norm": "rms_norm", "dual_attention_layers": (0, 1)},
    # More blocks than a layer's name has numbers, so that the last one is found by counting.
    "twelve-blocks": {"num_layers": 12},
    "one-block": {"num_layers": 1},
}


@pytest.fixture(scope="module")
def package(generated) -> ModuleType:
    """The generated folder, imported."""
    return generated("sd3")[1]


@pytest.mark.parametrize("prefix", ["", "model.diffusion_model."])
@pytest.mark.parametrize("variant", VARIANTS)
def test_the_mapping_does_what_the_converter_of_diffusers_does(package, variant, prefix):
    state_dict = make_pair(load_spec("sd3"), package, **VARIANTS[variant]).theirs.state_dict()
    mapping = package.model.SD3Transformer2DModel._weight_mapping
    original = mapping.map_from_diffusers(state_dict, prefix=prefix)
    ours = mapping.map_to_diffusers(original)
    theirs = convert_sd3_transformer_checkpoint_to_diffusers(dict(original))
    assert ours.keys() == theirs.keys() == state_dict.keys()
    assert [name for name in theirs if not torch.equal(ours[name], theirs[name])] == []
    assert [name for name in theirs if not torch.equal(ours[name], state_dict[name])] == []


def test_only_the_last_text_norm_is_swapped(package):
    state_dict = make_pair(load_spec("sd3"), package).theirs.state_dict()
    original = package.model.SD3Transformer2DModel._weight_mapping.map_from_diffusers(state_dict)
    for block in range(4):
        theirs = original[f"joint_blocks.{block}.context_block.adaLN_modulation.1.bias"]
        ours = state_dict[f"transformer_blocks.{block}.norm1_context.linear.bias"]
        assert torch.equal(ours, theirs) == (block < 3)
        assert torch.equal(ours.roll(len(ours) // 2), theirs) == (block == 3)
