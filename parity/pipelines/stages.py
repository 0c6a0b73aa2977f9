"""Named places inside a pipeline that save its tensors, end the run, or put other tensors in.

A pipeline that takes checkpoints as an argument calls `visit` at the places that it names:

    latents, sigmas = visit(checkpoints, "preloop", latents=latents, sigmas=sigmas)

`parity.pipelines.running` gives the same places to diffusers' pipelines, which know nothing of this.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import torch

from parity.errors import ParityError


@dataclass
class Checkpoint:
    """What happens at one place.

    Attributes:
        save: Copy what passes here into `data`.
        stop: End the run here, by raising `PipelineStop`.
        load: Put what lies in `data` in place of what passes here; all of it, or the run is refused.
        data: The values by name. Saved tensors are copies on the CPU.
        visits: How often a run came by.
        edit: What an experiment makes of the values that pass, after a load and before a save.
        announce: Told the place whenever a run comes by.
    """

    save: bool = False
    stop: bool = False
    load: bool = False
    data: dict[str, Any] = field(default_factory=dict)
    visits: int = 0
    edit: Callable[[dict[str, Any]], dict[str, Any]] | None = None
    announce: Callable[[str], None] | None = None


class PipelineStop(Exception):
    """A checkpoint ended the run, as it was told to."""

    def __init__(self, place: str) -> None:
        super().__init__(f"stopped at the checkpoint `{place}`")
        self.place = place


def visit(checkpoints: Mapping[str, Checkpoint] | None, place: str, **values: Any) -> tuple[Any, ...]:
    """Passes a place: loads, then saves, then stops, as the checkpoint of that name says.

    Args:
        checkpoints: Those of the run, by place; None or without the place, nothing happens.
        place: The name of the place.
        values: What passes here, by name.

    Returns:
        The values to go on with, in the order of `values`: the loaded ones in the dtype and on the device of those
        that they replace, or the values themselves.

    Raises:
        PipelineStop: If the checkpoint stops here.
        ParityError: If the checkpoint loads and its data lacks a name, has one too many, or a tensor of another shape.
    """
    checkpoint = (checkpoints or {}).get(place)
    if checkpoint is None:
        return tuple(values.values())
    checkpoint.visits += 1
    if checkpoint.announce is not None:
        checkpoint.announce(place)
    if checkpoint.load:
        values = _replace(place, values, checkpoint.data)
    if checkpoint.edit is not None:
        values = checkpoint.edit(dict(values))
    if checkpoint.save:
        # A load replaces what was loaded, a save what was saved before: tensors of two runs never lie side by side.
        checkpoint.data.clear()
        checkpoint.data.update({name: _copy(value) for name, value in values.items()})
    if checkpoint.stop:
        raise PipelineStop(place)
    return tuple(values.values())


def _replace(place: str, values: Mapping[str, Any], data: Mapping[str, Any]) -> dict[str, Any]:
    # Half an injection compares two different runs, so it is refused.
    if missing := [name for name in values if name not in data]:
        raise ParityError(
            f"The checkpoint `{place}` lacks {_quoted(missing)}. Save there on the other side, and load all of it."
        )
    if unknown := [name for name in data if name not in values]:
        raise ParityError(
            f"The checkpoint `{place}` has {_quoted(unknown)}, which nothing reads there; "
            f"what passes is {_quoted(list(values))}. Rename what the other side calls otherwise."
        )
    return {name: _as(place, name, data[name], value) for name, value in values.items()}


def _as(place: str, name: str, loaded: Any, value: Any) -> Any:
    if not (isinstance(loaded, torch.Tensor) and isinstance(value, torch.Tensor)):
        return loaded
    if loaded.shape != value.shape:
        raise ParityError(
            f"The checkpoint `{place}`: `{name}` is {tuple(loaded.shape)} and {tuple(value.shape)} is needed. "
            "Repack it into the layout of this side."
        )
    return loaded.detach().to(device=value.device, dtype=value.dtype, copy=True)


def _copy(value: Any) -> Any:
    if isinstance(value, torch.Tensor):
        return value.detach().to("cpu", copy=True)
    if isinstance(value, (list, tuple)) and not hasattr(value, "_fields"):
        return type(value)(_copy(each) for each in value)
    if isinstance(value, dict):
        return {key: _copy(each) for key, each in value.items()}
    return value


def _quoted(names: list[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)
