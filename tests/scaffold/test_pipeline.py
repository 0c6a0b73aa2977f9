"""The generated pipeline against diffusers' own: the same weights, the same seed, the same pixels."""

from __future__ import annotations

import importlib
import inspect
import shutil
from types import ModuleType
from typing import Any

import diffusers
import numpy as np
import PIL.Image
import pytest
import torch
from diffusers.pipelines.flux2.image_processor import Flux2ImageProcessor
from diffusers.pipelines.flux2.pipeline_flux2 import compute_empirical_mu

from tests.scaffold.pairs import make_pipelines


def random_image(width: int, height: int) -> PIL.Image.Image:
    pixels = np.random.default_rng(width).integers(0, 256, (height, width, 3), dtype=np.uint8)
    return PIL.Image.fromarray(pixels)


def random_tensor(*shape: int) -> torch.Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(1))


CALLS: dict[str, dict[str, Any]] = {
    "text": {},
    "latents-out": {"output_type": "latent"},
    "numpy-out": {"output_type": "np"},
    "batch": {"prompt": ["a red house", "two cats [IMG] asleep"], "num_images_per_prompt": 2},
    "steps": {"num_inference_steps": 5},
    "sigmas": {"sigmas": [1.0, 0.7, 0.2]},
    "guidance": {"guidance_scale": 1.5},
    "layers": {"text_encoder_out_layers": (1, 2, 30)},
    "odd-sides": {"height": 75, "width": 90},
    "latents-in": {"latents": random_tensor(1, 16, 4, 6)},
    "embeddings-in": {"prompt": None, "prompt_embeds": random_tensor(2, 9, 48)},
    "one-reference": {"image": random_image(100, 80)},
    "reference-size": {"image": random_image(100, 80), "height": None, "width": None},
    "two-references": {"image": [random_image(64, 130), random_image(96, 64)], "num_images_per_prompt": 2},
}


@pytest.fixture(scope="module")
def pipelines(flux2: ModuleType) -> dict[torch.dtype, tuple[Any, Any]]:
    """Ours and diffusers' pipeline with equal weights, in each of two dtypes."""
    return {dtype: make_pipelines(flux2, "Flux2Pipeline", dtype) for dtype in (torch.float32, torch.bfloat16)}


def draw(pipeline: Any, **changes: Any) -> torch.Tensor:
    arguments = {
        "prompt": "a red house",
        "height": 64,
        "width": 96,
        "num_inference_steps": 3,
        "max_sequence_length": 256,
        "generator": torch.Generator().manual_seed(0),
        "output_type": "pt",
    }
    return torch.as_tensor(pipeline(**arguments | changes).images)


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
def test_float32_pictures_are_equal(pipelines, call):
    ours, theirs = pipelines[torch.float32]
    drawn = draw(ours, **call)
    assert drawn.std() > 0.1
    assert torch.equal(drawn, draw(theirs, **call))


@pytest.mark.parametrize(
    ("name", "old", "new"),
    [
        ("specs/flux2.yaml", "time_step: 10", "time_step: 5"),
        ("components/latents/normalized_patches/functions.py.j2", "+ vae.config.batch_norm_eps", ""),
    ],
    ids=["position-of-references", "spread-of-latents"],
)
def test_the_comparison_sees_a_fault(altered, name, old, new):
    ours, theirs = make_pipelines(altered("flux2", (name, old, new)), "Flux2Pipeline")
    reference = random_image(100, 80)
    assert not torch.equal(draw(ours, image=reference), draw(theirs, image=reference))


@pytest.mark.parametrize("call", [{}, {"image": random_image(100, 80)}], ids=["text", "reference"])
def test_bfloat16_pictures_are_equal(pipelines, call):
    ours, theirs = pipelines[torch.bfloat16]
    assert torch.equal(draw(ours, **call), draw(theirs, **call))


def test_callbacks_see_equal_tensors_at_equal_steps(pipelines):
    def record(pipeline, step, timestep, tensors):
        seen.append((step, timestep, tensors["latents"].clone(), tensors["prompt_embeds"].clone()))
        return {"latents": tensors["latents"] * 0.9, "prompt_embeds": tensors["prompt_embeds"] * 1.1}

    runs = []
    for pipeline in pipelines[torch.float32]:
        seen = []
        names = ["latents", "prompt_embeds"]
        drawn = draw(pipeline, callback_on_step_end=record, callback_on_step_end_tensor_inputs=names)
        runs.append((drawn, seen))
    (ours, our_steps), (theirs, their_steps) = runs
    assert torch.equal(ours, theirs)
    assert len(our_steps) == 3
    for mine, other in zip(our_steps, their_steps, strict=True):
        assert mine[0] == other[0]
        assert all(torch.equal(a, b) for a, b in zip(mine[1:], other[1:], strict=True))


