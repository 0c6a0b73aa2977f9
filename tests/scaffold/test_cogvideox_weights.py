"""The mapping of CogVideoX's original checkpoints, for which diffusers has a script and no converter to import."""

from __future__ import annotations

import pytest
import torch


@pytest.fixture(scope="module")
def model(generated) -> torch.nn.Module:
    """A tiny model of all that a checkpoint can hold: more than ten blocks, learned positions and an offset."""
    spec, package = generated("cogvideox")
    config = spec.tiny.config | {"num_layers": 12, "ofs_embed_dim": 12, "use_learned_positional_embeddings": True}
    return package.model.CogVideoXTransformer3DModel(**config)


@pytest.fixture
def original(model) -> dict[str, torch.Tensor]:
    return model._weight_mapping.map_from_diffusers(model.state_dict())


# What diffusers' scripts/convert_cogvideox_to_diffusers.py makes of names of each kind.
NAMES = {
    "mixins.pos_embed.pos_embedding": "patch_embed.pos_embedding",
    "mixins.patch_embed.text_proj.bias": "patch_embed.text_proj.bias",
    "ofs_embed.2.weight": "ofs_embedding.linear_2.weight",
    "transformer.layers.11.input_layernorm.weight": "transformer_blocks.11.norm1.norm.weight",
    "transformer.layers.3.post_attention_layernorm.bias": "transformer_blocks.3.norm2.norm.bias",
    "mixins.adaln_layer.key_layernorm_list.10.weight": "transformer_blocks.10.attn1.norm_k.weight",
    "transformer.layers.0.attention.dense.weight": "transformer_blocks.0.attn1.to_out.0.weight",
    "transformer.layers.1.mlp.dense_4h_to_h.bias": "transformer_blocks.1.ff.net.2.bias",
    "transformer.final_layernorm.weight": "norm_final.weight",
    "mixins.final_layer.adaLN_modulation.1.weight": "norm_out.linear.weight",
    "mixins.final_layer.linear.bias": "proj_out.bias",
}


@pytest.mark.parametrize("name", NAMES)
def test_a_name_becomes_what_the_script_of_diffusers_makes_of_it(model, original, name):
    assert torch.equal(model.state_dict()[NAMES[name]], original[name])


def test_modulation_is_dealt_out_to_the_norms_before_both_sublayers(model):
    width = model.inner_dim
    # Shift, scale and gate of attention and feed-forward for the video, then the same for the text.
    tensor = torch.arange(12).repeat_interleave(width)
    converted = model._weight_mapping.map_to_diffusers({"mixins.adaln_layer.adaLN_modulations.2.1.bias": tensor})
    parts = {name: each[::width].tolist() for name, each in converted.items()}
    assert parts == {
        "transformer_blocks.2.norm1.linear.bias": [0, 1, 2, 6, 7, 8],
        "transformer_blocks.2.norm2.linear.bias": [3, 4, 5, 9, 10, 11],
    }


def test_modulation_that_cannot_be_dealt_out_is_refused(model):
    with pytest.raises(
        ValueError, match=r"adaLN_modulations\.0\.1\.bias: The shape \(6,\) cannot be cut into 4 parts"
    ):
        model._weight_mapping.map_to_diffusers({"mixins.adaln_layer.adaLN_modulations.0.1.bias": torch.ones(6)})


@pytest.mark.parametrize("prefix", ["", "model.diffusion_model."])
def test_a_checkpoint_comes_back_byte_for_byte(model, original, prefix):
    mapping = model._weight_mapping
    named = {prefix + name: tensor for name, tensor in original.items()}
    tables = {f"{prefix}mixins.pos_embed.freqs_sin": torch.ones(1)}
    converted = mapping.map_to_diffusers(named | tables)
    assert converted.keys() == model.state_dict().keys()
    back = mapping.map_from_diffusers(converted, prefix=prefix)
    assert back.keys() == named.keys()
    assert [name for name in named if not torch.equal(back[name], named[name])] == []


def test_a_checkpoint_that_is_none_of_the_published_asks_for_its_configuration(model, original):
    with pytest.raises(ValueError, match=r"mixins\.patch_embed\.proj\.weight has the shape .*Please pass `config=`"):
        type(model).from_single_file(original)
    del original["mixins.patch_embed.proj.weight"]
    with pytest.raises(ValueError, match=r"mixins\.patch_embed\.proj\.weight is not there"):
        type(model).from_single_file(original)
