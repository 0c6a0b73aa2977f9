"""The mapping of LTX-Video's original checkpoints against diffusers' own converter."""

from __future__ import annotations

from types import ModuleType

import pytest
import torch
from diffusers.loaders.single_file_utils import convert_ltx_transformer_checkpoint_to_diffusers

from scaffold.loading import load_spec
from tests.scaffold.pairs import make_pair


@pytest.fixture(scope="module")
def package(generated) -> ModuleType:
    """The generated folder, imported."""
    return generated("ltx")[1]


@pytest.mark.parametrize("prefix", ["", "model.diffusion_model."])
def test_the_mapping_does_what_the_converter_of_diffusers_does(package, prefix):
    # More blocks than a layer's name has numbers.
    pair = make_pair(load_spec("ltx"), package, num_layers=12)
    mapping = pair.ours._weight_mapping
    original = mapping.map_from_diffusers(pair.theirs.state_dict(), prefix=prefix)
    file = original | {"vae.decoder.conv_in.weight": torch.ones(1)}
    ours = mapping.map_to_diffusers(file)
    theirs = convert_ltx_transformer_checkpoint_to_diffusers(dict(file))
    assert ours.keys() == theirs.keys() == pair.theirs.state_dict().keys()
    assert [name for name in theirs if not torch.equal(ours[name], theirs[name])] == []
    back = mapping.map_from_diffusers(ours, prefix=prefix)
    assert back.keys() == original.keys()
    assert [name for name in original if not torch.equal(back[name], original[name])] == []
