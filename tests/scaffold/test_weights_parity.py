"""The generated weight mapping and LoRA formats against diffusers' own converters: the same keys, the same tensors."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import diffusers
import pytest
import torch
from diffusers.loaders import lora_conversion_utils, single_file_utils


RANK = 4
Tensors = dict[str, torch.Tensor]


@dataclass(frozen=True)
class Converters:
    """What diffusers has for a family's files.

    Attributes:
        checkpoint: the converter of original checkpoints.
        config: what the model is built with.
        kohya, native: those of kohya's LoRA files, and of files with the original's names after `native_prefix`.
        kohya_misses, native_misses: layers that they do not know, or do not treat as a checkpoint's are treated.
    """

    checkpoint: Callable[..., Tensors]
    config: dict[str, Any]
    kohya: Callable[..., Tensors]
    kohya_misses: str
    native: Callable[..., Tensors]
    native_prefix: str
    native_misses: str


CONVERTERS = {
    "flux2": Converters(
        checkpoint=single_file_utils.convert_flux2_transformer_checkpoint_to_diffusers,
        config={"guidance_embeds": True},
        kohya=lora_conversion_utils._convert_kohya_flux2_lora_to_diffusers,
        kohya_misses=r"guidance_in|.*modulation|final_layer\.adaLN",
        native=lora_conversion_utils._convert_non_diffusers_flux2_lora_to_diffusers,
        native_prefix="diffusion_model.",
        native_misses=r"guidance_in|.*modulation|final_layer\.adaLN",
    ),
    "flux": Converters(
        checkpoint=single_file_utils.convert_flux_transformer_checkpoint_to_diffusers,
        config={"guidance_embeds": True},
        kohya=lora_conversion_utils._convert_kohya_flux_lora_to_diffusers,
        # It drops the alphas of these.
        kohya_misses=r"final_layer",
        native=lora_conversion_utils._convert_fal_kontext_lora_to_diffusers,
        native_prefix="base_model.model.",
        native_misses=r"\w+_in\b|final_layer\.adaLN",
    ),
    "wan": Converters(
        checkpoint=single_file_utils.convert_wan_transformer_to_diffusers,
        # It leaves the name of the learned positions of first and last image as it is.
        config={"num_layers": 12, "in_channels": 36, "image_dim": 1280, "added_kv_proj_dim": 5120},
        kohya=lora_conversion_utils._convert_musubi_wan_lora_to_diffusers,
        kohya_misses=r"(?!blocks\.)",
        native=lora_conversion_utils._convert_non_diffusers_wan_lora_to_diffusers,
        native_prefix="diffusion_model.",
        native_misses=r"(?!)",
    ),
}


@dataclass(frozen=True)
class Family:
    """A preset's mapping and LoRA formats with the converters to compare them with, and random weights, both ways."""

    mapping: Any
    lora: Any
    converters: Converters
    state_dict: Tensors
    original: Tensors


@pytest.fixture(scope="module", params=CONVERTERS)
def family(request, generated) -> Family:
    """A preset of the published size, which converters take for granted, but for the columns of its matrices.

    Rows are what is renamed, cut and swapped, so two columns are enough.
    """
    spec, package = generated(request.param)
    model = getattr(package.model, spec.model)
    with torch.device("meta"):
        published = model(**CONVERTERS[spec.name].config)
    generator = torch.Generator().manual_seed(0)
    state_dict = {
        name: torch.randn((each.shape[0], *(2 for _ in each.shape[1:])), generator=generator)
        for name, each in published.state_dict().items()
    }
    mapping = model._weight_mapping
    original = mapping.map_from_diffusers(state_dict)
    return Family(mapping, model._lora, CONVERTERS[spec.name], state_dict, original)


def assert_equal(ours: Tensors, theirs: Tensors) -> None:
    assert ours.keys() == theirs.keys()
    assert [name for name in theirs if not torch.equal(ours[name], theirs[name])] == []


