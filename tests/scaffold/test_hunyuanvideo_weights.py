"""The mapping of HunyuanVideo's original checkpoints and LoRA files against diffusers' own converters."""

from __future__ import annotations

import pytest
import torch
from diffusers.loaders.lora_conversion_utils import _convert_hunyuan_video_lora_to_diffusers
from diffusers.loaders.single_file_utils import convert_hunyuan_video_transformer_to_diffusers


RANK = 4


@pytest.fixture(scope="module")
def model(generated) -> torch.nn.Module:
    """A model without memory, as wide as the converters take all to be, with more blocks than a digit can number."""
    _, package = generated("hunyuanvideo")
    with torch.device("meta"):
        return package.model.HunyuanVideoTransformer3DModel(num_layers=12, num_single_layers=12)


@pytest.fixture(scope="module")
def original(model) -> dict[str, torch.Tensor]:
    """An original checkpoint of which every tensor has its rows, numbered from a start of its own, in one column."""
    shapes = model._weight_mapping.map_from_diffusers(model.state_dict())
    return {
        name: torch.arange(tensor.shape[0]) + 100_000 * index for index, (name, tensor) in enumerate(shapes.items())
    }


def test_the_mapping_does_what_the_converter_of_diffusers_does(model, original):
    ours = model._weight_mapping.map_to_diffusers(original)
    theirs = convert_hunyuan_video_transformer_to_diffusers(dict(original))
    assert ours.keys() == theirs.keys() == model.state_dict().keys()
    assert [name for name in theirs if not torch.equal(ours[name], theirs[name])] == []
    assert [name for name in theirs if len(theirs[name]) != len(model.state_dict()[name])] == []


@pytest.mark.parametrize("prefix", ["", "model.diffusion_model."])
def test_a_checkpoint_comes_back_byte_for_byte(model, original, prefix):
    mapping = model._weight_mapping
    named = {prefix + name: tensor for name, tensor in original.items()}
    back = mapping.map_from_diffusers(mapping.map_to_diffusers(named), prefix=prefix)
    assert back.keys() == named.keys()
    assert [name for name in named if not torch.equal(back[name], named[name])] == []


def test_a_lora_is_read_as_the_converter_of_diffusers_reads_it(model):
    # Of the refiner's attention diffusers' converter cuts both halves, where queries, keys and values share one.
    layers = ("double_blocks.3.img_attn_qkv", "double_blocks.11.txt_attn_qkv", "double_blocks.0.txt_mlp.fc1")
    layers += ("single_blocks.2.linear1", "single_blocks.10.linear2", "txt_in.c_embedder.linear_2")
    mapping, state_dict = model._weight_mapping, {}
    rows = {name: tensor.shape[0] for name, tensor in mapping.map_from_diffusers(model.state_dict()).items()}
    for index, layer in enumerate(layers):
        state_dict[f"{layer}.lora_A.weight"] = torch.full((RANK, 1), float(index))
        state_dict[f"{layer}.lora_B.weight"] = torch.randn(rows[f"{layer}.weight"], RANK)
    theirs = _convert_hunyuan_video_lora_to_diffusers(dict(state_dict))
    ours, _ = model._lora.to_peft({f"diffusion_model.{name}": tensor for name, tensor in state_dict.items()})
    assert {f"transformer.{name}" for name in ours} == theirs.keys()
    assert [name for name in ours if not torch.equal(ours[name], theirs[f"transformer.{name}"])] == []
