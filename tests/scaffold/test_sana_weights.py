"""The mapping of Sana's original checkpoints against diffusers' own converter."""

from __future__ import annotations

from collections.abc import Iterator
from types import ModuleType

import pytest
import torch
from diffusers.loaders.single_file_utils import convert_sana_transformer_to_diffusers

from scaffold.applying import write_folder
from scaffold.loading import load_spec
from scaffold.rendering import render_folder
from tests.scaffold.pairs import import_folder, make_pair


# What an original file holds beside the layers: a table that diffusers computes, and the embedding of no prompt.
BESIDE = {"pos_embed": torch.ones(1, 4, 24), "y_embedder.y_embedding": torch.ones(7, 16)}


@pytest.fixture(scope="module")
def package(tmp_path_factory) -> Iterator[ModuleType]:
    """The generated folder, imported."""
    folder = tmp_path_factory.mktemp("weights") / "sana_weights"
    write_folder(folder, render_folder(load_spec("sana")))
    packages = import_folder(folder)
    yield next(packages)
    next(packages, None)


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