# diffusers' own converters fail on the prefix, which their detector lists.
@pytest.mark.parametrize("prefix", ["", "model.diffusion_model."])
def test_the_mapping_does_what_the_converter_of_diffusers_does(family, prefix):
    prefixed = {prefix + name: tensor for name, tensor in family.original.items()}
    ours = family.mapping.map_to_diffusers(prefixed)
    assert_equal(ours, family.converters.checkpoint(dict(family.original)))
    assert_equal(ours, family.state_dict)
    assert_equal(family.mapping.map_from_diffusers(ours, prefix=prefix), prefixed)


def lora_of(original: Tensors, misses: str) -> dict[str, tuple[torch.Tensor, torch.Tensor]]:
    """A random pair for each layer of the original but those that begin with a pattern."""
    generator = torch.Generator().manual_seed(1)
    pairs = {}
    for name, weight in original.items():
        if weight.ndim == 2 and not re.match(misses, name):
            rows, columns = weight.shape
            pair = torch.randn(RANK, columns, generator=generator), torch.randn(rows, RANK, generator=generator)
            pairs[name.removesuffix(".weight")] = pair
    return pairs


def effect(weights: Tensors, alphas: dict[str, float] | None = None) -> Tensors:
    """What each adapted weight gains, which is all that a LoRA is, however its scale is stored."""
    gains = {}
    for name, down in weights.items():
        module = name.removeprefix("transformer.").removesuffix(".lora_A.weight")
        if name.endswith(".lora_A.weight"):
            scale = alphas[module] / down.shape[0] if alphas else 1.0
            gains[module] = weights[name.replace("lora_A", "lora_B")] @ down * scale
    return gains


def assert_close(ours: Tensors, theirs: Tensors) -> None:
    assert ours.keys() == theirs.keys()
    for name, gain in theirs.items():
        torch.testing.assert_close(ours[name], gain, msg=lambda text, name=name: f"{name}: {text}")


def test_kohya_files_mean_what_they_mean_to_diffusers(family):
    lora = {}
    for name, (down, up) in lora_of(family.original, family.converters.kohya_misses).items():
        start = "lora_unet_" + name.replace(".", "_")
        lora |= {f"{start}.lora_down.weight": down, f"{start}.lora_up.weight": up, f"{start}.alpha": torch.tensor(3.0)}
    theirs = family.converters.kohya(dict(lora))
    assert_close(effect(*family.lora.to_peft(lora)), effect(theirs))


def test_native_files_mean_what_they_mean_to_diffusers(family):
    lora = {}
    for name, (down, up) in lora_of(family.original, family.converters.native_misses).items():
        start = family.converters.native_prefix + name
        lora |= {f"{start}.lora_A.weight": down, f"{start}.lora_B.weight": up}
    theirs = family.converters.native(dict(lora))
    assert_close(effect(*family.lora.to_peft(lora)), effect(theirs))


@pytest.mark.parametrize("family", ["wan"], indirect=True)
def test_a_layer_with_one_name_in_both_layouts_goes_with_the_others(family):
    shared = "diffusion_model.patch_embedding.lora_A.weight"
    assert family.lora.detect([shared, "diffusion_model.blocks.0.self_attn.q.lora_A.weight"]) == "native"
    assert family.lora.detect(["transformer.blocks.0.attn1.to_q.lora_A.weight", shared]) == "peft"


@pytest.mark.parametrize("family", ["flux"], indirect=True)
def test_xlabs_files_mean_what_they_mean_to_diffusers(family):
    generator = torch.Generator().manual_seed(1)
    lora = {}
    for block in range(2):
        for layer, rows in (
            ("double_blocks.{}.processor.qkv_lora1", 3 * 3072),
            ("double_blocks.{}.processor.proj_lora1", 3072),
            ("double_blocks.{}.processor.qkv_lora2", 3 * 3072),
            ("double_blocks.{}.processor.proj_lora2", 3072),
            ("single_blocks.{}.processor.qkv_lora", 3 * 3072),
            ("single_blocks.{}.processor.proj_lora", 3072),
        ):
            name = layer.format(block)
            lora[f"{name}.down.weight"] = torch.randn(RANK, 2, generator=generator)
            lora[f"{name}.up.weight"] = torch.randn(rows, RANK, generator=generator)
    theirs = lora_conversion_utils._convert_xlabs_flux_lora_to_diffusers(dict(lora))
    assert_close(effect(*family.lora.to_peft(lora)), effect(theirs))


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
