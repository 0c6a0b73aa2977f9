"""IP-adapter files load into a generated model and pipeline as into diffusers', and give the same numbers."""

from __future__ import annotations

import re
from typing import Any

import diffusers
import numpy as np
import PIL.Image
import pytest
import torch
import transformers
from diffusers.models.attention_processor import SD3IPAdapterJointAttnProcessor2_0
from diffusers.models.embeddings import IPAdapterTimeImageProjection

from scaffold.applying import write_folder
from scaffold.loading import load_spec
from scaffold.rendering import render_folder
from tests.scaffold.pairs import Pair, import_folder, largest_difference, make_inputs, make_pair, run


PRESETS = ("chroma", "flux")
NEGATIVE = {"negative_prompt": "Rain"}


def projected(pair: Pair, seed: int) -> dict[str, Any]:
    """What a file holds: an image projection to four tokens, and keys and values of them for every block."""
    generator = torch.Generator().manual_seed(seed)

    def draw(*shape: int) -> torch.Tensor:
        return torch.randn(shape, generator=generator) / 4

    width, text = pair.theirs.inner_dim, pair.theirs.config.joint_attention_dim
    blocks = range(len(pair.theirs.transformer_blocks))
    layers = [f"{block}.{layer}" for block in blocks for layer in ("to_k_ip", "to_v_ip")]
    return {
        "image_proj": {
            "proj.weight": draw(4 * text, 10),
            "proj.bias": draw(4 * text),
            "norm.weight": draw(text),
            "norm.bias": draw(text),
        },
        "ip_adapter": {f"{layer}.weight": draw(width, text) for layer in layers}
        | {f"{layer}.bias": draw(width) for layer in layers},
    }


def resampled(pair: Pair, seed: int, published: bool) -> dict[str, Any]:
    """What a file of Stable Diffusion 3's holds, in diffusers' names or in those of the published file."""
    generator = torch.Generator().manual_seed(seed)
    config = pair.theirs.config
    width = pair.theirs.inner_dim
    projection = IPAdapterTimeImageProjection(
        10, output_dim=width, hidden_dim=16, heads=1, num_queries=3, timestep_in_dim=8
    )
    processor = SD3IPAdapterJointAttnProcessor2_0(width, width, config.attention_head_dim, timesteps_emb_dim=16)
    tensors = {"image_proj": projection.state_dict(), "ip_adapter": {}}
    for number in range(len(pair.theirs.attn_processors)):
        tensors["ip_adapter"] |= {f"{number}.{name}": each for name, each in processor.state_dict().items()}
    drawn = {
        part: {name: torch.randn(each.shape, generator=generator) / 4 for name, each in layers.items()}
        for part, layers in tensors.items()
    }
    if published:
        drawn["image_proj"] = {as_published(name): each for name, each in drawn["image_proj"].items()}
    return drawn


PUBLISHED = {
    "ln0": "0.norm1",
    "ln1": "0.norm2",
    "attn.to_q": "0.to_q",
    "attn.to_kv": "0.to_kv",
    "attn.to_out.0": "0.to_out",
    "adaln_norm": "1.0",
    "ff.net.0.proj": "1.1",
    "ff.net.2": "1.3",
    "adaln_proj": "2.1",
}


def as_published(name: str) -> str:
    """The name of a tensor in InstantX/SD3.5-Large-IP-Adapter."""
    found = re.fullmatch(r"layers\.(\d+)\.(.+)\.(weight|bias)", name)
    return f"layers.{found[1]}.{PUBLISHED[found[2]]}.{found[3]}" if found else name


SD3 = {
    "sd3": {},
    "sd3.5-medium": {"qk_norm": "rms_norm", "dual_attention_layers": [0, 1]},
}


