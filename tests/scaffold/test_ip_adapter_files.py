"""IP-adapter files load into a generated model as into diffusers' class, and give the same numbers."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from scaffold.applying import write_folder
from scaffold.loading import load_spec
from scaffold.rendering import render_folder
from tests.scaffold.pairs import Pair, import_folder, largest_difference, make_inputs, make_pair, run


PRESETS = ("chroma", "flux")


def adapter(pair: Pair, seed: int) -> dict[str, Any]:
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
        adapters = [adapter(pair, 1), adapter(pair, 2)]
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
