"""Generated pipelines for distilled weights beside diffusers' own, with and without a picture: the same pixels."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from functools import cache, partial
from pathlib import Path
from typing import Any

import pytest
import torch
from click.testing import CliRunner

from scaffold.cli import main as scaffold
from scaffold.errors import ScaffoldError
from scaffold.loading import load_spec, read_spec
from scaffold.resources import templates_root
from tests.scaffold.pairs import compare_arguments, compare_steps, pipelines_over
from tests.scaffold.test_image_to_image import picture
from tests.scaffold.test_pipelines import LEFT_OUT, TWO, drawn


PLAIN = "SanaSprintPipeline"
REDRAWS = "SanaSprintImg2ImgPipeline"
FOUR = {"num_inference_steps": 4, "intermediate_timesteps": None}
EMBEDDED = {
    "prompt": None,
    "prompt_embeds": drawn(2, 9, 16),
    "prompt_attention_mask": torch.tensor([[1] * 9, [1] * 5 + [0] * 4]),
}
CALLS: dict[str, dict[str, Any]] = {
    "text": {},
    "latents-out": {"output_type": "latent"},
    "four-steps": FOUR,
    "one-step": {"num_inference_steps": 1, "intermediate_timesteps": None},
    "other-angles": {"max_timesteps": 1.5, "intermediate_timesteps": 0.9},
    "guidance": {"guidance_scale": 1.0},
    "several-prompts": TWO,
    "several-of-one": {"num_images_per_prompt": 2},
    "no-instruction": {"complex_human_instruction": None},
    "latents-in": {"latents": drawn(1, 4, 2, 3)},
    "embeddings-in": EMBEDDED,
    "sizes-of-training": {"use_resolution_binning": True, "height": 900, "width": 1200, "num_inference_steps": 2},
}
PICTURES: dict[str, dict[str, Any]] = {
    "a-share-of-four-steps": FOUR | {"strength": 0.5},
    "full": {"strength": 1.0},
    "another-size": {"image": picture(width=120, height=72)},
    "a-tensor": {"image": drawn(1, 3, 64, 96).clamp(0, 1)},
    "a-picture-each": TWO | {"image": [picture(1), picture(2)]},
    "a-picture-in-turn": TWO | {"image": [picture(1), picture(2)], "num_images_per_prompt": 2},
}
EVERY = [(PLAIN, call) for call in CALLS] + [(REDRAWS, call) for call in CALLS | PICTURES]


@pytest.fixture(scope="module")
def pipelines(generated) -> Callable[..., tuple[Any, Any]]:
    """The generated pipeline of a name and diffusers', made once: a call leaves nothing behind in them."""

    @cache
    def make(name: str, dtype: torch.dtype = torch.float32) -> tuple[Any, Any]:
        package = generated("sana")[1]
        pair = pipelines_over(package, name, package.tiny.tiny_distilled_components(), dtype)
        for pipeline in pair:
            # A side of 1024 pixels is the only one that diffusers' knows sizes of training for.
            pipeline.transformer.register_to_config(sample_size=32)
        return pair

    return make


def make(pipeline: Any, **changes: Any) -> torch.Tensor:
    arguments = {
        "prompt": "a red house",
        "height": 64,
        "width": 96,
        "use_resolution_binning": False,
        "max_sequence_length": 24,
        "output_type": "pt",
        "generator": torch.Generator().manual_seed(0),
    }
    if "image" in inspect.signature(pipeline.__call__).parameters:
        arguments["image"] = picture()
    return pipeline(**arguments | changes).images


@pytest.mark.parametrize(("name", "call"), EVERY)
def test_float32_pixels_are_equal(pipelines, name, call):
    ours, theirs = pipelines(name)
    changes = (CALLS | PICTURES)[call]
    made = make(ours, **changes)
    assert made.std() > 0.01
    assert torch.equal(made, make(theirs, **changes))


@pytest.mark.parametrize("call", ["text", "several-prompts", "four-steps", "latents-out"])
@pytest.mark.parametrize("name", [PLAIN, REDRAWS])
def test_bfloat16_pixels_are_equal(pipelines, name, call):
    ours, theirs = pipelines(name, torch.bfloat16)
    assert torch.equal(make(ours, **CALLS[call]), make(theirs, **CALLS[call]))


