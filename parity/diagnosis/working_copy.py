"""A copy of a module that can be changed again and again, and is each time put back."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import nn


class WorkingCopy:
    """One copy of a module, with all that it takes to undo a change.

    Args:
        module: The module, which is left alone.
    """

    def __init__(self, module: nn.Module) -> None:
        self._module = copy.deepcopy(module)
        # Containers such as the table of hooks are changed in place, so they are kept with what they hold.
        self._attributes = [(each, _snapshot(vars(each))) for each in self._module.modules()]
        self._tensors = [*self._module.parameters(), *self._module.buffers()]
        self._values = [each.detach().clone() for each in self._tensors]

    @contextmanager
    def lent(self) -> Iterator[nn.Module]:
        """The copy, for a block of code that may change it."""
        versions = [each._version for each in self._tensors]
        try:
            yield self._module
        finally:
            for module, kept in self._attributes:
                attributes = module.__dict__
                if len(attributes) != len(kept):
                    for name in attributes.keys() - kept.keys():
                        del attributes[name]
                for name, (value, contents) in kept.items():
                    attributes[name] = value
                    if contents is not None and (value or contents) and not _holds(value, contents):
                        value.clear()
                        value.update(contents)
            with torch.no_grad():
                for tensor, version, value in zip(self._tensors, versions, self._values, strict=True):
                    if tensor._version != version:
                        tensor.copy_(value)


def _snapshot(attributes: dict[str, Any]) -> dict[str, tuple[Any, list[tuple[Any, Any]] | None]]:
    return {
        name: (value, list(value.items()) if isinstance(value, dict) else None) for name, value in attributes.items()
    }


def _holds(container: dict[Any, Any], contents: list[tuple[Any, Any]]) -> bool:
    """Whether it holds these very objects, in this order."""
    pairs = zip(container.items(), contents, strict=False)
    return len(container) == len(contents) and all(a is c and b is d for (a, b), (c, d) in pairs)
