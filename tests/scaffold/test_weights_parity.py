"""The generated weight mapping and LoRA formats against diffusers' own converters: the same keys, the same tensors."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from types import ModuleType

import diffusers
import pytest
import torch
from diffusers.loaders import lora_conversion_utils, single_file_utils


@pytest.fixture
def state_dict(flux2: ModuleType) -> dict[str, torch.Tensor]:
    """A tiny model's weights, all of them random."""
    model = flux2.tiny.tiny_transformer()
    flux2.tiny.draw_weights(model, torch.Generator().manual_seed(0))
    return dict(model.state_dict())


@pytest.fixture
def original(flux2: ModuleType, state_dict: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """The same weights in the layout of the original repository."""
    return dict(flux2.weight_mapping.FLUX2_WEIGHT_MAPPING.map_from_diffusers(state_dict))


def assert_equal(ours: dict[str, torch.Tensor], theirs: dict[str, torch.Tensor]) -> None:
    assert ours.keys() == theirs.keys()
    assert [name for name in theirs if not torch.equal(ours[name], theirs[name])] == []


# diffusers' own converter fails on the prefix, which its detector lists.
@pytest.mark.parametrize("prefix", ["", "model.diffusion_model."])
def test_the_mapping_does_what_the_converter_of_diffusers_does(flux2, original, state_dict, prefix):
    prefixed = {prefix + name: tensor for name, tensor in original.items()}
    ours = flux2.weight_mapping.FLUX2_WEIGHT_MAPPING.map_to_diffusers(prefixed)
    theirs = single_file_utils.convert_flux2_transformer_checkpoint_to_diffusers(dict(original))
    assert_equal(ours, theirs)
    assert_equal(ours, state_dict)


def lora_of(original: dict[str, torch.Tensor], rank: int = 4) -> dict[str, tuple[torch.Tensor, torch.Tensor]]:
    generator = torch.Generator().manual_seed(1)
    pairs = {}
    for name, weight in original.items():
        # The converters of diffusers know no kohya name for these, and do not swap the halves of this one.
        if weight.ndim == 2 and not name.startswith(("guidance_in", "final_layer.adaLN")) and "modulation" not in name:
            rows, columns = weight.shape
            pair = torch.randn(rank, columns, generator=generator), torch.randn(rows, rank, generator=generator)
            pairs[name.removesuffix(".weight")] = pair
    return pairs


def effect(weights: dict[str, torch.Tensor], alphas: dict[str, float] | None = None) -> dict[str, torch.Tensor]:
    """What each adapted weight gains, which is all that a LoRA is, however its scale is stored."""
    gains = {}
    for name, down in weights.items():
        module = name.removeprefix("transformer.").removesuffix(".lora_A.weight")
        if name.endswith(".lora_A.weight"):
            scale = alphas[module] / down.shape[0] if alphas else 1.0
            gains[module] = weights[name.replace("lora_A", "lora_B")] @ down * scale
    return gains


def assert_close(ours: dict[str, torch.Tensor], theirs: dict[str, torch.Tensor]) -> None:
    assert ours.keys() == theirs.keys()
    for name, gain in theirs.items():
        torch.testing.assert_close(ours[name], gain, msg=lambda text, name=name: f"{name}: {text}")


def test_kohya_files_mean_what_they_mean_to_diffusers(flux2, original):
    lora = {}
    for name, (down, up) in lora_of(original).items():
        start = "lora_unet_" + name.replace(".", "_")
        lora |= {f"{start}.lora_down.weight": down, f"{start}.lora_up.weight": up, f"{start}.alpha": torch.tensor(3.0)}
    theirs = lora_conversion_utils._convert_kohya_flux2_lora_to_diffusers(dict(lora))
    assert_close(effect(*flux2.lora.FLUX2_LORA.to_peft(lora)), effect(theirs))


def test_native_files_mean_what_they_mean_to_diffusers(flux2, original):
    lora = {}
    for name, (down, up) in lora_of(original).items():
        lora |= {f"diffusion_model.{name}.lora_A.weight": down, f"diffusion_model.{name}.lora_B.weight": up}
    theirs = lora_conversion_utils._convert_non_diffusers_flux2_lora_to_diffusers(dict(lora))
    assert_close(effect(*flux2.lora.FLUX2_LORA.to_peft(lora)), effect(theirs))


def test_automodel_finds_the_generated_class(flux2_folder: Path, tmp_path: Path):
    # In a process of its own, because diffusers keeps the modules that it loads.
    program = (
        "import sys, torch\n"
        f"sys.path.insert(0, {str(flux2_folder.parent)!r})\n"
        "from diffusers import AutoModel\n"
        "from flux2 import Flux2Pipeline\n"
        "from flux2.tiny import tiny_components\n"
        "pipeline = Flux2Pipeline(**tiny_components())\n"
        "pipeline.save_pretrained('pipe')\n"
        "pipeline.transformer.save_pretrained('alone')\n"
        "for place in ('alone', 'pipe/transformer'):\n"
        "    loaded = AutoModel.from_pretrained(place, trust_remote_code=True)\n"
        "    same = all(torch.equal(a, b) for a, b in zip(loaded.parameters(), pipeline.transformer.parameters()))\n"
        "    print(type(loaded).__module__, same)\n"
        "loaded.save_pretrained('alone')\n"
        "print(type(AutoModel.from_pretrained('alone', trust_remote_code=True)).__module__)\n"
    )
    environment = {"PATH": "", "HF_MODULES_CACHE": str(tmp_path / "modules"), "HF_HUB_OFFLINE": "1"}
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    ours = "diffusers_modules.local.flux2_model"
    assert done.stdout.splitlines() == [f"{ours} True", f"{ours} True", ours]
    assert diffusers.Flux2Transformer2DModel.__module__ != ours
