"""Adapters: LoRA and IP-adapters change the output, and their scale counts."""

from __future__ import annotations

import inspect
import tempfile
from collections.abc import Callable
from typing import Any

import torch
from diffusers.models.attention_processor import SD3IPAdapterJointAttnProcessor2_0
from diffusers.models.embeddings import IPAdapterTimeImageProjection
from diffusers.models.transformers.transformer_flux import FluxIPAdapterAttnProcessor
from peft import LoraConfig
from torch import nn

from parity.forwards.seeding import seeded
from parity.probe.checks.comparing import Broken, is_equal, require_equal
from parity.probe.specimen import SEED, Outputs, Specimen, describe, run
from parity.sides.weights import draw_weights


_RANK = 2
_IMAGE_WIDTH = 24
_IMAGE_TOKENS = 4
_HIDDEN = 64


def lora(specimen: Specimen, plain: Outputs) -> str | None:
    """Adds an adapter to the linear layers of the blocks."""
    model = specimen.make()
    # A layer in a list or a dictionary of modules belongs to a block.
    layers = [
        path
        for path, each in model.named_modules()
        if type(each) is nn.Linear and any(part.isdigit() for part in path.split("."))
    ]
    if not layers:
        raise Broken("the blocks have no linear layer that an adapter could be added to")
    with seeded(SEED):
        model.add_adapter(LoraConfig(r=_RANK, lora_alpha=_RANK, target_modules=layers, init_lora_weights=False))
    model.eval()
    adapted = run(model, specimen.inputs())
    if is_equal(plain, adapted):
        raise Broken("an adapter on all linear layers of the blocks changes nothing")
    if scale := _attention_arguments(specimen):
        _require_scale(specimen, model, scale, plain, adapted)
    with tempfile.TemporaryDirectory() as folder:
        model.save_lora_adapter(folder)
        loaded = specimen.make()
        # The file has the model's own names, without the name of a pipeline's component before them.
        loaded.load_lora_adapter(folder, prefix=None, use_safetensors=True)
        require_equal("the model with the loaded adapter", adapted, run(loaded.eval(), specimen.inputs()))
    return None if scale else "forward takes no scale"


def ip_adapter(specimen: Specimen, plain: Outputs) -> None:
    """Loads what the file of an IP-adapter holds, and has the model follow two images, and none."""
    argument = _attention_arguments(specimen)
    if argument is None:
        raise Broken("forward takes nothing by which an image could reach the attention layers")
    model, embed = _with_ip_adapter(specimen)

    def follow(seed: int) -> Outputs:
        with seeded(seed):
            image = embed()
        try:
            return run(model, {**specimen.inputs(), argument: {"ip_adapter_image_embeds": image}})
        except Exception as error:
            raise Broken(f"an adapter loads, and forward with an image raises {describe(error)}") from error

    one, other = follow(1), follow(2)
    if is_equal(plain, one):
        raise Broken("an image changes nothing")
    if is_equal(one, other):
        raise Broken("another image gives the same")
    for processor in model.attn_processors.values():
        if isinstance(scale := getattr(processor, "scale", None), list):
            processor.scale = [0.0] * len(scale)
        elif scale is not None:
            processor.scale = 0.0
    require_equal("an image with a scale of 0", plain, follow(1))


def _with_ip_adapter(specimen: Specimen) -> tuple[Any, Callable[[], Any]]:
    """A model that has loaded an adapter in the first layout that it takes, and what embeds an image for it."""
    problems = []
    for layout in (_projected, _resampled):
        model = specimen.make()
        try:
            state, embed = layout(model, specimen.inputs())
            model._load_ip_adapter_weights(state)
        except Exception as error:
            problems.append(describe(error))
        else:
            return model, embed
    raise Broken(f"it loads no adapter: {problems[0]}")


def _projected(model: Any, inputs: dict[str, Any]) -> tuple[dict[str, Any], Callable[[], Any]]:
    """The layout of FLUX.1's adapters: an embedded image becomes a few tokens."""
    width = model.config.joint_attention_dim
    image = nn.ModuleDict({"proj": nn.Linear(_IMAGE_WIDTH, _IMAGE_TOKENS * width), "norm": nn.LayerNorm(width)})
    layers = nn.ModuleDict()
    for number in range(len(model.attn_processors)):
        processor = FluxIPAdapterAttnProcessor(model.inner_dim, width, num_tokens=(_IMAGE_TOKENS,))
        layers[str(number)] = nn.ModuleDict({"to_k_ip": processor.to_k_ip[0], "to_v_ip": processor.to_v_ip[0]})
    return _file(image, layers), lambda: [torch.randn(_batch(inputs), 1, _IMAGE_WIDTH)]


def _resampled(model: Any, inputs: dict[str, Any]) -> tuple[dict[str, Any], Callable[[], Any]]:
    """The layout of Stable Diffusion 3's adapters: queries read an image's tokens, and know the timestep."""
    head = model.config.attention_head_dim
    width = head * model.config.num_attention_heads
    image = IPAdapterTimeImageProjection(
        _IMAGE_WIDTH, width, _HIDDEN, heads=1, num_queries=_IMAGE_TOKENS, timestep_in_dim=32
    )
    layers = nn.ModuleDict(
        {
            str(number): SD3IPAdapterJointAttnProcessor2_0(width, width, head, timesteps_emb_dim=_HIDDEN)
            for number in range(len(model.attn_processors))
        }
    )
    return _file(image, layers), lambda: torch.randn(_batch(inputs), 5, _IMAGE_WIDTH)


def _file(image: nn.Module, layers: nn.Module) -> dict[str, Any]:
    draw_weights(image, SEED)
    draw_weights(layers, SEED)
    return {"image_proj": image.state_dict(), "ip_adapter": layers.state_dict()}


def _batch(inputs: dict[str, Any]) -> int:
    return len(inputs["hidden_states"])


def _attention_arguments(specimen: Specimen) -> str | None:
    """The argument of forward whose entries reach the attention layers, if there is one."""
    names = inspect.signature(specimen.module_class.forward).parameters
    return next((name for name in names if name.endswith("attention_kwargs")), None)


def _require_scale(specimen: Specimen, model: nn.Module, name: str, plain: Outputs, adapted: Outputs) -> None:
    def scaled(by: float) -> dict[str, torch.Tensor]:
        given: dict[str, Any] = {**specimen.inputs(), name: {"scale": by}}
        return run(model, given)

    without = scaled(0.0)
    if is_equal(adapted, without):
        raise Broken(f"the scale in `{name}` is ignored")
    require_equal(f"a scale of 0 in `{name}`", plain, without)
    require_equal("the adapter after another scale", adapted, run(model, specimen.inputs()))
