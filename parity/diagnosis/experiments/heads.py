"""Experiments with attention: how heads and their channels are laid out, and where queries and keys are normed."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import nn
from torch.nn.functional import scaled_dot_product_attention
from torch.overrides import TorchFunctionMode

from parity.bisection.bisect import Specimen
from parity.diagnosis.experiments.variant import (
    Change,
    all_of,
    on_modules,
    on_outputs,
    patterns,
    run_under,
    without_numbers,
)
from parity.forwards.observing import watchable


# A parameter seen as (heads, channels of a head, ...) in another order.
_Order = Callable[[torch.Tensor], torch.Tensor]
_ROLE = re.compile(r"(?:^|_)(q|k|v)(?:_|$)|(query|key|value)")


def change_layout(side: Specimen, other: Specimen) -> Iterator[tuple[str, Change]]:
    """Pairs of rotary channels apart or interleaved, and heads laid out channel by channel."""
    for interleave in (True, False):
        changes = exchange_channels(side.module, interleave=interleave)
        text = "interleaved" if interleave else "split into halves"
        for pattern, change in changes.items():
            yield f"the channels of queries and keys of `{pattern}` {text}", change
        if len(changes) > 1:
            yield f"the channels of all queries and keys {text}", all_of(*changes.values())
    for pattern, paths in patterns(side.module, lambda each: _heads(each) is not None).items():

        def transpose(attention: nn.Module) -> None:
            _reorder(attention, "qkv", lambda each: each.transpose(0, 1).flatten(0, 1).reshape(each.shape))

        def transpose_back(attention: nn.Module) -> None:
            _reorder(attention, "qkv", _channel_by_channel)

        yield f"the heads of `{pattern}` laid out channel by channel", on_modules(paths, transpose)
        yield f"the channels of `{pattern}` laid out head by head", on_modules(paths, transpose_back)


def exchange_channels(module: nn.Module, *, interleave: bool) -> dict[str, Change]:
    """For each kind of attention, the rows of queries and keys in another order within a head, with their norms.

    Args:
        module: The model.
        interleave: Whether halves become neighbours; else neighbours become halves.
    """

    def order(rows: torch.Tensor) -> torch.Tensor:
        if rows.shape[1] % 2:
            return rows
        pairs = (2, -1) if interleave else (-1, 2)
        return rows.reshape(len(rows), *pairs, *rows.shape[2:]).transpose(1, 2).flatten(1, 2)

    found = patterns(module, lambda each: _heads(each) is not None)
    return {
        pattern: on_modules(paths, lambda attention: _reorder(attention, "qk", order))
        for pattern, paths in found.items()
    }


def role_of(name: str) -> str:
    """`q`, `k` or `v` if a name says so, else nothing."""
    role = _ROLE.search(name)
    return (role[1] or role[2])[0] if role else ""


def _channel_by_channel(rows: torch.Tensor) -> torch.Tensor:
    heads, size = rows.shape[:2]
    return rows.reshape(size, heads, *rows.shape[2:]).transpose(0, 1)


def _heads(module: nn.Module) -> int | None:
    heads = getattr(module, "heads", None) or getattr(module, "num_heads", None)
    linears = [name for name, each in module.named_children() if isinstance(each, nn.Linear)]
    has_queries = any(_ROLE.search(name) or "qkv" in name for name in linears)
    return heads if isinstance(heads, int) and has_queries else None


def _reorder(attention: nn.Module, roles: str, order: _Order) -> None:
    """Brings the rows of some projections, and the weights of their norms, into another order."""
    heads = _heads(attention) or 1
    width = 0
    for name, each in attention.named_children():
        if not isinstance(each, nn.Linear):
            continue
        role = _ROLE.search(name)
        if role:
            width = each.out_features
            starts = [0] if (role[1] or role[2])[0] in roles else []
        elif "qkv" in name:
            width = getattr(attention, "inner_dim", each.in_features)
            starts = [width * index for index, letter in enumerate("qkv") if letter in roles]
        else:
            continue
        for parameter in each.parameters():
            for start in starts:
                rows = parameter[start : start + width]
                rows.copy_(order(rows.reshape(heads, -1, *rows.shape[1:]).clone()).reshape(rows.shape))
    for name, each in attention.named_children():
        role = _ROLE.search(name)
        if role and not isinstance(each, nn.Linear) and (role[1] or role[2])[0] in roles:
            for parameter in each.parameters(recurse=False):
                # One weight for each channel of a head, or for each channel of all heads.
                parts = heads if parameter.numel() == width else 1
                if width and parameter.numel() * (heads // parts) == width and parts == heads:
                    parameter.copy_(order(parameter.reshape(parts, -1).clone()).reshape(parameter.shape))
                elif roles == "qk":
                    parameter.copy_(order(parameter[None].clone())[0])


def place_norms(side: Specimen, other: Specimen) -> Iterator[tuple[str, Change]]:
    """Norms of queries and keys behind the rotation, over all heads or each head, or nowhere."""
    groups: dict[str, list[str]] = defaultdict(list)
    roles: dict[str, list[str]] = defaultdict(list)
    for path, each in watchable(side.module).items():
        parent, _, name = path.rpartition(".")
        role = role_of(name) if "norm" in name and list(each.parameters(recurse=False)) else ""
        if role in ("q", "k"):
            what = "queries" if role == "q" else "keys"
            groups[f"of `{without_numbers(parent)}`"].append(path)
            roles[f"of the {what} of `{without_numbers(parent)}`"].append(path)
            roles[f"of all {what}"].append(path)
    chosen = {**groups, **roles}
    if len(groups) > 1:
        chosen["of queries and keys"] = [path for paths in groups.values() for path in paths]
    for text, paths in chosen.items():
        for comes_first in (True, False):
            order = "" if comes_first else ", those called last in front"
            yield f"the norms {text} behind the rotation{order}", _behind_rotation(paths, comes_first)
        yield f"the norms {text} left out", on_outputs(paths, lambda _norm, given, _result: given)
        yield f"the norms {text} taken over all heads", on_outputs(paths, _over_all_heads)
        for heads in _head_counts(side.module):
            act: Any = lambda norm, given, result, heads=heads: _of_each_head(norm, given, result, heads)  # noqa: E731
            yield f"the norms {text} taken of each of {heads} heads", on_outputs(paths, act)


def _head_counts(module: nn.Module) -> list[int]:
    counts = (getattr(each, "heads", None) or getattr(each, "num_heads", None) for each in module.modules())
    return list(dict.fromkeys(count for count in counts if isinstance(count, int)))


def _rms(norm: nn.Module, given: torch.Tensor, axes: tuple[int, ...]) -> torch.Tensor:
    wide = given.float()
    eps = getattr(norm, "eps", None) or 1e-6
    return (wide * torch.rsqrt(wide.square().mean(axes, keepdim=True) + eps)).to(given.dtype)


def _over_all_heads(norm: nn.Module, given: Any, result: Any) -> Any:
    weight = next(norm.parameters())
    if given.ndim != 4 or given.shape[-1] != weight.numel():
        return result
    # Heads are fewer than tokens where it matters, and stand before or after them.
    axis = 1 if given.shape[1] < given.shape[2] else 2
    return _rms(norm, given, (axis, -1)) * weight


def _of_each_head(norm: nn.Module, given: Any, result: Any, heads: int) -> Any:
    weight = next(norm.parameters())
    if given.ndim != 3 or given.shape[-1] != weight.numel() or given.shape[-1] % heads:
        return result
    return _rms(norm, given.unflatten(-1, (heads, -1)), (-1,)).flatten(-2) * weight


def _behind_rotation(paths: list[str], comes_first: bool) -> Change:
    """The norms do nothing where they stand, and are applied to what enters the attention."""

    def change(module: nn.Module, inputs: dict[str, Any]) -> None:
        mode = _NormsInAttention(comes_first)
        for path in paths:
            module.get_submodule(path).register_forward_hook(mode.remember(role_of(path.rpartition(".")[2])))
        run_under(module, mode)

    return change


class _NormsInAttention(TorchFunctionMode):
    """Applies the norms that were called since the last attention to its queries and keys, each to its own tokens."""

    def __init__(self, comes_first: bool) -> None:
        super().__init__()
        self._comes_first = comes_first
        self._waiting: dict[str, list[tuple[nn.Module, torch.Size]]] = {"q": [], "k": []}

    def remember(self, role: str) -> Callable[..., Any]:
        def hook(norm: nn.Module, given: tuple[torch.Tensor, ...], result: torch.Tensor) -> torch.Tensor:
            self._waiting[role].append((norm, given[0].shape))
            return given[0]

        return hook

    def __torch_function__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        kwargs = dict(kwargs or {})
        if func is scaled_dot_product_attention:
            named = dict(zip(("query", "key", "value"), args[:3], strict=False)) | kwargs
            named["query"] = self._norm("q", named["query"])
            named["key"] = self._norm("k", named["key"])
            rest = args[3:]
            return func(named.pop("query"), named.pop("key"), named.pop("value"), *rest, **named)
        return func(*args, **kwargs)

    def _norm(self, role: str, states: torch.Tensor) -> torch.Tensor:
        """Norms states of (batch, heads, tokens, channels)."""
        waiting, self._waiting[role] = self._waiting[role], []
        if not self._comes_first:
            waiting = waiting[::-1]
        heads, tokens = states.shape[1:3]
        counts = [_tokens(shape, heads) for _, shape in waiting]
        if not waiting or sum(counts) != tokens:
            return states
        parts = []
        for (norm, shape), part in zip(waiting, torch.split(states.transpose(1, 2), counts, 1), strict=True):
            is_flat = len(shape) == 3
            normed = norm.forward(part.flatten(-2) if is_flat else part)
            parts.append(normed.unflatten(-1, (heads, -1)) if is_flat else normed)
        return torch.cat(parts, 1).transpose(1, 2)


def _tokens(shape: torch.Size, heads: int) -> int:
    return shape[2] if len(shape) == 4 and shape[1] == heads else shape[1]
