"""Caches: a step that sees what the one before saw computes less, and gives the same."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import diffusers
import torch
from diffusers.hooks import HookRegistry
from torch import nn

from parity.probe.checks.comparing import Broken, Untestable, counting_layers, require_equal
from parity.probe.specimen import Outputs, Specimen, run


_TIMESTEPS = (900, 850, 600, 500, 400)
"""Of the steps that are run: some caches answer only below a certain one."""

# Settings with which every cache answers at some step, where it can; each is told the timestep.
_CONFIGS: dict[str, Callable[[Callable[[], int]], Any]] = {
    "first-block cache": lambda timestep: diffusers.FirstBlockCacheConfig(threshold=0.1),
    "MagCache": lambda timestep: diffusers.MagCacheConfig(
        threshold=1.0, num_inference_steps=len(_TIMESTEPS), retention_ratio=0.2, mag_ratios=[1.0] * len(_TIMESTEPS)
    ),
    "TaylorSeer": lambda timestep: diffusers.TaylorSeerCacheConfig(
        cache_interval=len(_TIMESTEPS), disable_cache_before_step=1, taylor_factors_dtype=torch.float32
    ),
    "FasterCache": lambda timestep: diffusers.FasterCacheConfig(
        current_timestep_callback=timestep, attention_weight_callback=lambda _: 0.5, is_guidance_distilled=True
    ),
    "pyramid attention broadcast": lambda timestep: diffusers.PyramidAttentionBroadcastConfig(
        spatial_attention_block_skip_range=2, cross_attention_block_skip_range=2, current_timestep_callback=timestep
    ),
}
# These are made for every model with blocks; the others for certain layers, and leave other models alone.
_FOR_ALL = frozenset({"first-block cache", "MagCache"})


def cache(name: str) -> Callable[[Specimen, Outputs], None]:
    """The check of one cache, by its name."""
    return partial(_check, name)


def _check(name: str, specimen: Specimen, plain: Outputs) -> None:
    model = specimen.make()
    timesteps: list[int] = [_TIMESTEPS[0]]
    model.enable_cache(_CONFIGS[name](lambda: timesteps[-1]))
    if name not in _FOR_ALL and not _hooked(model):
        raise Untestable("it knows none of the model's layers")
    runs: list[list[str]] = []
    with model.cache_context("cond"):
        for step, timestep in enumerate(_TIMESTEPS):
            timesteps.append(timestep)
            with counting_layers(model) as layers:
                outputs = run(model, specimen.inputs())
            runs.append(layers)
            require_equal("the first step" if step == 0 else "a step from the cache", plain, outputs)
    if min(map(len, runs[1:])) >= len(runs[0]):
        raise Broken("it is enabled and never skips anything")
    model.disable_cache()
    with counting_layers(model) as layers:
        require_equal("the model without its cache again", plain, run(model, specimen.inputs()))
    if len(layers) != len(runs[0]):
        raise Broken("it still skips after `disable_cache`")


def _hooked(model: nn.Module) -> bool:
    """Whether a hook lies on some part of a model."""
    registries = (getattr(part, "_diffusers_hook", None) for part in model.modules() if part is not model)
    return any(isinstance(each, HookRegistry) and each.hooks for each in registries)
