"""Generated pipelines beside diffusers' own: over the same modules, with the same seed, they make the same pixels."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from functools import cache, partial
from typing import Any

import diffusers
import pytest
import torch

from scaffold.loading import load_spec
from tests.scaffold.pairs import compare_arguments, compare_steps, make_pipelines, with_own_lists


def drawn(*shape: int, seed: int = 1) -> torch.Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


PICTURE = {"height": 64, "width": 96}
VIDEO = {"height": 64, "width": 96, "num_frames": 9}
# What every call of a preset's pipeline is given beside the prompt.
SMALL: dict[str, dict[str, Any]] = {
    "sd3": PICTURE,
    "qwenimage": PICTURE,
    "chroma": PICTURE,
    "pixart": PICTURE | {"use_resolution_binning": False},
    "sana": PICTURE | {"use_resolution_binning": False, "max_sequence_length": 24},
    "ltx": VIDEO,
    "hunyuanvideo": {"height": 32, "width": 48, "num_frames": 5, "max_sequence_length": 24},
    "z-image": PICTURE | {"max_sequence_length": 40},
    "cogvideox": {"height": 32, "width": 48, "num_frames": 9},
}
# What diffusers' pipeline is given besides, so that it does the same.
THEIRS: dict[str, dict[str, Any]] = {
    # Cleaning captions asks for libraries that are no part of diffusers.
    "pixart": {"clean_caption": False},
}
TWO = {"prompt": ["a red house", "two cats asleep"]}
COMMON: dict[str, dict[str, Any]] = {
    "text": {},
    "latents-out": {"output_type": "latent"},
    "numpy-out": {"output_type": "np"},
    "several": TWO,
    "negative": {"negative_prompt": "Rain"},
    "steps": {"num_inference_steps": 4},
}
# Calls that give the plain picture again, among them a negative prompt that a scale of 1 leaves out.
UNCHANGING = {
    "text",
    "latents-out",
    "numpy-out",
    "qwenimage-no-guidance",
    "hunyuanvideo-negative",
    "cogvideox-own-size",
}
UNGUIDED = {"guidance_scale": 1.0}


def embeddings(
    batch: int, channels: int, second: str, shape: tuple[int, ...], mask: torch.Tensor | None = None
) -> dict[str, Any]:
    """A call with embeddings of prompts of nine tokens and of negative ones in the place of prompts."""
    names = (second, f"negative_{second}")
    seconds = (drawn(batch, *shape, seed=3), drawn(batch, *shape, seed=4)) if mask is None else (mask, mask)
    return {
        "prompt": None,
        "negative_prompt": None,
        "prompt_embeds": drawn(batch, 9, channels),
        "negative_prompt_embeds": drawn(batch, 9, channels, seed=2),
        **dict(zip(names, seconds, strict=True)),
    }


MASK = torch.tensor([[1] * 9, [1] * 5 + [0] * 4])
CALLS: dict[str, dict[str, dict[str, Any]]] = {
    "sd3": {
        "no-guidance": UNGUIDED,
        "several-of-each": TWO | {"num_images_per_prompt": 2},
        "other-words": {"prompt_2": "a boat", "prompt_3": "the sea", "negative_prompt_2": "fog"},
        "skipped-layers": {"skip_guidance_layers": [1, 2], "num_inference_steps": 4, "skip_layer_guidance_stop": 0.6},
        "clip-skip": {"clip_skip": 1},
        "sigmas": {"sigmas": [1.0, 0.6]},
        "latents-in": {"latents": drawn(1, 4, 8, 12)},
        "embeddings-in": embeddings(2, 32, "pooled_prompt_embeds", (24,)),
    },
    "qwenimage": {
        "several-of-one": {"num_images_per_prompt": 2},
        "several-lengths": {"prompt": ["a", "two cats asleep in the rain"]},
        "several-negative": TWO | {"negative_prompt": ["a", "night and wind and rain"]},
        "no-guidance": {"negative_prompt": "rain", "true_cfg_scale": 1.0},
        "odd-sides": {"height": 75, "width": 90},
        "sigmas": {"sigmas": [1.0, 0.6]},
        "latents-in": {"latents": drawn(1, 24, 16)},
        "embeddings-in": embeddings(2, 32, "prompt_embeds_mask", (), MASK),
    },
    "chroma": {
        "no-guidance": UNGUIDED,
        "several-of-each": TWO | {"num_images_per_prompt": 2},
        "several-lengths": {"prompt": ["a", "two cats asleep in the rain"]},
        "odd-sides": {"height": 75, "width": 90},
        "sigmas": {"sigmas": [1.0, 0.6]},
        "latents-in": {"latents": drawn(1, 24, 16)},
        "embeddings-in": embeddings(2, 32, "prompt_attention_mask", (), MASK.float()),
    },
    "pixart": {
        "no-guidance": UNGUIDED,
        "several-of-each": TWO | {"num_images_per_prompt": 2},
        "several-lengths": {"prompt": ["a", "two cats asleep in the rain"]},
        "latents-in": {"latents": drawn(1, 4, 8, 12)},
        "embeddings-in": embeddings(2, 16, "prompt_attention_mask", (), MASK),
    },
    "sana": {
        "no-guidance": UNGUIDED,
        "several-of-one": {"num_images_per_prompt": 2},
        "several-lengths": {"prompt": ["a", "two cats asleep in the rain"]},
        "no-instruction": {"complex_human_instruction": None},
        "latents-in": {"latents": drawn(1, 4, 2, 3)},
        "embeddings-in": embeddings(2, 16, "prompt_attention_mask", (), MASK),
    },
    "ltx": {
        "no-guidance": UNGUIDED,
        "several-of-one": {"num_videos_per_prompt": 2},
        "several-lengths": {"prompt": ["a", "two cats asleep in the rain"]},
        "rescaled-guidance": {"guidance_rescale": 0.7},
        "frame-rate": {"frame_rate": 10},
        "latents-in": {"latents": drawn(1, 12, 6)},
        "embeddings-in": embeddings(2, 16, "prompt_attention_mask", (), MASK.bool()),
    },
    "hunyuanvideo": {
        "several-of-one": {"num_videos_per_prompt": 2},
        "several-lengths": {"prompt": ["a", "two cats asleep in the rain"]},
        "guided": {"negative_prompt": "rain", "true_cfg_scale": 3.0},
        "embedded-guidance": {"guidance_scale": 2.0},
        "sigmas": {"sigmas": [1.0, 0.6]},
        "latents-in": {"latents": drawn(1, 4, 2, 4, 6)},
    },
    "z-image": {
        "no-guidance": {"guidance_scale": 0.0},
        "several-of-each": TWO | {"num_images_per_prompt": 2},
        "bounded-length": TWO | {"cfg_normalization": 0.9},
        "ended-guidance": {"cfg_truncation": 0.3, "num_inference_steps": 4},
        "sigmas": {"sigmas": [1.0, 0.6]},
        "latents-in": {"latents": drawn(1, 16, 8, 12)},
        "embeddings-in": {
            "prompt": None,
            "prompt_embeds": [drawn(9, 16), drawn(5, 16)],
            "negative_prompt_embeds": [drawn(3, 16, seed=2), drawn(5, 16, seed=2)],
        },
    },
    "cogvideox": {
        "no-guidance": UNGUIDED,
        "several-lengths": {"prompt": ["a", "two cats asleep in the rain"]},
        "growing-guidance": {"use_dynamic_cfg": True},
        "own-size": {"height": None, "width": None, "num_frames": None},
        "upright": {"height": 64, "width": 48},
        "latents-in": {"latents": drawn(1, 3, 4, 4, 6)},
    },
}
# Arguments of diffusers' calls that the generated ones leave out, and why.
LEFT_OUT = {
    # Cleaning captions asks for libraries that are no part of diffusers.
    "clean_caption",
    # The template that the transformer was trained with stays.
    "prompt_template",
    # No scheduler of these pipelines knows it.
    "eta",
    # The number of steps and, for flows, their noise levels say it.
    "timesteps",
    # What `callback_on_step_end` replaced.
    "callback",
    "callback_steps",
    "kwargs",
}
# The same for one preset: DPM, the published scheduler of both, takes no noise levels.
LEFT_OUT_OF = {"pixart": {"sigmas"}, "sana": {"sigmas"}}
# Arguments that these pipelines have for more than diffusers' gives.
ADDED = {
    "pixart": {"callback_on_step_end", "callback_on_step_end_tensor_inputs"},
    "ltx": {"sigmas"},
}


@cache
def name_of(preset: str) -> str:
    return load_spec(preset).pipeline.name


@pytest.fixture(scope="module")
def pipelines(generated) -> Callable[..., tuple[Any, Any]]:
    """The generated pipeline of a preset and diffusers', made once: a call leaves nothing behind in them."""
    return cache(lambda name, dtype=torch.float32: make_pipelines(generated(name)[1], name_of(name), dtype))


