"""Generated image-to-video pipelines beside diffusers' own: from the same picture and seed come the same pixels."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from functools import cache
from types import ModuleType
from typing import Any

import diffusers
import pytest
import torch
from diffusers.pipelines.wan import pipeline_wan, pipeline_wan_i2v

from scaffold.errors import ScaffoldError
from scaffold.loading import load_spec, read_spec
from scaffold.resources import templates_root
from tests.scaffold.pairs import pipelines_over, with_fault
from tests.scaffold.test_image_to_image import picture
from tests.scaffold.test_pipelines import LEFT_OUT, drawn


# Wan's transformers, by what is other in their configs: that of Wan 2.1 sees the picture twice, beside the noise and
# through CLIP, the next one a last picture too, those of Wan 2.2 beside the noise alone, or in the place of some.
MODELS: dict[str, dict[str, Any]] = {
    "embedded": {},
    "first-and-last": {"pos_embed_seq_len": 10},
    "latents-alone": {"image_dim": None, "added_kv_proj_dim": None},
    "first-frame": {"image_dim": None, "added_kv_proj_dim": None, "in_channels": 4},
}
CALLS: dict[str, tuple[str, dict[str, Any]]] = {
    "plain": ("embedded", {}),
    "no-guidance": ("embedded", {"guidance_scale": 1.0}),
    "negative-prompt": ("embedded", {"negative_prompt": "rain"}),
    "latents-out": ("embedded", {"output_type": "latent"}),
    "latents-in": ("embedded", {"latents": drawn(1, 4, 2, 4, 6)}),
    "a-tensor": ("embedded", {"image": drawn(1, 3, 32, 48).clamp(0, 1)}),
    "another-size": ("embedded", {"image": picture(width=40, height=100)}),
    "several-prompts": ("embedded", {"prompt": ["a boat", "two cats"], "negative_prompt": ["rain", "night"]}),
    "one-frame": ("embedded", {"num_frames": 1}),
    "a-last-picture": ("first-and-last", {"last_image": picture(1)}),
    "frames-that-do-not-fit": ("first-and-last", {"last_image": picture(1), "num_frames": 7}),
    "several-of-one": ("latents-alone", {"num_videos_per_prompt": 2}),
    "a-last-picture-beside-noise": ("latents-alone", {"last_image": picture(1), "num_frames": 9}),
    "a-first-frame": ("first-frame", {}),
    "several-of-one-first-frame": ("first-frame", {"num_videos_per_prompt": 2, "output_type": "latent"}),
}


@pytest.fixture(scope="module")
def wan(generated) -> Iterator[ModuleType]:
    """The folder of Wan, imported."""
    with pytest.MonkeyPatch.context() as patch:
        # The pipeline from text does without ftfy where it is not installed, this one of diffusers' fails.
        patch.setattr(pipeline_wan_i2v, "basic_clean", pipeline_wan.basic_clean)
        yield generated("wan")[1]


@pytest.fixture(scope="module")
def pipelines(wan: ModuleType) -> Callable[..., tuple[Any, Any]]:
    """The generated pipeline with a transformer and diffusers', made once: a call leaves nothing behind in them."""

    @cache
    def make(model: str, dtype: torch.dtype = torch.float32) -> tuple[Any, Any]:
        components = wan.tiny.tiny_image_to_video_components(**MODELS[model])
        pair = pipelines_over(wan, "WanImageToVideoPipeline", components, dtype)
        for pipeline in pair:
            pipeline.register_to_config(expand_timesteps=model == "first-frame")
        return pair

    return make


def film(pipeline: Any, **changes: Any) -> torch.Tensor:
    arguments = {
        "prompt": "a red boat",
        "image": picture(width=48, height=32),
        "height": 32,
        "width": 48,
        "num_frames": 5,
        "num_inference_steps": 2,
        "max_sequence_length": 32,
        "generator": torch.Generator().manual_seed(3),
        "output_type": "pt",
    }
    return torch.as_tensor(pipeline(**arguments | changes).frames)


@pytest.fixture(scope="module")
def expected(pipelines) -> Callable[[str], torch.Tensor]:
    """What diffusers makes in one of the calls."""

    @cache
    def make(call: str) -> torch.Tensor:
        model, changes = CALLS[call]
        return film(pipelines(model)[1], **changes)

    return make


@pytest.mark.parametrize("call", CALLS)
def test_it_makes_the_same_video(pipelines, expected, call):
    model, changes = CALLS[call]
    made = film(pipelines(model)[0], **changes)
    assert made.std() > 0.01
    assert torch.equal(made, expected(call))


@pytest.mark.parametrize("model", MODELS)
def test_it_makes_the_same_video_in_half_precision(pipelines, model):
    ours, theirs = pipelines(model, torch.bfloat16)
    call: dict[str, Any] = {"num_inference_steps": 1}
    if model == "first-and-last":
        call["last_image"] = picture(1)
    assert torch.equal(film(ours, **call), film(theirs, **call))


