"""Image-to-video pipelines of LTX-Video and HunyuanVideo beside diffusers' own: from equal pictures, equal videos."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from functools import cache
from typing import Any

import diffusers
import pytest
import torch

from scaffold.loading import load_spec
from tests.scaffold.pairs import pipelines_over, with_fault
from tests.scaffold.test_image_to_image import picture
from tests.scaffold.test_pipelines import ADDED, LEFT_OUT, TWO, drawn


# Changes of the tiny config: HunyuanVideo's picture lies in the first frame's place or beside the noise.
MODELS: dict[str, tuple[str, dict[str, Any]]] = {
    "kept": ("ltx", {}),
    "replaced": ("hunyuanvideo", {}),
    "beside": (
        "hunyuanvideo",
        {"in_channels": 9, "guidance_embeds": False, "image_condition_type": "latent_concat"},
    ),
}
SMALL: dict[str, dict[str, Any]] = {
    "ltx": {"height": 64, "width": 96, "max_sequence_length": 16},
    "hunyuanvideo": {"height": 32, "width": 48, "max_sequence_length": 24},
}
PICTURES = TWO | {"image": [picture(1), picture(2)]}
GUIDED = {"negative_prompt": "rain", "true_cfg_scale": 3.0}
CALLS: dict[str, tuple[str, dict[str, Any]]] = {
    "kept-plain": ("kept", {}),
    "kept-latents-out": ("kept", {"output_type": "latent"}),
    "kept-latents-in": ("kept", {"latents": drawn(1, 12, 6)}),
    "kept-no-guidance": ("kept", {"guidance_scale": 1.0}),
    "kept-rescaled-guidance": ("kept", {"guidance_rescale": 0.7, "frame_rate": 10}),
    "kept-several-prompts": ("kept", TWO),
    "kept-a-picture-each": ("kept", PICTURES),
    "kept-several-of-one": ("kept", {"num_videos_per_prompt": 2}),
    "kept-another-size": ("kept", {"image": picture(width=120, height=72)}),
    "kept-one-frame": ("kept", {"num_frames": 1}),
    "beside-plain": ("beside", {}),
    "beside-latents-out": ("beside", {"output_type": "latent"}),
    "beside-latents-in": ("beside", {"latents": drawn(1, 4, 3, 4, 6)}),
    "beside-negative": ("beside", GUIDED),
    "beside-a-picture-each": ("beside", PICTURES),
    "beside-long-prompt": ("beside", {"prompt": "a red boat " * 40}),
    "beside-all-of-the-picture": ("beside", {"image_embed_interleave": 1, "output_type": "latent"}),
    "replaced-plain": ("replaced", {}),
    "replaced-latents-out": ("replaced", {"output_type": "latent"}),
    # diffusers reads of the negative picture every second state, whatever it reads of the picture.
    "replaced-negative": ("replaced", GUIDED | {"image_embed_interleave": 2}),
    "replaced-guidance": ("replaced", {"guidance_scale": 3.0, "output_type": "latent"}),
    "replaced-another-size": ("replaced", {"image": picture(width=120, height=72), "output_type": "latent"}),
}


def name_of(preset: str) -> str:
    return load_spec(preset).pipeline.image_to_video.name


@pytest.fixture(scope="module")
def pipelines(generated) -> Callable[..., tuple[Any, Any]]:
    """The generated pipeline with a transformer and diffusers', made once: a call leaves nothing behind in them."""

    @cache
    def make(model: str, dtype: torch.dtype = torch.float32) -> tuple[Any, Any]:
        preset, changes = MODELS[model]
        package = generated(preset)[1]
        components = package.tiny.tiny_image_to_video_components(**changes)
        return pipelines_over(package, name_of(preset), components, dtype)

    return make


def film(pipeline: Any, model: str, **changes: Any) -> torch.Tensor:
    arguments = {
        "prompt": "a red house",
        "image": picture(),
        "num_frames": 9,
        "num_inference_steps": 2,
        "generator": torch.Generator().manual_seed(0),
        "output_type": "pt",
    }
    return torch.as_tensor(pipeline(**arguments | SMALL[MODELS[model][0]] | changes).frames)


@pytest.mark.parametrize(("model", "call"), CALLS.values(), ids=CALLS)
def test_it_makes_the_same_video(pipelines, model, call):
    ours, theirs = pipelines(model)
    made = film(ours, model, **call)
    assert made.std() > 0.01
    assert torch.equal(made, film(theirs, model, **call))


@pytest.mark.parametrize("model", MODELS)
def test_it_makes_the_same_video_in_half_precision(pipelines, model):
    ours, theirs = pipelines(model, torch.bfloat16)
    assert torch.equal(film(ours, model, output_type="latent"), film(theirs, model, output_type="latent"))


