"""The mapping of Z-Image's single files against diffusers' own converter, and the LoRA names of its trainers."""

from __future__ import annotations

from types import ModuleType
from typing import Any

import pytest
import torch
from diffusers.loaders.lora_conversion_utils import _convert_non_diffusers_z_image_lora_to_diffusers
from diffusers.loaders.single_file_utils import convert_z_image_transformer_checkpoint_to_diffusers

from scaffold.loading import load_spec
from tests.scaffold.pairs import make_pair


VARIANTS: dict[str, dict[str, Any]] = {"plain": {}, "twelve-blocks": {"n_layers": 12}, "omni": {"siglip_feat_dim": 20}}


@pytest.fixture(scope="module")
def package(generated) -> ModuleType:
    """The generated folder, imported."""
    return generated("z-image")[1]


@pytest.mark.parametrize("prefix", ["", "model.diffusion_model."])
@pytest.mark.parametrize("variant", VARIANTS)
def test_the_mapping_does_what_the_converter_of_diffusers_does(package, variant, prefix):
    pair = make_pair(load_spec("z-image"), package, **VARIANTS[variant])
    mapping = pair.ours._weight_mapping
    original = mapping.map_from_diffusers(pair.theirs.state_dict(), prefix=prefix)
    file = original | {f"{prefix}norm_final.weight": torch.ones(1)}
    ours = mapping.map_to_diffusers(file)
    theirs = convert_z_image_transformer_checkpoint_to_diffusers(dict(file))
    assert ours.keys() == theirs.keys() == pair.theirs.state_dict().keys()
    assert [name for name in theirs if not torch.equal(ours[name], theirs[name])] == []
    back = mapping.map_from_diffusers(ours, prefix=prefix)
    assert back.keys() == original.keys()
    assert [name for name in original if not torch.equal(back[name], original[name])] == []


def test_a_file_shows_the_configuration(package):
    pair = make_pair(load_spec("z-image"), package, siglip_feat_dim=20, n_refiner_layers=1)
    original = pair.ours._weight_mapping.map_from_diffusers(pair.theirs.state_dict())
    detected = pair.ours._weight_mapping.detect_config(original)
    assert detected == {name: pair.theirs.config[name] for name in detected}
    assert {"dim", "n_heads", "n_layers", "n_refiner_layers", "siglip_feat_dim"} <= detected.keys()


@pytest.mark.parametrize(
    "module",
    [
        "lora_unet_layers_0_attention_to_q",
        "lora_unet_layers_1_attention_to_out_0",
        "lora_unet_noise_refiner_2_feed_forward_w3",
        "lora_unet_context_refiner_0_attention_out",
        "lora_unet_layers_2_adaLN_modulation_0",
        "lora_unet_cap_embedder_1",
        "diffusion_model.layers.0.attention.to_k",
        "diffusion_model.context_refiner.1.feed_forward.w1",
    ],
)
def test_a_module_of_a_lora_is_the_one_that_diffusers_takes_it_for(package, module):
    down, up = torch.randn(4, 8), torch.randn(8, 4)
    file = {f"{module}.lora_down.weight": down, f"{module}.lora_up.weight": up, f"{module}.alpha": torch.tensor(4.0)}
    theirs = _convert_non_diffusers_z_image_lora_to_diffusers(dict(file))
    ours, alphas = package.model.ZImageTransformer2DModel._lora.to_peft(file)
    assert {f"transformer.{name}" for name in ours} == theirs.keys()
    assert set(alphas.values()) == {4.0}
    assert all(torch.equal(ours[name.removeprefix("transformer.")], theirs[name]) for name in theirs)