def test_it_makes_the_same_video_in_stages(wan):
    pair = pipelines_over(
        wan, "WanImageToVideoPipeline", wan.tiny.tiny_image_to_video_components(**MODELS["latents-alone"])
    )
    second = wan.tiny.tiny_image_to_video_components(seed=1, **MODELS["latents-alone"])["transformer"]
    theirs = type(pair[1].transformer).from_config(dict(second.config)).eval()
    theirs.load_state_dict(second.state_dict())
    for pipeline, transformer in zip(pair, (second, theirs), strict=True):
        pipeline.register_modules(transformer_2=transformer)
    plain = film(pair[0])
    for pipeline in pair:
        pipeline.register_to_config(boundary_ratio=0.95)
    made = film(pair[0], guidance_scale_2=2.0)
    assert torch.equal(made, film(pair[1], guidance_scale_2=2.0))
    assert not torch.equal(made, plain)


def test_a_generator_for_each_video_gives_the_same(pipelines):
    made = []
    for pipeline in pipelines("latents-alone"):
        generators = [torch.Generator().manual_seed(seed) for seed in (1, 2)]
        made.append(film(pipeline, num_videos_per_prompt=2, generator=generators))
    assert torch.equal(*made)


def test_callbacks_see_equal_latents_at_equal_steps(pipelines):
    def record(pipeline, step, timestep, tensors):
        seen.append((step, timestep, tensors["latents"].clone()))
        pipeline._interrupt = step == 1
        return {"latents": tensors["latents"] * 0.9}

    runs = []
    for pipeline in pipelines("first-frame"):
        seen: list[Any] = []
        runs.append((film(pipeline, callback_on_step_end=record), seen))
    (ours, our_steps), (theirs, their_steps) = runs
    assert torch.equal(ours, theirs)
    assert len(our_steps) == 2
    for mine, other in zip(our_steps, their_steps, strict=True):
        assert mine[:2] == other[:2]
        assert torch.equal(mine[2], other[2])


def test_a_call_takes_the_arguments_of_diffusers(pipelines):
    ours, theirs = (type(each) for each in pipelines("embedded"))
    calls = [inspect.signature(each.__call__).parameters for each in (ours, theirs)]
    assert list(calls[0]) == list(calls[1])
    for name, parameter in calls[1].items():
        # A picture has to be given; here a sentence says so, in Python's own words there.
        default = None if name == "image" else parameter.default
        assert calls[0][name].default == (tuple(default) if isinstance(default, list) else default)
    constructors = [inspect.signature(each.__init__).parameters for each in (ours, theirs)]
    assert constructors[0].keys() == constructors[1].keys()


def test_each_loads_what_the_other_saved(wan, pipelines, tmp_path):
    for saved in pipelines("embedded"):
        saved.save_pretrained(tmp_path)
        # Loaded weights lie elsewhere in memory, where some kernels round otherwise: both are loaded.
        films = []
        for library, models in ((wan, wan.model), (diffusers, diffusers)):
            transformer = models.WanTransformer3DModel.from_pretrained(tmp_path / "transformer")
            pipeline = library.WanImageToVideoPipeline.from_pretrained(tmp_path, transformer=transformer)
            pipeline.set_progress_bar_config(disable=True)
            films.append(film(pipeline, num_inference_steps=1, output_type="latent"))
        assert torch.equal(*films)


FAULTS: dict[str, tuple[str, str, str]] = {
    "the mask of the first frame": ("plain", "mask[:, :, 0] = 1", "mask[:, 0, 0] = 1"),
    "the mask of the last frame": ("a-last-picture", "mask[:, -1, -1] = 1", "mask[:, :, -1] = 1"),
    "the mean of latents": ("plain", "(latents - mean)", "(latents + mean)"),
    "the layer of CLIP": ("plain", "hidden_states[-2]", "hidden_states[-1]"),
    "which picture is embedded first": ("a-last-picture", "for each in pair]", "for each in reversed(pair)]"),
    "what stands before what": ("plain", "torch.cat([latents, known], dim=1)", "torch.cat([known, latents], dim=1)"),
    "the time of known tokens": ("a-first-frame", "timestep[:, 0] = 0", "timestep[:, -1] = 0"),
}


@pytest.mark.parametrize(("call", "old", "new"), FAULTS.values(), ids=FAULTS)
def test_the_comparison_sees_a_fault(wan, pipelines, expected, call, old, new):
    model, changes = CALLS[call]
    ours, _ = pipelines(model)
    faulty = with_fault(wan.pipeline_image2video, ours, old, new, expand_timesteps=ours.config.expand_timesteps)
    assert not torch.equal(film(faulty, **changes), expected(call))


# CogVideoX's transformers: the first has learned positions, that of CogVideoX 1.5 an offset and tokens of two frames.
LEARNED: dict[str, Any] = {}
OFFSET = {
    "patch_size_t": 2,
    "patch_bias": False,
    "ofs_embed_dim": 12,
    "use_learned_positional_embeddings": False,
}
COGVIDEOX: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "plain": (LEARNED, {}),
    "no-guidance": (LEARNED, {"guidance_scale": 1.0}),
    "growing-guidance": (LEARNED, {"negative_prompt": "rain", "use_dynamic_cfg": True}),
    "latents-in-and-out": (LEARNED, {"latents": drawn(1, 3, 4, 4, 6), "output_type": "latent"}),
    "several": (LEARNED, {"prompt": ["a boat", "two cats"], "image": [picture(1), picture(2)]}),
    "an-offset": (OFFSET, {}),
    "an-offset-and-frames-that-fit": (OFFSET, {"num_frames": 5, "height": 32, "width": 32}),
}


