"""What an argument of a diffusion model's forward may look like, by its name and the model's config.

Proposals are written in the form that `--inputs` takes, the likeliest first; which of them a model wants shows when it
runs. Sizes differ from each other, so that what is mistaken for something else does not fit.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from torch import nn


BATCH = 2
SIDE = 8
"""Height and width of a latent."""
TOKENS = 16
"""Of a packed latent, four by four."""
GRID = 4
TEXT = 8
FRAMES = 3

LEFT_OUT = "left out"
"""A proposal to leave an argument to its default."""

# Neither changes what is computed.
_NEVER = re.compile(r"return_dict|(^|_)kwargs$|kv_cache|controlnet|^block_control|skip_layers|sparse_params")

_CHANNELS = re.compile(r"^(in|io|latent|in_visual)_?(channels?|dim)s?$|^in_dim$")
_TEXT_WIDTHS = (
    re.compile(r"joint_attention_dim|text_embed_dim$|^(in_)?text_dim$|caption_channels|cap_feat_dim|context_in_dim"),
    re.compile(
        r"cross_attention(_input)?_dim|condition_dim|encoder_hidden|text_in_dim|text_hidden_dim|cond_token_dim"
    ),
    re.compile(r"dim|size|channels"),
)
_SECOND = re.compile(r"_2$|_t5$|2$")


def proposals(module_class: type[nn.Module], config: Mapping[str, Any]) -> dict[str, list[Any]]:
    """Proposes values for each argument of a class's forward.

    Args:
        module_class: The class.
        config: All of the model's config, defaults too.

    Returns:
        Descriptions as `--inputs` takes them, or `LEFT_OUT`, by argument.
    """
    numbers = {name: value for name, value in config.items() if type(value) is int and value > 0}
    dimensions = _planned_dimensions(module_class)
    found: dict[str, list[Any]] = {}
    for name, parameter in list(inspect.signature(module_class.forward).parameters.items())[1:]:
        is_optional = parameter.default is not parameter.empty
        # What has a value by default is no tensor, or none that a model waits for.
        has_value = is_optional and parameter.default is not None
        is_named = parameter.kind in (parameter.POSITIONAL_OR_KEYWORD, parameter.KEYWORD_ONLY)
        if _NEVER.search(name) or has_value or not is_named:
            continue
        expected, wanted = _for_name(name, numbers, config)
        # The hooks of a plan look for what they split, whether a model needs it or not.
        expected = expected or name in dimensions
        # Ids come with and without a batch; the plan says which of the two its class is made for.
        if name.endswith("_ids") and name in dimensions:
            fitting = [each for each in wanted if _dimensions(each) == dimensions[name]]
            wanted = fitting + [each for each in wanted if each not in fitting]
        if is_optional:
            wanted = [*wanted, LEFT_OUT] if expected else [LEFT_OUT, *wanted]
        found[name] = wanted or [LEFT_OUT]
    return found


def _planned_dimensions(module_class: type[nn.Module]) -> dict[str, int]:
    """How many dimensions the plan for context parallelism expects of the arguments that it splits."""
    plan = (getattr(module_class, "_cp_plan", None) or {}).get("", {})
    return {
        name: split.expected_dims
        for name, split in plan.items()
        if isinstance(name, str) and getattr(split, "expected_dims", None)
    }


def _dimensions(description: Any) -> int:
    return len(description.get("shape", ())) if isinstance(description, Mapping) else 0


def _for_name(name: str, numbers: Mapping[str, int], config: Mapping[str, Any]) -> tuple[bool, list[Any]]:
    """Whether the argument is one that models rely on though it is optional, and what it may be."""
    for pattern, is_expected, propose in _RULES:
        if re.search(pattern, name):
            return is_expected, propose(name, numbers, config)
    return False, []


def _latents(name: str, numbers: Mapping[str, int], config: Mapping[str, Any]) -> list[Any]:
    is_audio = "audio" in name
    channels = [
        value for key, value in numbers.items() if _CHANNELS.search(key.removeprefix("audio_")) and "audio" in key
    ]
    if not is_audio or not channels:
        channels = [value for key, value in numbers.items() if _CHANNELS.search(key)] or [4]
    shapes: list[list[int]] = []
    for width in dict.fromkeys(channels):
        shapes += [
            [BATCH, TOKENS, width],
            [BATCH, width, SIDE, SIDE],
            [BATCH, width, FRAMES, SIDE, SIDE],
            [BATCH, FRAMES, width, SIDE, SIDE],
            [BATCH, FRAMES, SIDE, SIDE, width],
            [BATCH, width, TOKENS],
            [BATCH, width, 1, SIDE, SIDE],
            [BATCH, width, 4, SIDE, SIDE],
        ]
    listed = [{"list": [{"shape": shape[1:]}] * BATCH} for shape in shapes if len(shape) == 5]
    return [{"shape": shape} for shape in shapes] + listed


def _text(name: str, numbers: Mapping[str, int], config: Mapping[str, Any]) -> list[Any]:
    widths: list[int] = []
    for pattern in _TEXT_WIDTHS:
        keys = [key for key in numbers if pattern.search(key)]
        keys.sort(
            key=lambda key: (
                bool(_SECOND.search(name)) != bool(_SECOND.search(key)) or ("audio" in key) != ("audio" in name)
            )
        )
        widths += [numbers[key] for key in keys]
    shapes = [[BATCH, TEXT, width] for width in dict.fromkeys(widths)]
    listed = [{"list": [{"shape": shape[1:]}] * BATCH} for shape in shapes[:3]]
    return [{"shape": shape} for shape in shapes] + listed


def _pooled(name: str, numbers: Mapping[str, int], config: Mapping[str, Any]) -> list[Any]:
    keys = sorted(numbers, key=lambda key: not re.search(r"pool|dim2|global|clip", key))
    widths = dict.fromkeys(numbers[key] for key in keys if re.search(r"dim|size|channels", key))
    return [{"shape": [BATCH, width]} for width in widths] + [{"shape": [BATCH, 1, width]} for width in widths]


def _times(name: str, numbers: Mapping[str, int], config: Mapping[str, Any]) -> list[Any]:
    return [
        {"value": [0.7] * BATCH},
        {"value": [500] * BATCH},
        {"shape": [BATCH, 1], "kind": "uniform"},
        {"shape": [BATCH, FRAMES], "kind": "uniform"},
        {"shape": [BATCH, TOKENS], "kind": "uniform"},
        {"shape": [BATCH, 1, FRAMES], "kind": "uniform"},
        {"value": [0.7]},
        0.7,
        500,
    ]


def _ids(name: str, numbers: Mapping[str, int], config: Mapping[str, Any]) -> list[Any]:
    axes = next((len(value) for key, value in config.items() if "ax" in key and isinstance(value, (list, tuple))), 3)
    rows = {"txt": [TEXT], "img": [TOKENS]}.get(name[:3], [TOKENS + TEXT, TOKENS, TEXT])
    shapes: list[list[int]] = []
    for count in rows:
        shapes += [[count, axes], [BATCH, count, axes], [BATCH, axes, count], [BATCH, count], [axes, count]]
    return [{"shape": shape, "kind": "ids", "high": TEXT} for shape in shapes]


def _masks(name: str, numbers: Mapping[str, int], config: Mapping[str, Any]) -> list[Any]:
    counts = (
        (TEXT, TOKENS, TOKENS + TEXT)
        if re.search(r"encoder|text|cap|mask_t5", name)
        else (TOKENS, TOKENS + TEXT, TEXT)
    )
    return [
        {"shape": [BATCH, count], "kind": "ones", "dtype": dtype}
        for count in counts
        for dtype in ("bool", "int64", "float32")
    ] + [{"shape": [BATCH, 1, SIDE, SIDE], "kind": "ones"}, {"shape": [1, 1, SIDE, SIDE], "kind": "zeros"}]


def _shapes(name: str, numbers: Mapping[str, int], config: Mapping[str, Any]) -> list[Any]:
    one = [1, GRID, GRID]
    return [{"kind": "plain", "value": value} for value in ([one] * BATCH, [[one]] * BATCH, one)]


def _number(*values: Any) -> Callable[[str, Mapping[str, int], Mapping[str, Any]], list[Any]]:
    return lambda name, numbers, config: list(values)


def _pairs(name: str, numbers: Mapping[str, int], config: Mapping[str, Any]) -> list[Any]:
    return [{"value": [[float(SIDE), float(SIDE)]] * BATCH}]


def _vectors(name: str, numbers: Mapping[str, int], config: Mapping[str, Any]) -> list[Any]:
    widths = dict.fromkeys(value for key, value in numbers.items() if re.search(r"dim|size|channels", key))
    shapes = [[BATCH, *middle, width] for width in widths for middle in ((), (TOKENS,), (TEXT,), (1,))]
    return [{"shape": [BATCH]}] + [{"shape": shape} for shape in shapes]


def _lengths(name: str, numbers: Mapping[str, int], config: Mapping[str, Any]) -> list[Any]:
    return [{"value": [TEXT] * BATCH}]


def _classes(name: str, numbers: Mapping[str, int], config: Mapping[str, Any]) -> list[Any]:
    return [{"value": list(range(1, BATCH + 1))}]


def _tokens(name: str, numbers: Mapping[str, int], config: Mapping[str, Any]) -> list[Any]:
    return [{"shape": [BATCH, count], "kind": "integers", "high": 16} for count in (TOKENS, TEXT)]


_Propose = Callable[[str, Mapping[str, int], Mapping[str, Any]], list[Any]]
_RULES: Sequence[tuple[str, bool, _Propose]] = (
    (r"mask$|_mask_|^mask", False, _masks),
    (r"^(img|image)_shapes$", True, _shapes),
    (r"num_frames$", True, _number(1)),
    (r"^(height|width)$", True, _number(GRID)),
    (r"fps$", False, _number(24)),
    (r"_ids$", True, _ids),
    (r"lens$", True, _lengths),
    (r"labels$", True, _classes),
    (r"token_id$|^input_ids$", True, _tokens),
    (r"pooled|global_hidden|proj_embedding", True, _pooled),
    (r"timestep|^t$|_time$|noise_time|sigma$", True, _times),
    (r"guidance", True, _times),
    (r"(original|target)_size|crop_coords", True, _pairs),
    (r"encoder_hidden_states$|encoder_hidden_states_(2|t5)$|^cap_feats$|^text_(bth|embeds)$", True, _text),
    (r"^hidden_states$|^audio_hidden_states$|^x$|^inputs_embeds$", True, _latents),
    (r"", False, _vectors),
)
