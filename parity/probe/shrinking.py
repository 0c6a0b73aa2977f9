"""From a constructor's defaults to a config that is tiny and fits together as they do.

The defaults of a published class belong together: a width is heads times the width of a head, rotary axes sum to that,
what is projected to the width has its number. So numbers are replaced by value: equal ones stay equal, products stay
products, sums stay sums.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from torch import nn


DEPTH = 2
HEADS = 4
KEY_HEADS = 2
HEAD_WIDTHS = (16, 24)
"""Which widths of a head are tried: three rotary axes want another than powers of two."""
SAMPLE = 8
"""Height and width of a latent."""
FRAMES = 9
TEXT = 8
"""Tokens of a text, where the config has their number."""

_LARGEST_KEPT = 256
_DEPTH = re.compile(r"(^|_)(n|num_)?(layers|blocks|depth)$|nlayers$", re.IGNORECASE)
_LAYER_NUMBERS = re.compile(r"layer_ids$|layers$")
_HEADS = re.compile(r"heads$")
_KEY_HEADS = re.compile(r"kv_|key_value|kv$")
_HEAD_WIDTH = re.compile(r"head_dim$|dim_head$|^d_kv$")
_AXES = re.compile(r"axes_dim|rope_dim|rope_axes")
_WIDTH = re.compile(r"^(hidden_size|dim|d_model|model_dim|embed_dim|dit_dim|inner_dim|token_dim)$")
_SIZE = re.compile(r"^sample_(size|width|height)$")
_FRAMES = re.compile(r"^sample_frames$")
_TEXT = re.compile(r"^(max_)?text_(seq_)?len(gth)?(_t5)?$")
_EXPERTS = re.compile(r"^num_(\w+_)?experts$")
_SHRUNK = re.compile(r"dim|size|channels|features|width|hidden|inner|d_ff")
_KEPT = re.compile(r"patch|sample|image|window|tile|kernel|max|len|freq|base|codebook|pos_")


def tiny_configs(module_class: type[nn.Module]) -> Iterator[dict[str, Any]]:
    """Proposes configs for a class, the likeliest first.

    Args:
        module_class: A class whose constructor has defaults for what makes it large.

    Yields:
        Keyword arguments of the constructor that differ from its defaults.
    """
    defaults = {
        name: parameter.default
        for name, parameter in inspect.signature(module_class.__init__).parameters.items()
        if parameter.default not in (parameter.empty, None)
    }
    for head_width in HEAD_WIDTHS:
        yield _shrink(defaults, head_width)


def _shrink(defaults: Mapping[str, Any], head_width: int) -> dict[str, Any]:
    whole = {name: value for name, value in defaults.items() if type(value) is int}
    counted = {name: value for name, value in whole.items() if _HEADS.search(name)}
    widths = {name: value for name, value in whole.items() if _HEAD_WIDTH.search(name)}
    products = {heads * width for heads in counted.values() for width in widths.values()}
    most = max(counted.values(), default=0)
    config: dict[str, Any] = {}
    for name, value in whole.items():
        if name in counted:
            config[name] = KEY_HEADS if _KEY_HEADS.search(name) and value < most else HEADS
        elif name in widths:
            config[name] = head_width
        elif value in products or _WIDTH.search(name):
            config[name] = HEADS * head_width
        elif _DEPTH.search(name):
            config[name] = min(value, DEPTH)
        elif _SIZE.search(name):
            config[name] = min(value, SAMPLE)
        elif _FRAMES.search(name):
            config[name] = min(value, FRAMES)
        elif _TEXT.search(name):
            config[name] = min(value, TEXT)
        elif _EXPERTS.search(name):
            config[name] = min(value, 4)
    widest = {value: config[name] for name, value in whole.items() if _WIDTH.search(name)}
    config |= _shrink_widths({name: value for name, value in whole.items() if name not in config}, widest)
    full_width = next(iter(widths.values()), None)
    for name, value in defaults.items():
        if isinstance(value, (list, tuple)) and value and all(type(each) is int for each in value):
            if _AXES.search(name) and sum(value) <= (full_width or sum(value)):
                config[name] = _scale(value, head_width * sum(value) // (full_width or sum(value)))
            elif _LAYER_NUMBERS.search(name):
                config[name] = list(range(min(len(value), DEPTH)))
    return {name: value for name, value in config.items() if value != defaults[name]}


def _shrink_widths(whole: Mapping[str, int], known: Mapping[int, int]) -> dict[str, int]:
    """Gives each large number a small one of its own, so that widths which are not the same stay told apart."""
    shrunk = dict(known)
    config: dict[str, int] = {}
    for name, value in whole.items():
        if value > _LARGEST_KEPT and _SHRUNK.search(name) and not _KEPT.search(name):
            config[name] = shrunk.setdefault(value, 32 + 8 * len(shrunk))
    return config


def _scale(axes: Sequence[int], total: int) -> list[int]:
    """Even numbers in about the proportions of the axes, with another sum."""
    scaled = [max(2, total * axis // sum(axes) // 2 * 2) for axis in axes]
    while sum(scaled) < total:
        # What is left goes to the axis that lost most.
        lost = [total * axis / sum(axes) - part for axis, part in zip(axes, scaled, strict=True)]
        scaled[lost.index(max(lost))] += 2
    return scaled