@pytest.mark.parametrize("name", [PLAIN, REDRAWS])
def test_a_generator_for_each_picture_gives_the_same(pipelines, name):
    made = []
    for pipeline in pipelines(name):
        generators = [torch.Generator().manual_seed(seed) for seed in (1, 2)]
        made.append(make(pipeline, **TWO, generator=generators))
    assert torch.equal(*made)


@pytest.mark.parametrize(("name", "changes", "count"), [(PLAIN, {}, 2), (REDRAWS, FOUR | {"strength": 0.6}, 3)])
def test_callbacks_see_equal_latents_at_equal_steps(pipelines, name, changes, count):
    compare_steps(pipelines(name), partial(make, **changes), count)


@pytest.mark.parametrize("name", [PLAIN, REDRAWS])
def test_a_call_takes_the_arguments_of_diffusers(pipelines, name):
    compare_arguments(pipelines(name), LEFT_OUT)


def test_what_diffusers_saved_loads(pipelines, tmp_path):
    ours, theirs = pipelines(PLAIN)
    theirs.save_pretrained(tmp_path)
    loaded = type(ours).from_pretrained(tmp_path, transformer=ours.transformer)
    loaded.set_progress_bar_config(disable=True)
    torch.testing.assert_close(make(loaded), make(ours))
    assert type(loaded.scheduler).__name__ == "SCMScheduler"


FAULTS = {
    "the scale of the guidance": (
        PLAIN,
        "guidance/embedded/embed.py.j2",
        "guidance = guidance *",
        "guidance = guidance +",
    ),
    "where the line begins": (PLAIN, "transformer/trigflow/call.py.j2", "(1 - 2 * noise) *", "(1 - noise) *"),
    "the deviation at the end": (PLAIN, "schedule/trigflow/after.py.j2", "clean /", "clean *"),
    "how much of the picture is left": (REDRAWS, "schedule/trigflow/noised.py.j2", "torch.cos(", "torch.sin("),
    "the scale of latents": (
        REDRAWS,
        "latents/scaled/encode.py.j2",
        "* self.vae.config.scaling",
        "/ self.vae.config.scaling",
    ),
}


@pytest.mark.parametrize(("name", "file", "old", "new"), FAULTS.values(), ids=FAULTS)
def test_the_comparison_sees_a_fault(altered, pipelines, name, file, old, new):
    package = altered("sana", (f"components/{file}", old, new))
    ours, _ = pipelines_over(package, name, package.tiny.tiny_distilled_components())
    assert not torch.equal(make(ours), make(pipelines(name)[1]))


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("      max_timesteps: 1.57080\n", "", "the argument `max_timesteps` is missing"),
        ("        timestep: share\n", "        timestep: shares\n", "'shares' is nothing that the parts of"),
        ("    tiny: {guidance_embeds", "    tiny: {guidance_embed", "'guidance_embed' is not an entry of `config`"),
        (
            "        strength: 0.6\n",
            "",
            "`pipeline.distilled.image_to_image.call`: the argument `strength` is missing",
        ),
    ],
    ids=["an argument is missing", "nothing offers it", "not of the config", "an argument of the other is missing"],
)
def test_a_wrong_spec_is_told_in_a_sentence(tmp_path, old, new, message):
    text = (templates_root() / "specs" / "sana.yaml").read_text(encoding="utf-8")
    path: Path = tmp_path / "wrong.yaml"
    path.write_text(text.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(ScaffoldError, match=message):
        read_spec(path, templates_root())


def test_a_new_model_has_classes_of_its_own_names():
    distilled = load_spec("sana", "my-model").pipeline.distilled
    assert (distilled.name, distilled.image_to_image.name) == ("MyModelSprintPipeline", "MyModelSprintImg2ImgPipeline")


def test_the_list_says_which_folders_hold_them():
    (line,) = (line for line in CliRunner().invoke(scaffold, ["list"]).output.splitlines() if "SanaTransf" in line)
    assert "few steps" in line
