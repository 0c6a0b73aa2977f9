"""IP-adapter files load into a generated model as into diffusers' class, and give the same numbers."""

from __future__ import annotations

import re
from typing import Any

import pytest
import torch
from diffusers.models.attention_processor import SD3IPAdapterJointAttnProcessor2_0
from diffusers.models.embeddings import IPAdapterTimeImageProjection

from scaffold.applying import write_folder
from scaffold.loading import load_spec
from scaffold.rendering import render_folder
from tests.scaffold.pairs import Pair, import_folder, largest_difference, make_inputs, make_pair, run


PRESETS = ("chroma", "flux")


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