@pytest.fixture(scope="module")
def plain(pipelines) -> Callable[[str], torch.Tensor]:
    """What the generated pipeline of a preset makes of nothing but the prompt."""
    return cache(lambda name: make(pipelines(name)[0], name))


def make(pipeline: Any, preset: str, **changes: Any) -> torch.Tensor:
    arguments = {
        "prompt": "a red house",
        "num_inference_steps": 2,
        "max_sequence_length": 16,
        "output_type": "pt",
        "generator": torch.Generator().manual_seed(0),
    }
    if type(pipeline).__module__.startswith("diffusers."):
        changes = THEIRS.get(preset, {}) | changes
        if "negative_prompt_embeds" in changes and "eta" in inspect.signature(pipeline.__call__).parameters:
            changes = changes | {"negative_prompt": None}
    made = pipeline(**with_own_lists(arguments | SMALL[preset] | changes))
    return torch.as_tensor(made.frames if hasattr(made, "frames") else made.images)


EVERY = [(preset, call) for preset, own in CALLS.items() for call in (*COMMON, *own)]


@pytest.mark.parametrize(("preset", "call"), EVERY, ids=[f"{preset}-{call}" for preset, call in EVERY])
def test_float32_pixels_are_equal(pipelines, plain, preset, call):
    ours, theirs = pipelines(preset)
    changes = (COMMON | CALLS[preset])[call]
    made = make(ours, preset, **changes)
    assert made.std() > 0.01
    assert torch.equal(made, make(theirs, preset, **changes))
    # Nothing else than the prompt's own words, or as many steps, says the same.
    if not {call, f"{preset}-{call}"} & UNCHANGING and made.shape == plain(preset).shape:
        assert not torch.equal(made, plain(preset))