@pytest.fixture(scope="module")
def cogvideox(generated) -> Callable[..., tuple[Any, Any]]:
    """The generated pipeline with a transformer and diffusers', made once."""
    package = generated("cogvideox")[1]

    @cache
    def make(offset: bool, dtype: torch.dtype = torch.float32, scheduler: str = "") -> tuple[Any, Any]:
        components = package.tiny.tiny_image_to_video_components(**OFFSET if offset else LEARNED)
        if offset:
            components["vae"].register_to_config(invert_scale_latents=True)
        pair = pipelines_over(package, "CogVideoXImageToVideoPipeline", components, dtype)
        for pipeline in pair:
            if scheduler:
                pipeline.scheduler = getattr(diffusers, scheduler).from_config(pipeline.scheduler.config)
        return pair

    return make


def cogvideox_film(pipeline: Any, **changes: Any) -> torch.Tensor:
    return film(pipeline, **{"num_frames": 9, "max_sequence_length": 16} | changes)


@pytest.mark.parametrize(("config", "call"), COGVIDEOX.values(), ids=COGVIDEOX)
def test_cogvideox_makes_the_same_video(cogvideox, config, call):
    ours, theirs = cogvideox(config is OFFSET)
    made = cogvideox_film(ours, **call)
    assert made.std() > 0.01
    assert torch.equal(made, cogvideox_film(theirs, **call))


@pytest.mark.parametrize("offset", [False, True])
def test_cogvideox_makes_the_same_video_in_half_precision(cogvideox, offset):
    ours, theirs = cogvideox(offset, torch.bfloat16)
    assert torch.equal(cogvideox_film(ours, num_inference_steps=1), cogvideox_film(theirs, num_inference_steps=1))


def test_cogvideox_makes_the_same_video_with_its_other_scheduler_and_a_generator_each(cogvideox):
    pictures = {"prompt": ["a boat", "two cats"], "image": [picture(1), picture(2)]}
    made = []
    for pipeline in cogvideox(False, scheduler="CogVideoXDPMScheduler"):
        generators = [torch.Generator().manual_seed(seed) for seed in (1, 2)]
        made.append(cogvideox_film(pipeline, generator=generators, **pictures))
    assert torch.equal(*made)


def test_a_call_of_cogvideox_takes_the_arguments_of_diffusers(cogvideox):
    ours, theirs = (inspect.signature(type(each).__call__).parameters for each in cogvideox(False))
    assert list(ours) == [name for name in theirs if name not in LEFT_OUT]


COGVIDEOX_FAULTS = {
    "the place of the picture": (0, "0, 0, 0, 0, 0, 0, 0, others", "0, 0, 0, 0, 0, 0, others, 0"),
    "the offset": (1, "(1,), 2.0", "(1,), 1.0"),
    "the scale of latents": (1, "if self.vae.config.invert_scale_latents", "if False"),
    "a draw out of what the VAE finds likely": (0, ".latent_dist.sample(source)", ".latent_dist.mode()"),
}


@pytest.mark.parametrize(("offset", "old", "new"), COGVIDEOX_FAULTS.values(), ids=COGVIDEOX_FAULTS)
def test_the_comparison_of_cogvideox_sees_a_fault(generated, cogvideox, offset, old, new):
    ours, theirs = cogvideox(bool(offset))
    faulty = with_fault(generated("cogvideox")[1].pipeline_image2video, ours, old, new)
    assert not torch.equal(cogvideox_film(faulty), cogvideox_film(theirs))


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("{kind: known_frames}", "{kind: known_frame}", "'known_frame' is none of"),
        ("      last_image: null\n", "", "the argument `last_image` is missing"),
        ("      last_image: null\n", "      last_picture: null\n", "'last_picture' is no argument that the parts"),
        ("encoder_hidden_states_image: image_embeds", "hidden_image: image_embeds", "is not an argument of `forward`"),
        ("tiny: {in_channels: 12,", "tiny: {channels: 12,", "'channels' is not an entry of `config`"),
    ],
    ids=["no such kind", "an argument is missing", "an argument is unknown", "not of forward", "not of the config"],
)
def test_a_wrong_spec_is_told_in_a_sentence(tmp_path, old, new, message):
    text = (templates_root() / "specs" / "wan.yaml").read_text(encoding="utf-8")
    assert text.count(old) == 1
    path = tmp_path / "wrong.yaml"
    path.write_text(text.replace(old, new), encoding="utf-8")
    with pytest.raises(ScaffoldError, match=message):
        read_spec(path, templates_root())


def test_a_new_model_has_a_class_of_its_own_name():
    spec = load_spec("wan", "my-model")
    assert spec.pipeline.from_picture.name == "MyModelImageToVideoPipeline"
