"""Looks into modules while they run, and leaves them as they were."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import nn
from torch.utils.hooks import RemovableHandle


# What a hook of one call is told: the module's path, its positional and its keyword arguments.
Entered = Callable[[str, tuple[Any, ...], dict[str, Any]], tuple[tuple[Any, ...], dict[str, Any]] | None]
# The same, and what the module returned; what is returned here takes its place, unless it is None.
Left = Callable[[str, tuple[Any, ...], dict[str, Any], Any], Any]


@contextmanager
def left_as_found(*modules: nn.Module) -> Iterator[None]:
    """Keeps modules in eval mode for a block of code, and then puts back what running them may have changed.

    These are attributes (training flags, caches, what libraries attach lazily), buffers and gradients. Weights are
    watched instead of copied.

    Raises:
        RuntimeError: If a weight was written to while the block ran: no measurement of it can be trusted.
    """
    members = [each for module in modules for each in module.modules()]
    attributes = [(each, dict(vars(each)), dict(each._buffers)) for each in members]
    parameters = [each for module in modules for each in module.parameters()]
    # Of the weights of a copied scripted module torch keeps no gradient, and warns whoever asks.
    gradients = [each.grad if each.is_leaf else None for each in parameters]
    versions = [each._version for each in parameters]
    buffers = [(each, each._version, each.detach().clone()) for module in modules for each in module.buffers()]
    for module in modules:
        module.eval()
    try:
        yield
    finally:
        for each, before, registered in attributes:
            each.__dict__.clear()
            each.__dict__.update(before)
            if isinstance(each._buffers, dict):  # a scripted module shows its own, which nobody can exchange
                each._buffers.update(registered)
        for parameter, gradient in zip(parameters, gradients, strict=True):
            parameter.grad = gradient
        with torch.no_grad():
            for buffer, version, value in buffers:
                if buffer._version != version:
                    buffer.copy_(value)
    if any(each._version != version for each, version in zip(parameters, versions, strict=True)):
        raise RuntimeError("A weight was written to while the model ran.")


def watchable(module: nn.Module) -> dict[str, nn.Module]:
    """The submodules that can be watched, by their paths: all but scripted ones, whose parts take no hooks either."""
    scripted = [each for each in module.modules() if isinstance(each, torch.jit.ScriptModule)]
    closed = {part for each in scripted for part in each.modules()}
    return {path: each for path, each in module.named_modules() if each not in closed}


@contextmanager
def watched(
    module: nn.Module, paths: Iterator[str] | list[str], entered: Entered | None = None, left: Left | None = None
) -> Iterator[None]:
    """Calls back when submodules are entered and left, for a block of code; the hooks are gone afterwards.

    Args:
        module: The module that the paths begin at; its own path is empty.
        paths: Which submodules to watch.
        entered: Called before each call; what it returns replaces the arguments.
        left: Called after each call; what it returns replaces the result.
    """
    handles: list[RemovableHandle] = []
    try:
        for path in paths:
            submodule = module.get_submodule(path)
            if entered is not None:
                handles.append(submodule.register_forward_pre_hook(_before(path, entered), with_kwargs=True))
            if left is not None:
                handles.append(submodule.register_forward_hook(_after(path, left), with_kwargs=True))
        yield
    finally:
        for handle in handles:
            handle.remove()


def _before(path: str, entered: Entered) -> Callable[..., Any]:
    return lambda _module, arguments, named: entered(path, arguments, named)


def _after(path: str, left: Left) -> Callable[..., Any]:
    return lambda _module, arguments, named, result: left(path, arguments, named, result)
