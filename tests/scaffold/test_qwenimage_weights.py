"""Qwen-Image's single files and the LoRA files of its trainers against diffusers' own converter."""

from __future__ import annotations

import pytest
import torch
from diffusers.loaders.lora_conversion_utils import _convert_non_diffusers_qwen_lora_to_diffusers


RANK, ALPHA = 4, 2.0


@pytest.fixture(scope="module")
def model(generated) -> torch.nn.Module:
    """A tiny model of more blocks than one digit can number."""
    spec, package = generated("qwenimage")
    return package.model.QwenImageTransformer2DModel(**spec.tiny.config | {"num_layers": 12})


def test_a_single_file_has_the_names_of_diffusers(model):
    mapping, state_dict = model._weight_mapping, model.state_dict()
    assert mapping.map_from_diffusers(state_dict).keys() == state_dict.keys()
    converted = mapping.map_to_diffusers({f"model.diffusion_model.{name}": each for name, each in state_dict.items()})
    assert converted.keys() == state_dict.keys()
    assert all(converted[name] is tensor for name, tensor in state_dict.items())


def layers(model: torch.nn.Module) -> dict[str, tuple[int, int]]:
    """Rows and columns of every layer that a LoRA can be about."""
    return {
        name: (layer.out_features, layer.in_features)
        for name, layer in model.named_modules()
        if isinstance(layer, torch.nn.Linear)
    }


def lora(model: torch.nn.Module, prefix: str, down: str, up: str, separator: str) -> dict[str, torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    state_dict = {}
    for name, (rows, columns) in layers(model).items():
        key = prefix + name.replace(".", separator)
        state_dict[f"{key}.{down}.weight"] = torch.randn(RANK, columns, generator=generator)
        state_dict[f"{key}.{up}.weight"] = torch.randn(rows, RANK, generator=generator)
        if down == "lora_down":
            state_dict[f"{key}.alpha"] = torch.tensor(ALPHA)
    return state_dict


@pytest.mark.parametrize(
    "file",
    [
        ("lora_unet_", "lora_down", "lora_up", "_"),
        ("diffusion_model.", "lora_down", "lora_up", "."),
        ("diffusion_model.", "lora_A", "lora_B", "."),
        ("", "lora_A.default", "lora_B.default", "."),
    ],
    ids=["kohya", "down and up", "after diffusion_model", "with the adapter's name"],
)
def test_a_lora_is_read_as_the_converter_of_diffusers_reads_it(model, file):
    state_dict = lora(model, *file)
    theirs = _convert_non_diffusers_qwen_lora_to_diffusers(dict(state_dict))
    ours, alphas = model._lora.to_peft(state_dict)
    assert {f"transformer.{name}" for name in ours} == theirs.keys()
    for name in layers(model):
        update = ours[f"{name}.lora_B.weight"] @ ours[f"{name}.lora_A.weight"] * (alphas[name] / RANK)
        wanted = theirs[f"transformer.{name}.lora_B.weight"] @ theirs[f"transformer.{name}.lora_A.weight"]
        torch.testing.assert_close(update, wanted)