@pytest.mark.parametrize("model", ["kept", "beside"])
def test_a_generator_for_each_video_gives_the_same(pipelines, model):
    made = []
    for pipeline in pipelines(model):
        generators = [torch.Generator().manual_seed(seed) for seed in (1, 2)]
        made.append(film(pipeline, model, **PICTURES, generator=generators, output_type="latent"))
    assert torch.equal(*made)


@pytest.mark.parametrize("model", MODELS)
def test_callbacks_see_equal_latents_at_equal_steps(pipelines, model):
    def record(pipeline, step, timestep, tensors):
        seen.append((step, timestep, tensors["latents"].clone()))
        pipeline._interrupt = step == 1
        return {"latents": tensors["latents"] * 0.9}

    runs = []
    for pipeline in pipelines(model):
        seen: list[Any] = []
        made = film(pipeline, model, callback_on_step_end=record, num_inference_steps=3, output_type="latent")
        runs.append((made, seen))
    (ours, our_steps), (theirs, their_steps) = runs
    assert torch.equal(ours, theirs)
    assert len(our_steps) == 2
    for mine, other in zip(our_steps, their_steps, strict=True):
        assert mine[:2] == other[:2]
        assert torch.equal(mine[2], other[2])


@pytest.mark.parametrize("model", ["kept", "beside"])
def test_it_takes_the_arguments_of_diffusers(pipelines, model):
    ours, theirs = (type(each) for each in pipelines(model))
    given, wanted = (inspect.signature(each.__call__).parameters for each in (ours, theirs))
    shared = [argument for argument in wanted if argument not in LEFT_OUT]
    assert [argument for argument in given if argument not in ADDED.get(MODELS[model][0], ())] == shared
    for argument in shared:
        # A picture has to be given; here a sentence says so, in Python's own words there.
        default = None if argument == "image" else wanted[argument].default
        assert given[argument].default == (tuple(default) if isinstance(default, list) else default)
    constructors = [inspect.signature(each.__init__).parameters for each in (ours, theirs)]
    assert set(constructors[0]) == set(constructors[1])


def test_each_loads_what_the_other_saved(generated, pipelines, tmp_path):
    package = generated("hunyuanvideo")[1]
    for saved in pipelines("beside"):
        saved.save_pretrained(tmp_path)
        # Loaded weights lie elsewhere in memory, where some kernels round otherwise: both are loaded.
        films = []
        for library, models in ((package, package.model), (diffusers, diffusers)):
            transformer = models.HunyuanVideoTransformer3DModel.from_pretrained(tmp_path / "transformer")
            pipeline = library.HunyuanVideoImageToVideoPipeline.from_pretrained(tmp_path, transformer=transformer)
            pipeline.set_progress_bar_config(disable=True)
            films.append(film(pipeline, "beside", output_type="latent"))
        assert torch.equal(*films)


FAULTS: dict[str, tuple[str, str, str]] = {
    "the time of the first frame": ("kept-latents-out", "[:, : rows * columns] = 0", "[:, rows * columns :] = 0"),
    "what no step changes": ("kept-latents-out", "[latents[:, :, :1], later", "[prediction[:, :, :1], later"),
    "a draw of what the VAE finds likely": ("kept-latents-out", "latent_dist.sample(source)", "latent_dist.mode()"),
    "the mean of latents": ("kept-latents-out", "(latents - mean)", "(latents + mean)"),
    "the mask of the first frame": ("beside-latents-out", "torch.ones_like(", "torch.zeros_like("),
    "the picture in the noise": ("beside-latents-out", "first_frame * (1 - noise_level)", "0"),
    "the frames at the beginning": ("beside-plain", "pixels[:, :, self.vae_scale_factor_temporal :]", "pixels"),
    "the layer of LLaVA": ("beside-latents-out", ".hidden_states[-3]", ".hidden_states[-2]"),
    "states at the picture": (
        "beside-latents-out",
        "+ image_tokens : image_embed",
        "+ image_tokens - 9 : image_embed",
    ),
    "what opens the answer": ("beside-latents-out", "places <= last - 4", "places <= last - 3"),
    "the place of the picture": (
        "replaced-latents-out",
        "hidden_states = torch.cat([first_frame, latents[:, :, 1:]], dim=2)",
        "hidden_states = latents",
    ),
    "the first frame at the end": (
        "replaced-latents-out",
        "torch.cat([first_frame, later]",
        "torch.cat([latents[:, :, :1], later]",
    ),
}


@pytest.mark.parametrize(("call", "old", "new"), FAULTS.values(), ids=FAULTS)
def test_the_comparison_sees_a_fault(generated, pipelines, call, old, new):
    model, changes = CALLS[call]
    preset = MODELS[model][0]
    ours, theirs = pipelines(model)
    faulty = with_fault(generated(preset)[1].pipeline_image2video, ours, old, new)
    made, wanted = (film(pipeline, model, **changes) for pipeline in (faulty, theirs))
    assert made.shape != wanted.shape or not torch.equal(made, wanted)
