"""The generated pipeline from text to video against diffusers' own: same weights, same seed, same pixels."""

from __future__ import annotations

import inspect
from types import ModuleType
from typing import Any

import diffusers
import pytest
import torch

from tests.scaffold.pairs import make_pipelines


SCHEDULERS = {
    "unipc": diffusers.UniPCMultistepScheduler(
        prediction_type="flow_prediction", use_flow_sigmas=True, flow_shift=5.0
    ),
    "euler": diffusers.FlowMatchEulerDiscreteScheduler(shift=3.0),
}
CALLS: dict[str, dict[str, Any]] = {
    "text": {},
    "latents-out": {"output_type": "latent"},
    "numpy-out": {"output_type": "np"},
    "no-guidance": {"guidance_scale": 1.0},
    "negative-prompt": {"negative_prompt": "rain"},
    "prompt-to-clean": {"prompt": "a boat  &amp;amp;\n the sea "},
    "long-prompt": {"prompt": "a red boat " * 40},
    "several": {"prompt": ["a boat", "two cats"], "negative_prompt": ["rain", "night"]},
    "several-of-one": {"num_videos_per_prompt": 2},
    "one-frame": {"num_frames": 1},
    "frames-that-do-not-fit": {"num_frames": 7},
}


@pytest.fixture(scope="module")
def wan(generated) -> ModuleType:
    """The folder of Wan, imported."""
    return generated("wan")[1]


@pytest.fixture(scope="module")
def pipelines(wan: ModuleType) -> dict[torch.dtype, tuple[Any, Any]]:
    """A pair in each of two dtypes."""
    return {dtype: make_pipelines(wan, "WanPipeline", dtype) for dtype in (torch.float32, torch.bfloat16)}


def film(pipeline: Any, **changes: Any) -> torch.Tensor:
    arguments = {
        "prompt": "a red boat",
        "height": 32,
        "width": 48,
        "num_frames": 5,
        "num_inference_steps": 3,
        "max_sequence_length": 32,
        "generator": torch.Generator().manual_seed(3),
        "output_type": "pt",
    }
    return torch.as_tensor(pipeline(**arguments | changes).frames)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16], ids=str)
@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
def test_it_makes_the_same_video(pipelines, call, dtype):
    ours, theirs = pipelines[dtype]
    made = film(ours, **call)
    assert made.float().std() > 0
    assert torch.equal(made, film(theirs, **call))


STAGES: dict[str, tuple[torch.dtype, dict[str, Any]]] = {
    "two-transformers": (torch.float32, {"boundary_ratio": 0.9}),
    "the-second-alone": (torch.float32, {"boundary_ratio": 1.5}),
    "timesteps-of-tokens": (torch.float32, {"expand_timesteps": True}),
    "both-in-half-precision": (torch.bfloat16, {"boundary_ratio": 0.9, "expand_timesteps": True}),
}


def staged_pair(wan: ModuleType, dtype: torch.dtype, **settings: Any) -> tuple[Any, Any]:
    """The same with a second transformer of other weights, as Wan 2.2 has it."""
    pair = make_pipelines(wan, "WanPipeline", dtype)
    second = wan.tiny.tiny_components(seed=1)["transformer"]
    theirs = type(pair[1].transformer).from_config(dict(second.config)).eval()
    theirs.load_state_dict(second.state_dict())
    for pipeline, transformer in zip(pair, (second, theirs), strict=True):
        pipeline.register_modules(transformer_2=transformer.to(dtype))
        pipeline.register_to_config(**settings)
    return pair


@pytest.mark.parametrize(("dtype", "settings"), STAGES.values(), ids=STAGES)
def test_it_makes_the_same_video_in_stages(wan, dtype, settings):
    ours, theirs = staged_pair(wan, dtype, **settings)
    made = film(ours, **CALLS["several"])
    assert torch.equal(made, film(theirs, **CALLS["several"]))
    plain, _ = make_pipelines(wan, "WanPipeline", dtype)
    assert not torch.equal(made, film(plain, **CALLS["several"]))


def test_the_guidance_scale_of_the_second_stage(wan):
    ours, theirs = staged_pair(wan, torch.float32, boundary_ratio=0.9)
    made = film(ours, guidance_scale_2=2.0)
    assert torch.equal(made, film(theirs, guidance_scale_2=2.0))
    assert not torch.equal(made, film(ours))


def test_a_call_takes_the_arguments_of_diffusers(wan):
    ours = inspect.signature(wan.pipeline.WanPipeline.__call__).parameters
    theirs = inspect.signature(diffusers.WanPipeline.__call__).parameters
    assert list(ours) == list(theirs)
    constructors = (wan.pipeline.WanPipeline.__init__, diffusers.WanPipeline.__init__)
    ours, theirs = (inspect.signature(each).parameters for each in constructors)
    assert ours.keys() == theirs.keys()


@pytest.mark.parametrize("scheduler", SCHEDULERS.values(), ids=SCHEDULERS)
def test_it_makes_the_same_video_with_published_schedulers(wan, scheduler):
    ours, theirs = make_pipelines(wan, "WanPipeline")
    for pipeline in (ours, theirs):
        pipeline.scheduler = type(scheduler).from_config(scheduler.config)
    assert torch.equal(film(ours), film(theirs))


def test_each_loads_what_the_other_saved(wan, tmp_path):
    ours, theirs = make_pipelines(wan, "WanPipeline")
    theirs.save_pretrained(tmp_path / "theirs")
    transformer = wan.model.WanTransformer3DModel.from_pretrained(tmp_path / "theirs" / "transformer")
    loaded = wan.pipeline.WanPipeline.from_pretrained(tmp_path / "theirs", transformer=transformer)
    loaded.set_progress_bar_config(disable=True)
    assert torch.equal(film(loaded), film(ours))
    ours.save_pretrained(tmp_path / "ours")
    transformer = diffusers.WanTransformer3DModel.from_pretrained(tmp_path / "ours" / "transformer")
    loaded = diffusers.WanPipeline.from_pretrained(tmp_path / "ours", transformer=transformer)
    loaded.set_progress_bar_config(disable=True)
    assert torch.equal(film(loaded), film(theirs))