@pytest.mark.parametrize("config", SD3.values(), ids=SD3)
@pytest.mark.parametrize(("low_cpu_mem_usage", "published"), [(False, False), (True, True)])
def test_a_file_of_stable_diffusion_3(tmp_path, config, low_cpu_mem_usage, published):
    spec = load_spec("sd3")
    folder = tmp_path / "sd3_adapted"
    write_folder(folder, render_folder(spec))
    for package in import_folder(folder):
        pair = make_pair(spec, package, **config)
        inputs = make_inputs(pair)
        plain = run(pair.ours, inputs)
        for model in (pair.ours, pair.theirs):
            model._load_ip_adapter_weights(resampled(pair, 1, published), low_cpu_mem_usage=low_cpu_mem_usage)
        # The default strength is not one that a test should stand on.
        for processor in (*pair.ours.attn_processors.values(), *pair.theirs.attn_processors.values()):
            processor.scale = 0.7
        assert pair.ours.state_dict().keys() == pair.theirs.state_dict().keys()
        images = {"ip_adapter_image_embeds": torch.randn(2, 5, 10, generator=torch.Generator().manual_seed(5))}
        kwargs = {"joint_attention_kwargs": images}
        ours, theirs = run(pair.ours, inputs, **kwargs), run(pair.theirs, inputs, **kwargs)
        assert largest_difference(ours, theirs) == 0
        assert not torch.allclose(ours["sample"], plain["sample"], atol=1e-2)
        assert images.keys() == {"ip_adapter_image_embeds"}
        pair.to(torch.bfloat16)
        inputs, images = make_inputs(pair, torch.bfloat16), {name: each.bfloat16() for name, each in images.items()}
        kwargs = {"joint_attention_kwargs": images}
        ours, theirs = run(pair.ours, inputs, **kwargs), run(pair.theirs, inputs, **kwargs)
        assert largest_difference(ours, theirs) == 0


@pytest.mark.parametrize("name", PRESETS)
@pytest.mark.parametrize("low_cpu_mem_usage", [False, True])
def test_files_of_two_adapters(tmp_path, name, low_cpu_mem_usage):
    spec = load_spec(name)
    folder = tmp_path / f"{spec.package}_adapted"
    write_folder(folder, render_folder(spec))
    for package in import_folder(folder):
        pair = make_pair(spec, package)
        inputs = make_inputs(pair)
        plain = run(pair.ours, inputs)
        adapters = [projected(pair, 1), projected(pair, 2)]
        for model in (pair.ours, pair.theirs):
            model._load_ip_adapter_weights(adapters, low_cpu_mem_usage=low_cpu_mem_usage)
        assert pair.ours.state_dict().keys() == pair.theirs.state_dict().keys()
        assert pair.ours.config.encoder_hid_dim_type == pair.theirs.config.encoder_hid_dim_type
        generator = torch.Generator().manual_seed(5)
        images = [torch.randn(2, 1, 10, generator=generator) for _ in adapters]
        kwargs = {"joint_attention_kwargs": {"ip_adapter_image_embeds": images}}
        ours, theirs = run(pair.ours, inputs, **kwargs), run(pair.theirs, inputs, **kwargs)
        assert largest_difference(ours, theirs) == 0
        assert not torch.allclose(ours["sample"], plain["sample"], atol=1e-2)


PICTURE = PIL.Image.fromarray(np.random.default_rng(0).integers(0, 256, (40, 56, 3), dtype=np.uint8))
OTHER = PIL.Image.fromarray(np.random.default_rng(1).integers(0, 256, (64, 48, 3), dtype=np.uint8))


def drawn(*shape: int) -> torch.Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(7))


TWO_ADAPTERS = {
    "images": {"ip_adapter_image": [PICTURE, OTHER]},
    "negative-images": {"negative_ip_adapter_image": [OTHER, PICTURE]},
    "embeddings": {
        "ip_adapter_image_embeds": [drawn(1, 1, 10), drawn(1, 2, 10)],
        "negative_ip_adapter_image_embeds": [drawn(1, 2, 10), drawn(1, 1, 10)],
    },
    "several": {"prompt": ["a", "two cats"], "num_images_per_prompt": 2, "ip_adapter_image": [PICTURE, OTHER]},
}
SKIPPED = {"skip_guidance_layers": [1], "skip_layer_guidance_stop": 0.9}
IMAGES: dict[str, dict[str, dict[str, Any]]] = {
    "flux": TWO_ADAPTERS | {"guided": TWO_ADAPTERS["images"] | NEGATIVE | {"true_cfg_scale": 3.0}},
    "chroma": TWO_ADAPTERS | {"unguided": TWO_ADAPTERS["images"] | {"guidance_scale": 1.0}},
    "sd3": {
        "image": {"ip_adapter_image": PICTURE},
        "unguided": {"ip_adapter_image": PICTURE, "guidance_scale": 1.0},
        "embeddings": {"ip_adapter_image_embeds": drawn(2, 4, 10)} | NEGATIVE,
        "several": {"prompt": ["a", "two cats"], "num_images_per_prompt": 2, "ip_adapter_image": PICTURE},
        "skipped-layers": {"prompt": ["a", "two cats"], "ip_adapter_image": PICTURE} | SKIPPED,
        "skipped-layers-embeddings": {"ip_adapter_image_embeds": drawn(2, 4, 10)} | SKIPPED,
    },
}


