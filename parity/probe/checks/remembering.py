"""Caches of keys and values: tokens that stay the same between steps are computed once."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import nn

from parity.probe.checks.comparing import Broken, Untestable, is_equal, require_equal
from parity.probe.specimen import Outputs, Specimen, run


_REFERENCE_TOKENS = 4


def kv_cache(specimen: Specimen, plain: Outputs) -> str | None:
    """Fills a cache in one step, and has a later one read it."""
    arguments = inspect.signature(specimen.module_class.forward).parameters
    for name, check in _CHECKS.items():
        if name in arguments:
            return check(specimen, plain)
    raise Untestable("no rule knows how its cache is filled")


def takes_kv_cache(model: nn.Module) -> bool:
    """Whether forward takes a cache: that is what declares it."""
    return any(name in ("kv_cache", "kv_caches") for name in inspect.signature(type(model).forward).parameters)


def _reference_tokens(specimen: Specimen, plain: Outputs) -> None:
    """The first image tokens are a reference, at a time of their own: at a later step the cache stands for them."""
    model = specimen.make()
    for layer in model.modules():
        processors = getattr(layer, "_available_processors", ())
        if remembering := [each for each in processors if "KV" in each.__name__]:
            layer.set_processor(remembering[0]())
    extract = {"kv_cache_mode": "extract", "num_ref_tokens": _REFERENCE_TOKENS}
    inputs = specimen.inputs()
    later = _later(inputs)
    with torch.no_grad():
        cache = model(**inputs, **extract).kv_cache
    expected = run(model, {**later, **extract})
    short = {
        **later,
        "hidden_states": later["hidden_states"][:, _REFERENCE_TOKENS:],
        "img_ids": later["img_ids"][..., _REFERENCE_TOKENS:, :],
    }
    cached = run(model, {**short, "kv_cache": cache, "kv_cache_mode": "cached"})
    require_equal("a step that reads the cache", expected, cached)
    if is_equal(run(model, short), cached):
        raise Broken("a step that reads the cache gives what a step without reference tokens gives")


def _prefix(specimen: Specimen, plain: Outputs) -> None:
    """What stands before the image sees neither it nor the time: at a later step only the image is computed."""
    model = specimen.make()
    cache = _new_cache(specimen, len(model.transformer_blocks))
    filling = run(model, {**specimen.inputs(), "kv_cache": cache, "kv_cache_mode": "extract"})
    require_equal("the step that fills the cache", plain, filling)
    later = _later(specimen.inputs())
    cached = run(model, {**later, "kv_cache": cache, "kv_cache_mode": "cached"})
    expected = {name: each[:, -cached[name].shape[1] :] for name, each in run(model, later).items()}
    if all(each.shape == plain[name].shape for name, each in cached.items()):
        raise Broken("a step that reads the cache computes all tokens again")
    require_equal("a step that reads the cache", expected, cached)


def _window(specimen: Specimen, plain: Outputs) -> None:
    """Keys of what came before are kept rotated, or are rotated when they are read: both have to be the same."""
    model = specimen.make()
    inputs = specimen.inputs()
    history, sink = (_new_cache(specimen, len(model.transformer_blocks)) for _ in range(2))
    filling = run(model, {**inputs, "kv_cache": history, "kv_cache_mode": "inject_and_capture_post_rope"})
    require_equal("the step that keeps rotated keys", plain, filling)
    filling = run(model, {**inputs, "kv_cache": sink, "kv_cache_mode": "capture_pre_rope"})
    require_equal("the step that keeps keys as they are", plain, filling)
    for one, other in zip(history.layer_caches, sink.layer_caches, strict=True):
        one.store_history(*one.get_captured_post_rope())
        other.store_sink(*other.get_captured_pre_rope())
    sink.sink_pe = inputs["video_rotary_emb"]
    later = {**_later(inputs), "kv_cache_mode": "inject"}
    cached = run(model, {**later, "kv_cache": history})
    if is_equal(run(model, _later(inputs)), cached):
        raise Broken("a step that reads the cache gives what a step without it gives")
    require_equal("keys that are rotated when they are read", cached, run(model, {**later, "kv_cache": sink}))


def _conditions(specimen: Specimen, plain: Outputs) -> None:
    """An image's own keys, read beside themselves, change no attention; another image's do."""
    model = specimen.make()
    inputs = specimen.inputs()
    other = {**inputs, "hidden_states": 2 * inputs["hidden_states"]}
    caches = [_new_cache(specimen, len(model.transformer_blocks)) for _ in range(2)]
    for cache, condition in zip(caches, (inputs, other), strict=True):
        cache.set_mode("write")
        filling = run(model, {**condition, "kv_caches": cache})
        cache.set_mode("read")
        if condition is inputs:
            require_equal("the step that fills the cache", plain, filling)
    require_equal("a step that reads its own keys twice", plain, run(model, {**inputs, "kv_caches": caches[0]}))
    if is_equal(plain, run(model, {**inputs, "kv_caches": caches[1]})):
        raise Broken("a step that reads the keys of another image gives what a step without gives")
    caches[1].set_mode("skip")
    require_equal("a step that skips the cache", plain, run(model, {**inputs, "kv_caches": caches[1]}))


def _chunks(specimen: Specimen, plain: Outputs) -> None:
    """Frames come in chunks that see those before: a chunk that reads the cache gives what it gives beside them."""
    model = specimen.make()
    inputs = specimen.inputs()
    first, *_ = inputs["chunk_partition"]
    _, frames, _, height, width = inputs["hidden_states"].shape
    _, rows, columns = model.config.patch_size
    config = model.config
    room = (2, len(inputs["hidden_states"]), config.num_attention_heads, frames * height * width // rows // columns)
    cache = [
        {name: torch.zeros(*room, config.attention_head_dim) for name in ("full_cache", "compressed_cache")}
        for _ in model.blocks
    ]
    of_frames = ("hidden_states", "timestep", "r_timestep")
    filling = {name: inputs[name][:, :first] for name in of_frames}
    filling |= {"chunk_partition": [first], "kv_cache_flag": {"num_cached_chunks": 0, "is_cache_step": True}}
    reading = {name: inputs[name][:, first:] for name in of_frames}
    reading |= {"kv_cache_flag": {"num_cached_chunks": 1, "is_cache_step": False}}
    # Not by `run`, which gives a model copies of its tensors: those of the cache are to be filled.
    with torch.no_grad():
        model(**inputs | filling, kv_cache=cache)
    cached = run(model, {**inputs, **reading, "kv_cache": cache})
    expected = {name: each[:, first:] for name, each in plain.items()}
    require_equal("a chunk that reads the cache", expected, {name: cached[name] for name in expected})


def _reference_video(specimen: Specimen, plain: Outputs) -> str:
    """A pass over a reference fills the cache; the steps read it, and cannot run without."""
    inputs = specimen.inputs()
    (frames, height, width), *_ = inputs["offset_grid_sizes"].tolist()
    # A latent frame stands for four frames but for the first, a token for 16 by 16 pixels.
    reading = {
        "kv_cache_mode": "cached",
        "offset_grid_sizes": None,
        "reference_grid_sizes": inputs["offset_grid_sizes"],
        "origin_len": 4 * (frames - 1),
        "origin_area": [16 * height, 16 * width],
    }
    model = specimen.make()
    steps = []
    for scale in (1.0, 2.0):
        reference = specimen.inputs()
        reference["hidden_states"] = [scale * each for each in reference["hidden_states"]]
        run(model, reference)
        # The mask of its attention is made by compiled code, which takes a minute to compile.
        with torch.compiler.set_stance("force_eager"):
            steps.append(run(model, {**inputs, **reading, "kv_cache": reference["kv_cache"]}))
    if is_equal(*steps):
        raise Broken("another reference gives the same")
    return "no step runs without its cache, so there is none to compare with"


def _later(inputs: Mapping[str, Any]) -> dict[str, Any]:
    return {**inputs, "timestep": inputs["timestep"] / 3}


def _new_cache(specimen: Specimen, layers: int) -> Any:
    """An empty cache, of the class that lies beside the model or what it inherits."""
    for owner in specimen.module_class.__mro__:
        for name, each in vars(sys.modules[owner.__module__]).items():
            if name.endswith("KVCache") and "Layer" not in name:
                return each(layers)
    raise Broken("no class whose name ends with `KVCache` lies beside the model")


# By an argument of forward that only this way of filling has.
_CHECKS: dict[str, Callable[[Specimen, Outputs], str | None]] = {
    "num_ref_tokens": _reference_tokens,
    "reference_grid_sizes": _reference_video,
    "video_rotary_emb": _window,
    "img_mask": _prefix,
    "kv_caches": _conditions,
    "chunk_partition": _chunks,
}
