"""Generated image-to-image pipelines beside diffusers' own: from the same picture and seed come the same pixels."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, partial
from pathlib import Path
from typing import Any

import numpy as np
import PIL.Image
import pytest
import torch

from scaffold.errors import ScaffoldError
from scaffold.loading import load_spec, read_spec
from scaffold.resources import templates_root
from tests.scaffold.pairs import compare_arguments, compare_steps, make_pipelines, with_own_lists
from tests.scaffold.test_pipelines import LEFT_OUT, MASK, TWO, drawn, embeddings


PRESETS = ["flux", "chroma", "sd3", "qwenimage", "z-image"]


def picture(seed: int = 0, width: int = 96, height: int = 64) -> PIL.Image.Image:
    pixels = np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)
    return PIL.Image.fromarray(pixels)


CALLS: dict[str, dict[str, Any]] = {
    "plain": {},
    "weak": {"strength": 0.3},
    "full": {"strength": 1.0},
    "eight-steps": {"num_inference_steps": 8},
    "a-share-between-steps": {"strength": 0.55, "num_inference_steps": 6},
    "latents-out": {"output_type": "latent"},
    "several-prompts": TWO,
    "several-of-one": {"num_images_per_prompt": 2},
    "a-picture-each": TWO | {"image": [picture(1), picture(2)]},
    "a-picture-in-turn": TWO | {"image": [picture(1), picture(2)], "num_images_per_prompt": 2},
    "another-size": {"image": picture(width=120, height=72)},
    "a-tensor": {"image": drawn(1, 3, 64, 96).clamp(0, 1)},
    "sigmas": {"sigmas": [1.0, 0.7, 0.4, 0.2], "num_inference_steps": 4},
}
OWN: dict[str, dict[str, dict[str, Any]]] = {
    "flux": {
        "negative": {"negative_prompt": "Rain", "true_cfg_scale": 3.0},
        "latents-in": {"latents": drawn(1, 24, 16)},
    },
    "chroma": {
        "no-guidance": {"guidance_scale": 1.0},
        "negative": {"negative_prompt": "Rain"},
        "several-lengths": {"prompt": ["a", "two cats asleep in the rain"]},
        "latents-in": {"latents": drawn(1, 24, 16)},
        "embeddings-in": embeddings(2, 32, "prompt_attention_mask", (), MASK.float()),
    },
    "sd3": {
        "no-guidance": {"guidance_scale": 1.0},
        "negative": {"negative_prompt": "Rain"},
        "clip-skip": {"clip_skip": 1},
        "latents-in": {"latents": drawn(1, 4, 8, 12)},
        "embeddings-in": embeddings(2, 32, "pooled_prompt_embeds", (24,)),
    },
    "qwenimage": {
        "negative": {"negative_prompt": "Rain"},
        "odd-sides": {"height": 75, "width": 90},
        "latents-in": {"latents": drawn(1, 24, 16)},
    },
    "z-image": {
        "no-guidance": {"guidance_scale": 0.0},
        "negative": {"negative_prompt": "Rain"},
        "own-size": {"height": None, "width": None, "image": picture(width=120, height=72)},
        "latents-in": {"latents": drawn(1, 16, 8, 12)},
    },
}
# diffusers' pipeline of Z-Image does not fit a picture to another size, and takes one in the size that it has.
FEWER = {"z-image": ["plain", "weak", "latents-out", "several-of-one", "a-picture-in-turn", "a-tensor", "sigmas"]}
EVERY = [(preset, call) for preset in PRESETS for call in (*FEWER.get(preset, CALLS), *OWN[preset])]


@cache
def name_of(preset: str) -> str:
    return load_spec(preset).pipeline.image_to_image.name


@pytest.fixture(scope="module")
def pipelines(generated) -> Callable[..., tuple[Any, Any]]:
    """The generated pipeline of a preset and diffusers', made once: a call leaves nothing behind in them."""
    return cache(lambda name, dtype=torch.float32: make_pipelines(generated(name)[1], name_of(name), dtype))


def make(pipeline: Any, **changes: Any) -> torch.Tensor:
    arguments = {
        "prompt": "a red house",
        "image": picture(),
        "height": 64,
        "width": 96,
        "num_inference_steps": 4,
        "max_sequence_length": 40,
        "output_type": "pt",
        "generator": torch.Generator().manual_seed(0),
    }
    return pipeline(**with_own_lists(arguments | changes)).images


