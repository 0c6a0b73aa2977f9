"""Experiments with what submodules return: nothing, what they were given, or the same in half precision."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import nn

from parity.bisection.bisect import Specimen
from parity.diagnosis.experiments.variant import Change, each_and_all, on_outputs, patterns


def silence_modules(side: Specimen, other: Specimen) -> Iterator[tuple[str, Change]]:
    """Submodules that add nothing, for what one side does not call, and those that pass on what enters."""
    for pattern, paths in patterns(side.module, _has_weights).items():
        yield f"all that `{pattern}` returns at zero", on_outputs(paths, _zeros)
        yield f"`{pattern}` passed by", on_outputs(paths, _given)
        if len(paths) > 1:
            for path in (paths[0], paths[-1]):
                yield f"`{path}` passed by", on_outputs([path], _given)


def round_outputs(side: Specimen, other: Specimen) -> Iterator[tuple[str, Change]]:
    """What a submodule returns, in half precision."""
    for kind in (torch.bfloat16, torch.float16):
        name = str(kind).removeprefix("torch.")
        yield from each_and_all(
            (f"what {{}} returns rounded to {name}", pattern, on_outputs(paths, _rounding_to(kind)))
            for pattern, paths in patterns(side.module, lambda each: True).items()
            if pattern
        )


def _has_weights(module: nn.Module) -> bool:
    return not isinstance(module, (nn.ModuleList, nn.ModuleDict)) and any(True for _ in module.parameters())


def _zeros(_module: nn.Module, _given: Any, result: Any) -> Any:
    return _on_tensors(result, torch.zeros_like)


def _given(_module: nn.Module, given: Any, result: Any) -> Any:
    is_same = isinstance(given, torch.Tensor) and isinstance(result, torch.Tensor) and given.shape == result.shape
    return given if is_same else result


def _rounding_to(kind: torch.dtype) -> Callable[[nn.Module, Any, Any], Any]:
    def act(each: torch.Tensor) -> torch.Tensor:
        return each.to(kind).to(each.dtype) if each.is_floating_point() else each

    return lambda _module, _given, result: _on_tensors(result, act)


def _on_tensors(result: Any, act: Callable[[torch.Tensor], torch.Tensor]) -> Any:
    if isinstance(result, torch.Tensor):
        return act(result)
    if type(result) in (tuple, list):
        return type(result)(_on_tensors(each, act) for each in result)
    return result
