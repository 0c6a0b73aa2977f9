"""The mapping of Sana's original checkpoints against diffusers' own converter."""

from __future__ import annotations

from types import ModuleType

import pytest
import torch
from diffusers.loaders.single_file_utils import convert_sana_transformer_to_diffusers

from scaffold.loading import load_spec
from tests.scaffold.pairs import make_pair


# What an original file holds beside the layers: a table that diffusers computes, and the embedding of no prompt.
BESIDE = {"pos_embed": torch.ones(1, 4, 24), "y_embedder.y_embedding": torch.ones(7, 16)}


@pytest.fixture(scope="module")
def package(generated) -> ModuleType:
    """The generated folder, imported."""
    return generated("sana")[1]


@pytest.mark.parametrize("prefix", ["", "model.diffusion_model."])
def test_the_mapping_does_what_the_converter_of_diffusers_does(package, prefix):
    # The converter finds the number of blocks in a set, whose order holds for few of them.
    state_dict = make_pair(load_spec("sana"), package).theirs.state_dict()
    mapping = package.model.SanaTransformer2DModel._weight_mapping
    original = mapping.map_from_diffusers(state_dict, prefix=prefix) | BESIDE
    ours = mapping.map_to_diffusers(original)
    theirs = convert_sana_transformer_to_diffusers(dict(original))
    assert ours.keys() == theirs.keys() == state_dict.keys()
    assert [name for name in theirs if not torch.equal(ours[name], theirs[name])] == []
    assert [name for name in theirs if not torch.equal(ours[name], state_dict[name])] == []


def test_norms_of_queries_and_keys_are_mapped_too(package):
    # Heads as wide as those of all published models, by which their number is known.
    cross = {"cross_attention_dim": 64, "num_cross_attention_heads": 2, "cross_attention_head_dim": 32}
    config = {"attention_head_dim": 32, "qk_norm": "rms_norm_across_heads", **cross}
    pair = make_pair(load_spec("sana"), package, **config)
    mapping = package.model.SanaTransformer2DModel._weight_mapping
    original = mapping.map_from_diffusers(pair.theirs.state_dict())
    assert {"blocks.0.attn.q_norm.weight", "blocks.2.cross_attn.k_norm.weight"} <= original.keys()
    assert mapping.detect_config(original)["qk_norm"] == "rms_norm_across_heads"
    assert all(
        torch.equal(tensor, pair.theirs.state_dict()[name])
        for name, tensor in mapping.map_to_diffusers(original).items()
    )


def test_sana_sprint_keeps_the_same_names_for_other_layers(package):
    # As diffusers' scripts/convert_sana_to_diffusers.py reads them.
    time = {"t_embedder": "time_embed.timestep_embedder", "cfg_embedder": "time_embed.guidance_embedder"}
    names = {
        f"{original}.mlp.{layer}.{end}": f"{ours}.linear_{number}.{end}"
        for original, ours in time.items()
        for number, layer in ((1, 0), (2, 2))
        for end in ("weight", "bias")
    }
    sizes = {"attention_head_dim": 32, "num_cross_attention_heads": 2, "cross_attention_head_dim": 32}
    config = {"guidance_embeds": True, "qk_norm": "rms_norm_across_heads", "cross_attention_dim": 64, **sizes}
    pair = make_pair(load_spec("sana"), package, **config)
    state_dict = pair.theirs.state_dict()
    mapping = package.model.SanaTransformer2DModel._weight_mapping
    original = mapping.map_from_diffusers(state_dict)
    assert all(torch.equal(original[name], state_dict[ours]) for name, ours in names.items())
    training = {"logvar_linear.weight": torch.ones(1, 64), "logvar_linear.bias": torch.ones(1)}
    ours = mapping.map_to_diffusers(original | BESIDE | training)
    assert ours.keys() == state_dict.keys()
    assert all(torch.equal(tensor, state_dict[name]) for name, tensor in ours.items())
    assert mapping.detect_config(original)["guidance_embeds"]
    assert {"sana-sprint-0.6b", "sana-sprint-1.6b"} <= mapping.configs.keys()
