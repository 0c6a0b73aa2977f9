"""Experiments with what a model is given: timesteps, positions, and the dtype of all else."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import torch
from torch import nn

from parity.bisection.bisect import Specimen
from parity.diagnosis.experiments.variant import Change, alone_and_together, listed


_SCALES = (1000, 100, 10, 0.1, 0.01, 0.001)


def scale_timesteps(side: Specimen, other: Specimen) -> Iterator[tuple[str, Change]]:
    """Timestep, guidance and the like, counted in another unit or from the other end."""
    for name in _scalars(side.inputs):
        for factor in _SCALES:
            yield f"`{name}` times {factor:g}", _set(name, lambda each, by=factor: _as_float(each) * by)  # type: ignore[misc]
        for end in (1, 1000):
            yield f"{end} - `{name}`", _set(name, lambda each, end=end: end - each)  # type: ignore[misc]


def round_timesteps(side: Specimen, other: Specimen) -> Iterator[tuple[str, Change]]:
    """Timesteps as integers, and in half precision, before and after a factor of 1000."""
    for name in _scalars(side.inputs):
        for scale in (1, 1000):
            of = f"{scale} times `{name}`" if scale > 1 else f"`{name}`"
            for text, act in (
                ("rounded down to an integer", torch.floor),
                ("rounded to the nearest integer", torch.round),
                ("rounded to bfloat16", _through(torch.bfloat16)),
                ("rounded to float16", _through(torch.float16)),
            ):

                def change(each: torch.Tensor, act: Any = act, scale: int = scale) -> torch.Tensor:
                    # In float32 in between, since the product would be rounded in a lower dtype.
                    kind = each.dtype if each.is_floating_point() else torch.float32
                    rounded: torch.Tensor = act(each.float() * scale) / scale
                    return rounded.to(torch.float32 if scale > 1 else kind)

                yield f"{of} {text}", _set(name, change)


def round_positions(side: Specimen, other: Specimen) -> Iterator[tuple[str, Change]]:
    """Positions in half precision, each modality alone and all of them."""
    for chosen in alone_and_together(_positions(side.inputs)):
        for kind in (torch.bfloat16, torch.float16):
            text = f"{listed(chosen)} rounded to {str(kind).removeprefix('torch.')}"
            yield text, _set_all(chosen, _through(kind))


def move_positions(side: Specimen, other: Specimen) -> Iterator[tuple[str, Change]]:
    """Positions counted from another number, or their axes in another order."""
    for chosen in alone_and_together(_positions(side.inputs)):
        for step in (1, -1):
            text = f"{listed(chosen)} {'moved on' if step > 0 else 'moved back'} by one"
            yield text, _set_all(chosen, lambda each, step=step: each + step)  # type: ignore[misc]
        axes = min(side.inputs[name].shape[-1] for name in chosen)
        for first in range(axes - 1):
            order = list(range(axes))
            order[first], order[first + 1] = order[first + 1], order[first]
            text = f"axes {first + 1} and {first + 2} of {listed(chosen)} exchanged"
            yield text, _set_all(chosen, lambda each, order=order: each[..., order])  # type: ignore[misc]


def round_inputs(side: Specimen, other: Specimen) -> Iterator[tuple[str, Change]]:
    """Latents and embeddings that one side rounds before it uses them."""
    known = {*_scalars(side.inputs), *_positions(side.inputs)}
    names = [
        name
        for name, each in side.inputs.items()
        if isinstance(each, torch.Tensor) and each.dtype in (torch.float32, torch.float64) and name not in known
    ]
    for chosen in alone_and_together(names):
        for kind in (torch.bfloat16, torch.float16):
            text = f"{listed(chosen)} rounded to {str(kind).removeprefix('torch.')}"
            yield text, _set_all(chosen, _through(kind))


def _scalars(inputs: Mapping[str, Any]) -> list[str]:
    """Timesteps, guidance scales and the like: one number for each of the batch."""
    return [key for key, each in inputs.items() if isinstance(each, torch.Tensor) and each.ndim < 2]


def _positions(inputs: Mapping[str, Any]) -> list[str]:
    return [
        key
        for key, each in inputs.items()
        if isinstance(each, torch.Tensor) and each.ndim > 1 and re.search(r"ids|pos|coord|grid", key)
    ]


def _as_float(each: torch.Tensor) -> torch.Tensor:
    return each if each.is_floating_point() else each.float()


def _through(kind: torch.dtype) -> Callable[[torch.Tensor], torch.Tensor]:
    return lambda each: each.to(kind).to(each.dtype)


def _set(name: str, act: Callable[[torch.Tensor], torch.Tensor]) -> Change:
    return _set_all([name], act)


def _set_all(names: list[str], act: Callable[[torch.Tensor], torch.Tensor]) -> Change:
    def change(module: nn.Module, inputs: dict[str, Any]) -> None:
        for name in names:
            inputs[name] = act(inputs[name])

    return change