@pytest.mark.parametrize(("preset", "call"), EVERY, ids=[f"{preset}-{call}" for preset, call in EVERY])
def test_float32_pixels_are_equal(pipelines, preset, call):
    ours, theirs = pipelines(preset)
    changes = (CALLS | OWN[preset])[call]
    made = make(ours, **changes)
    assert made.std() > 0.01
    assert torch.equal(made, make(theirs, **changes))


@pytest.mark.parametrize("call", ["plain", "several-prompts", "latents-out", "eight-steps"])
@pytest.mark.parametrize("preset", PRESETS)
def test_bfloat16_pixels_are_equal(pipelines, preset, call):
    ours, theirs = pipelines(preset, torch.bfloat16)
    assert torch.equal(make(ours, **CALLS[call]), make(theirs, **CALLS[call]))


@pytest.mark.parametrize("preset", PRESETS)
def test_a_generator_for_each_picture_gives_the_same(pipelines, preset):
    made = []
    for pipeline in pipelines(preset):
        generators = [torch.Generator().manual_seed(seed) for seed in (1, 2)]
        made.append(make(pipeline, **TWO, image=[picture(1), picture(2)], generator=generators))
    assert torch.equal(*made)


@pytest.mark.parametrize("preset", PRESETS)
def test_callbacks_see_equal_latents_at_equal_steps(pipelines, preset):
    compare_steps(pipelines(preset), partial(make, strength=0.6), count=3)


@pytest.mark.parametrize("preset", PRESETS)
def test_a_call_takes_the_arguments_of_diffusers(pipelines, preset):
    compare_arguments(pipelines(preset), LEFT_OUT)


FAULTS = {
    "the first of the later steps": ("flux", "schedule/later.py.j2", "int(len(timesteps) -", "round(len(timesteps) -"),
    "where the scheduler begins": ("sd3", "schedule/later.py.j2", "set_begin_index(skipped)", "set_begin_index(0)"),
    "the shift of latents": ("sd3", "latents/scaled/encode.py.j2", "latents - self", "latents + self"),
    "the scale of latents": ("flux", "latents/scaled_patches/encode.py.j2", ") * self.", ") / self."),
    "the deviation of latents": (
        "qwenimage",
        "latents/normalized_patches_by_config/encode.py.j2",
        "(1.0 / std)",
        "std",
    ),
    "a draw out of what the VAE finds likely": (
        "flux",
        "latents/encode.py.j2",
        "latent_dist.sample(generator)",
        "latent_dist.mode()",
    ),
}


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)
def test_the_comparison_sees_a_fault(altered, fault):
    preset, name, old, new = fault
    ours, theirs = make_pipelines(altered(preset, (f"components/{name}", old, new)), name_of(preset))
    call = {"strength": 0.55, "num_inference_steps": 6}
    assert not torch.equal(make(ours, **call), make(theirs, **call))


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("      strength: 0.9\n", "", "the argument `strength` is missing"),
        ("      strength: 0.9\n", "      strenght: 0.9\n", "'strenght' is no argument of this pipeline"),
        ("    name: ChromaImg2ImgPipeline\n", "", "name"),
        (" timestep: timestep / 1000\n", " timesteps: timestep / 1000\n", "'timesteps' is not an argument"),
        (" timestep: timestep / 1000\n", " timestep: timesteps / 1000\n", "'timesteps' is nothing that the parts of"),
    ],
    ids=["an argument is missing", "an argument is unknown", "no name", "forward has no such", "nothing offers it"],
)
def test_a_wrong_spec_is_told_in_a_sentence(tmp_path, old, new, message):
    text = (templates_root() / "specs" / "chroma.yaml").read_text(encoding="utf-8")
    assert text.count(old) == 1
    path: Path = tmp_path / "wrong.yaml"
    path.write_text(text.replace(old, new), encoding="utf-8")
    with pytest.raises(ScaffoldError, match=message):
        read_spec(path, templates_root())


def test_a_new_model_has_a_class_of_its_own_name():
    assert load_spec("flux", "my-model").pipeline.image_to_image.name == "MyModelImg2ImgPipeline"
