"""The generated pipelines that draw from a prompt alone against diffusers' own: the same weights, seed and pixels."""

from __future__ import annotations

import importlib
import inspect
from types import ModuleType
from typing import Any

import diffusers
import pytest
import torch
from diffusers.pipelines.flux.pipeline_flux import calculate_shift

from tests.scaffold.pairs import make_pipelines


def random_tensor(*shape: int) -> torch.Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(1))


CALLS: dict[str, dict[str, Any]] = {
    "text": {},
    "latents-out": {"output_type": "latent"},
    "numpy-out": {"output_type": "np"},
    "batch": {"prompt": ["a red house", "two cats asleep"], "num_images_per_prompt": 2},
    "other-words-for-t5": {"prompt_2": "a sea at dawn"},
    "long-prompt": {"prompt": "a red house beside the sea at dawn " * 9, "max_sequence_length": 100},
    "negative": {"negative_prompt": "two cats", "true_cfg_scale": 3.0},
    "negative-for-t5": {"negative_prompt": "two cats", "negative_prompt_2": "a sofa", "true_cfg_scale": 3.0},
    "negative-without-scale": {"negative_prompt": "two cats"},
    "steps": {"num_inference_steps": 5},
    "sigmas": {"sigmas": [1.0, 0.7, 0.2]},
    "guidance": {"guidance_scale": 1.5},
    "odd-sides": {"height": 75, "width": 90},
    "latents-in": {"latents": random_tensor(1, 24, 16)},
    "embeddings-in": {
        "prompt": None,
        "prompt_embeds": random_tensor(2, 9, 32),
        "pooled_prompt_embeds": random_tensor(2, 24),
    },
    "negative-embeddings-in": {
        "negative_prompt_embeds": random_tensor(1, 7, 32),
        "negative_pooled_prompt_embeds": random_tensor(1, 24),
        "true_cfg_scale": 2.0,
    },
}


@pytest.fixture(scope="module")
def flux(generated) -> ModuleType:
    """The folder of FLUX.1, imported."""
    return generated("flux")[1]


@pytest.fixture(scope="module")
def pipelines(flux: ModuleType) -> dict[torch.dtype, tuple[Any, Any]]:
    """A pair in each of two dtypes."""
    return {dtype: make_pipelines(flux, "FluxPipeline", dtype) for dtype in (torch.float32, torch.bfloat16)}


def draw(pipeline: Any, **changes: Any) -> torch.Tensor:
    arguments = {
        "prompt": "a red house",
        "height": 64,
        "width": 96,
        "num_inference_steps": 3,
        "max_sequence_length": 16,
        "generator": torch.Generator().manual_seed(0),
        "output_type": "pt",
    }
    return torch.as_tensor(pipeline(**arguments | changes).images)


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
def test_float32_pictures_are_equal(pipelines, call):
    ours, theirs = pipelines[torch.float32]
    drawn = draw(ours, **call)
    assert drawn.std() > 0.01
    assert torch.equal(drawn, draw(theirs, **call))


@pytest.mark.parametrize("name", ["text", "batch", "negative"])
def test_bfloat16_pictures_are_equal(pipelines, name):
    ours, theirs = pipelines[torch.bfloat16]
    assert torch.equal(draw(ours, **CALLS[name]), draw(theirs, **CALLS[name]))


def test_a_transformer_without_guidance_draws_the_same(flux):
    ours, theirs = make_pipelines(flux, "FluxPipeline", guidance_embeds=False)
    assert torch.equal(draw(ours), draw(theirs))


def test_a_scheduler_that_shifts_nothing_draws_the_same(flux):
    ours, theirs = make_pipelines(flux, "FluxPipeline")
    shifted = draw(ours)
    for pipeline in (ours, theirs):
        pipeline.scheduler = diffusers.FlowMatchEulerDiscreteScheduler()
    plain = draw(ours)
    assert torch.equal(plain, draw(theirs))
    assert not torch.equal(plain, shifted)


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


@pytest.mark.parametrize("tokens", [16, 256, 1024, 4096, 9000])
def test_the_schedule_is_shifted_equally(pipelines, tokens):
    pipeline = pipelines[torch.float32][0]
    timesteps = pipeline.prepare_timesteps(2, [1.0, 0.5], tokens, torch.device("cpu"))
    theirs = diffusers.FlowMatchEulerDiscreteScheduler(use_dynamic_shifting=True)
    theirs.set_timesteps(sigmas=[1.0, 0.5], mu=calculate_shift(tokens))
    assert torch.equal(timesteps, theirs.timesteps)


def test_a_call_takes_the_same_arguments(flux):
    ours = inspect.signature(flux.pipeline.FluxPipeline.__call__).parameters
    theirs = dict(inspect.signature(diffusers.FluxPipeline.__call__).parameters)
    # A tuple in place of a list, which every call would share.
    defaults = {"callback_on_step_end_tensor_inputs": ("latents",)}
    assert {name: parameter.default for name, parameter in ours.items()} == {
        name: defaults.get(name, parameter.default) for name, parameter in theirs.items()
    }
    assert list(ours) == list(theirs)


def test_a_folder_that_ours_saved_loads_in_diffusers(pipelines, tmp_path):
    ours, theirs = pipelines[torch.float32]
    ours.save_pretrained(tmp_path)
    loaded = diffusers.FluxPipeline.from_pretrained(tmp_path, transformer=theirs.transformer)
    loaded.set_progress_bar_config(disable=True)
    torch.testing.assert_close(draw(loaded), draw(ours))


def test_published_weights_give_the_folders_transformer(flux, pipelines, tmp_path):
    pipelines[torch.float32][1].save_pretrained(tmp_path)
    example = importlib.import_module(f"{flux.__name__}.examples.text_to_image")
    ours = example.load_pipeline(str(tmp_path))
    theirs = diffusers.FluxPipeline.from_pretrained(tmp_path, dtype=torch.bfloat16)
    for pipeline in (ours, theirs):
        pipeline.set_progress_bar_config(disable=True)
    assert type(ours.transformer) is flux.model.FluxTransformer2DModel
    assert type(theirs.transformer) is diffusers.FluxTransformer2DModel
    assert torch.equal(draw(ours), draw(theirs))
