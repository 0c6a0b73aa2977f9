"""How tensors lie in memory: what a lost `.contiguous()` changes and no number shows."""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
from torch import nn
from torch.utils._pytree import tree_leaves


class Layout(NamedTuple):
    """How one tensor lies in memory."""

    shape: tuple[int, ...]
    contiguous: bool


def layouts(model: nn.Module, inputs: dict[str, Any]) -> dict[tuple[str, str], list[Layout]]:
    """What each layer reads and gives in one forward, by the layer's path and which of both; blocks only give."""
    found: dict[tuple[str, str], list[Layout]] = {}

    def note(path: str, way: str, values: Any) -> None:
        tensors = [each for each in tree_leaves(values) if torch.is_tensor(each)]
        found.setdefault((path, way), []).extend(Layout(tuple(each.shape), each.is_contiguous()) for each in tensors)

    hooks = []
    for path, module in model.named_modules():
        hooks.append(module.register_forward_hook(lambda _, read, given, path=path: note(path, "gives", given)))
        if not list(module.children()):
            hooks.append(module.register_forward_pre_hook(lambda _, read, path=path: note(path, "reads", read)))
    with torch.no_grad():
        model(**inputs, return_dict=False)
    for hook in hooks:
        hook.remove()
    return found


def are_scattered(ours: dict[tuple[str, str], list[Layout]], theirs: dict[tuple[str, str], list[Layout]]) -> bool:
    """Whether a tensor lies in pieces that in the counterpart, where it has the same shape, lies in one."""
    return any(
        our.shape == their.shape and their.contiguous and not our.contiguous
        for place in ours.keys() & theirs.keys()
        for our, their in zip(ours[place], theirs[place], strict=False)
    )