@pytest.mark.parametrize("tokens", [16, 1024, 4300, 4301, 9000])
@pytest.mark.parametrize("steps", [1, 4, 28, 50, 200])
def test_the_schedule_is_shifted_equally(flux2, tokens, steps):
    assert flux2.pipeline.schedule_shift(tokens, steps) == compute_empirical_mu(tokens, steps)


@pytest.mark.parametrize("size", [(1024, 1024), (1500, 800), (333, 1999), (3001, 1001), (70, 65)], ids=str)
def test_reference_images_are_fitted_equally(flux2, size):
    image = random_image(*size)
    ours = flux2.pipeline.VaeImageProcessor(vae_scale_factor=16).preprocess(
        flux2.pipeline.fit_reference_image(image, multiple_of=16)
    )
    processor = Flux2ImageProcessor(vae_scale_factor=16)
    fitted = processor._resize_if_exceeds_area(image, 1024 * 1024)
    height, width = (side // 16 * 16 for side in reversed(fitted.size))
    theirs = processor.preprocess(fitted, height=height, width=width, resize_mode="crop")
    assert torch.equal(ours, theirs)


def test_a_call_takes_the_same_arguments(flux2):
    ours = inspect.signature(flux2.pipeline.Flux2Pipeline.__call__).parameters
    theirs = dict(inspect.signature(diffusers.Flux2Pipeline.__call__).parameters)
    # Rewriting the prompt with the language model is a step of its own, which this pipeline leaves to the caller.
    del theirs["caption_upsample_temperature"]
    # A tuple in place of a list, which every call would share.
    defaults = {"callback_on_step_end_tensor_inputs": ("latents",)}
    assert {name: parameter.default for name, parameter in ours.items()} == {
        name: defaults.get(name, parameter.default) for name, parameter in theirs.items()
    }
    assert list(ours) == list(theirs)


def test_a_folder_that_ours_saved_loads_in_diffusers(flux2, pipelines, tmp_path):
    ours, theirs = pipelines[torch.float32]
    ours.save_pretrained(tmp_path)
    loaded = diffusers.Flux2Pipeline.from_pretrained(tmp_path, transformer=theirs.transformer)
    loaded.set_progress_bar_config(disable=True)
    assert torch.equal(draw(loaded), draw(ours))


def test_published_weights_give_the_folders_transformer(flux2, pipelines, tmp_path):
    pipelines[torch.float32][1].save_pretrained(tmp_path)
    ours = importlib.import_module("flux2.examples.text_to_image").load_pipeline(str(tmp_path))
    theirs = diffusers.Flux2Pipeline.from_pretrained(tmp_path, dtype=torch.bfloat16)
    for pipeline in (ours, theirs):
        pipeline.set_progress_bar_config(disable=True)
    assert type(ours.transformer) is flux2.model.Flux2Transformer2DModel
    assert type(theirs.transformer) is diffusers.Flux2Transformer2DModel
    assert torch.equal(draw(ours), draw(theirs))


def test_inside_another_package_it_loads_what_it_saved(flux2_folder, tmp_path, monkeypatch):
    shutil.copytree(flux2_folder, tmp_path / "host" / "flux2")
    monkeypatch.syspath_prepend(str(tmp_path))
    flux2 = importlib.import_module("host.flux2")
    components = importlib.import_module("host.flux2.tiny").tiny_components()
    flux2.Flux2Pipeline(**components).save_pretrained(tmp_path / "saved")
    loaded = flux2.Flux2Pipeline.from_pretrained(tmp_path / "saved")
    assert type(loaded.transformer) is flux2.Flux2Transformer2DModel


@pytest.mark.parametrize(
    ("names", "a", "b"),
    [
        ("lora_unet_{blocks}_{block}_{module}", "lora_down", "lora_up"),
        ("diffusion_model.{blocks}.{block}.{module}", "lora_A", "lora_B"),
    ],
    ids=["kohya", "native"],
)
def test_a_lora_of_another_trainer_draws_the_same_picture(flux2, names, a, b):
    ours, theirs = make_pipelines(flux2, "Flux2Pipeline")
    plain = draw(ours)
    generator = torch.Generator().manual_seed(2)
    separator = "." if "." in names else "_"
    lora = {}
    for blocks, module, rows, columns in (
        ("double_blocks", f"img_attn{separator}qkv", 96, 32),
        ("double_blocks", f"txt_mlp{separator}0", 192, 32),
        ("single_blocks", "linear2", 32, 128),
    ):
        for block in range(3):
            name = names.format(blocks=blocks, block=block, module=module)
            lora[f"{name}.{a}.weight"] = torch.randn((4, columns), generator=generator) / 4
            lora[f"{name}.{b}.weight"] = torch.randn((rows, 4), generator=generator) / 4
            if a == "lora_down":
                lora[f"{name}.alpha"] = torch.tensor(2.0)
    for pipeline in (ours, theirs):
        pipeline.load_lora_weights(dict(lora))
    drawn = draw(ours)
    assert not torch.allclose(drawn, plain, atol=1e-2)
    torch.testing.assert_close(drawn, draw(theirs), atol=1e-4, rtol=0)
