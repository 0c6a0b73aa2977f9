"""The mapping of Chroma's original checkpoints against diffusers' own converter."""

from __future__ import annotations

from types import ModuleType

import pytest
import torch
from diffusers.loaders.single_file_utils import convert_chroma_transformer_checkpoint_to_diffusers

from scaffold.loading import load_spec
from tests.scaffold.pairs import make_pair


# The converter cuts the joined projections for a model of this width and no other; the rest may be small.
WIDTH = {"num_attention_heads": 192, "num_layers": 2, "num_single_layers": 2, "approximator_layers": 12}


@pytest.fixture(scope="module")
def package(generated) -> ModuleType:
    """The generated folder, imported."""
    return generated("chroma")[1]


@pytest.mark.parametrize("prefix", ["", "model.diffusion_model."])
def test_the_mapping_does_what_the_converter_of_diffusers_does(package, prefix):
    with torch.device("meta"):
        shapes = package.model.ChromaTransformer2DModel.from_config(
            load_spec("chroma").tiny.config | WIDTH
        ).state_dict()
    generator = torch.Generator().manual_seed(0)
    state_dict = {
        name: torch.randint(99, each.shape, generator=generator, dtype=torch.uint8) for name, each in shapes.items()
    }
    mapping = package.model.ChromaTransformer2DModel._weight_mapping
    original = mapping.map_from_diffusers(state_dict, prefix=prefix)
    ours = mapping.map_to_diffusers(original)
    theirs = convert_chroma_transformer_checkpoint_to_diffusers(dict(original))
    assert ours.keys() == theirs.keys() == state_dict.keys()
    assert [name for name in theirs if not torch.equal(ours[name], theirs[name])] == []
    assert [name for name in theirs if not torch.equal(ours[name], state_dict[name])] == []


def test_the_number_of_layers_of_the_approximator_is_counted(package):
    pair = make_pair(load_spec("chroma"), package, approximator_layers=11)
    original = pair.ours._weight_mapping.map_from_diffusers(pair.theirs.state_dict())
    assert pair.ours._weight_mapping.detect_config(original)["approximator_layers"] == 11