def image_modules(name: str) -> dict[str, Any]:
    """What embeds the images of IP-adapters, small and drawn at random."""
    torch.manual_seed(0)
    sizes = {"intermediate_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "image_size": 28}
    if name == "sd3":
        config = transformers.SiglipVisionConfig(hidden_size=10, patch_size=14, **sizes)
        extractor = transformers.SiglipImageProcessor(size={"height": 28, "width": 28})
        return {"image_encoder": transformers.SiglipVisionModel(config).eval(), "feature_extractor": extractor}
    config = transformers.CLIPVisionConfig(hidden_size=16, patch_size=14, projection_dim=10, **sizes)
    extractor = transformers.CLIPImageProcessor(size=28, crop_size=28)
    return {"image_encoder": transformers.CLIPVisionModelWithProjection(config).eval(), "feature_extractor": extractor}


def leave_out_negative_image(
    transformer: torch.nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """Let a forward that skips layers see the image alone, as it does the prompt.

    diffusers' pipeline gives it that of the negative prompt, too, which is one more than there are pictures.
    """
    if kwargs.get("skip_layers"):
        seen = kwargs["joint_attention_kwargs"]["ip_adapter_image_embeds"].chunk(2)[1]
        kwargs["joint_attention_kwargs"] = {"ip_adapter_image_embeds": seen}
    return args, kwargs


def draw(pipeline: Any, **changes: Any) -> torch.Tensor:
    arguments = {
        "prompt": "a red house",
        "height": 64,
        "width": 96,
        "num_inference_steps": 2,
        "max_sequence_length": 16,
        "generator": torch.Generator().manual_seed(0),
        "output_type": "pt",
    }
    return pipeline(**arguments | changes).images


@pytest.mark.parametrize("name", IMAGES)
def test_pipelines_follow_the_same_images(tmp_path, name):
    spec = load_spec(name)
    folder = tmp_path / f"{spec.package}_following"
    write_folder(folder, render_folder(spec))
    for package in import_folder(folder):
        components = package.tiny.tiny_components() | image_modules(name)
        ours = components["transformer"]
        theirs = getattr(diffusers, spec.model).from_config(ours.config).eval()
        theirs.load_state_dict(ours.state_dict())
        pair = Pair(spec, ours, theirs)
        pipelines = (
            getattr(package, spec.pipeline.name)(**components),
            getattr(diffusers, spec.pipeline.name)(**components | {"transformer": theirs}),
        )
        plain = draw(pipelines[0])
        if name == "sd3":
            theirs.register_forward_pre_hook(leave_out_negative_image, with_kwargs=True)
        for pipeline in pipelines:
            pipeline.set_progress_bar_config(disable=True)
            if name == "sd3":
                pipeline.load_ip_adapter(resampled(pair, 1, published=True))
            else:
                pipeline.load_ip_adapter([projected(pair, 1), projected(pair, 2)], weight_name=["", ""])
            pipeline.set_ip_adapter_scale(0.7)
        for call in IMAGES[name].values():
            made = draw(pipelines[0], **call)
            assert torch.equal(made, draw(pipelines[1], **call))
        followed = draw(pipelines[0], **next(iter(IMAGES[name].values())))
        assert not torch.allclose(followed, plain, atol=1e-2)
        if name != "sd3":
            # A strength for each block, and for each adapter.
            for pipeline in pipelines:
                pipeline.set_ip_adapter_scale([0.3, [0.1 * block for block in range(len(ours.transformer_blocks))]])
            call = IMAGES[name]["images"]
            assert torch.equal(draw(pipelines[0], **call), draw(pipelines[1], **call))
        pipelines[0].unload_ip_adapter()
        assert ours.state_dict().keys() == getattr(diffusers, spec.model).from_config(ours.config).state_dict().keys()
        assert torch.equal(draw(pipelines[0]), plain)
        with pytest.raises(ValueError, match="There is no IP-adapter for"):
            draw(pipelines[0], **next(iter(IMAGES[name].values())))