@pytest.mark.parametrize("call", ["text", "several", "negative", "latents-out"])
@pytest.mark.parametrize("preset", CALLS)
def test_bfloat16_pixels_are_equal(pipelines, preset, call):
    ours, theirs = pipelines(preset, torch.bfloat16)
    assert torch.equal(make(ours, preset, **COMMON[call]), make(theirs, preset, **COMMON[call]))


@pytest.mark.parametrize("preset", ["pixart", "sana"])
def test_sizes_of_training_are_chosen_equally(generated, preset):
    pipelines = make_pipelines(generated(preset)[1], name_of(preset))
    for pipeline in pipelines:
        pipeline.transformer.register_to_config(sample_size=512 // pipeline.vae_scale_factor)
    ours, theirs = (
        make(each, preset, height=400, width=600, use_resolution_binning=True, num_inference_steps=1)
        for each in pipelines
    )
    assert ours.shape == (1, 3, 400, 600)
    assert torch.equal(ours, theirs)


def test_cogvideox_remembers_with_its_other_scheduler(generated):
    pipelines = make_pipelines(generated("cogvideox")[1], name_of("cogvideox"))
    plain = make(pipelines[0], "cogvideox", num_inference_steps=3)
    for pipeline in pipelines:
        pipeline.scheduler = diffusers.CogVideoXDPMScheduler.from_config(pipeline.scheduler.config)
    ours, theirs = (make(each, "cogvideox", num_inference_steps=3) for each in pipelines)
    assert torch.equal(ours, theirs)
    assert not torch.equal(ours, plain)


# Diffusers' PixArt has none of these callbacks.
@pytest.mark.parametrize("preset", [preset for preset in CALLS if preset != "pixart"])
def test_callbacks_see_equal_latents_at_equal_steps(pipelines, preset):
    compare_steps(pipelines(preset), partial(make, preset=preset), count=2)


@pytest.mark.parametrize("preset", CALLS)
def test_a_call_takes_the_arguments_of_diffusers(pipelines, preset):
    compare_arguments(pipelines(preset), LEFT_OUT | LEFT_OUT_OF.get(preset, set()), ADDED.get(preset, ()))


@pytest.mark.parametrize("preset", CALLS)
def test_each_loads_what_the_other_saved(pipelines, preset, tmp_path):
    ours, theirs = pipelines(preset)
    for saved, loader, own in ((theirs, ours, "theirs"), (ours, theirs, "ours")):
        saved.save_pretrained(tmp_path / own)
        loaded = type(loader).from_pretrained(tmp_path / own, transformer=loader.transformer)
        loaded.set_progress_bar_config(disable=True)
        torch.testing.assert_close(make(loaded, preset), make(loader, preset))


FAULTS = {
    "a latent's shift": ("sd3", "latents/scaled/decode.py.j2", " + self.vae.config.shift_factor", ""),
    "one layer less of CLIP": ("sd3", "prompt/clips_t5/encode.py.j2", "hidden_states[-2 - ", "hidden_states[-1 - "),
    "the length of a guided prediction": (
        "qwenimage",
        "guidance/true_cfg_kept_norm/step.py.j2",
        "length = torch.norm(prediction, dim=-1, keepdim=True)",
        "length = torch.norm(unwanted, dim=-1, keepdim=True)",
    ),
    "a token of the template": (
        "qwenimage",
        "prompt/qwen_template/encode.py.j2",
        "[mask][TEMPLATE_TOKENS:]",
        "[mask]",
    ),
    "the token beyond the prompt": (
        "chroma",
        "prompt/t5_mask_beyond/encode.py.j2",
        "places <= lengths",
        "places < lengths",
    ),
    "the case of a caption": ("pixart", "prompt/t5_caption/encode.py.j2", "text.lower().strip()", "text.strip()"),
    "the instruction": ("sana", "prompt/gemma_instruction/encode.py.j2", "instruction + text", "text + instruction"),
    "layers of Llama": ("hunyuanvideo", "prompt/llama_clip/encode.py.j2", ".hidden_states[-3]", ".hidden_states[-2]"),
    "direction of a prediction": ("z-image", "transformer/lists/call.py.j2", "return -torch", "return torch"),
    "the scale of latents": (
        "cogvideox",
        "latents/frames_first/decode.py.j2",
        "1 / self.vae.config.scaling_factor * ",
        "",
    ),
    "seconds of a frame": ("ltx", "latents/packed_video/predict.py.j2", " / frame_rate", ""),
}


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)
def test_the_comparison_sees_a_fault(altered, fault):
    preset, name, old, new = fault
    ours, theirs = make_pipelines(altered(preset, (f"components/{name}", old, new)), name_of(preset))
    call = {"prompt": "A red house", "negative_prompt": "Rain"}
    assert not torch.equal(make(ours, preset, **call), make(theirs, preset, **call))
