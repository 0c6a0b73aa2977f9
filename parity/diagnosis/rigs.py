"""A copy of a pipeline that experiments may change, with what they do to what passes its places and to its draws."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from typing import Any

import torch
from torch.overrides import TorchFunctionMode

from parity.pipelines.running import own_arguments, run_pipeline
from parity.pipelines.stages import Checkpoint


# Changes what passes a place.
Edit = Callable[[dict[str, Any]], dict[str, Any]]
# Draws random numbers in another way: the function of torch, its arguments and its keyword arguments.
Draw = Callable[[Callable[..., Any], tuple[Any, ...], dict[str, Any]], torch.Tensor]
# The names of functions of torch that draw from a generator.
DRAWING = frozenset({"rand", "randn", "rand_like", "randn_like", "normal", "normal_", "uniform_"})


@dataclass
class Rig:
    """One pipeline with its call.

    Attributes:
        name: What people call it.
        pipeline: The pipeline.
        arguments: Keyword arguments of its call.
        injected: What is put in place of its own values at `preloop`.
        edits: By place, what is done to what passes, in this order.
        draws: How random numbers are drawn, where not as the pipeline does.
    """

    name: str
    pipeline: Any
    arguments: dict[str, Any]
    injected: Mapping[str, Any] = field(default_factory=dict)
    edits: dict[str, list[Edit]] = field(default_factory=dict)
    draws: list[Callable[[], Draw]] = field(default_factory=list)

    def copied(self) -> Rig:
        """A rig that can be changed without changing this one."""
        edits = {place: list(each) for place, each in self.edits.items()}
        pipeline = copy.deepcopy(self.pipeline)
        return Rig(self.name, pipeline, own_arguments(self.arguments), self.injected, edits, list(self.draws))

    def edit(self, place: str, edit: Edit) -> None:
        """Has something done to what passes a place, after all else."""
        self.edits.setdefault(place, []).append(edit)

    def run(self, checkpoints: Mapping[str, Checkpoint], seed: int) -> Any:
        """Runs a copy once, so that nothing of a run reaches the next.

        Raises:
            ParityError: If the pipeline has no such place, or never passed one, or a load is not complete.
        """
        return self.copied().run_in_place(checkpoints, seed)

    def run_in_place(self, checkpoints: Mapping[str, Checkpoint], seed: int) -> Any:
        """Runs the pipeline itself; for a rig that is a copy."""
        own, edits = dict(checkpoints), dict(self.edits)
        if self.injected:
            edits["preloop"] = [lambda values: {**values, **_known(self.injected, values)}, *edits.get("preloop", [])]
        for place, each in edits.items():
            own[place] = replace(own.get(place, Checkpoint()), edit=_in_turn(each))
        with ExitStack() as stack:
            for make in self.draws:
                stack.enter_context(_OtherDraws(make()))
            return run_pipeline(self.pipeline, self.arguments, own, seed)


class _OtherDraws(TorchFunctionMode):
    """Draws random numbers in another way."""

    def __init__(self, draw: Draw) -> None:
        super().__init__()
        self._draw = draw

    def __torch_function__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        if getattr(func, "__name__", "") in DRAWING:
            return self._draw(func, args, dict(kwargs or {}))
        return func(*args, **(kwargs or {}))


def _known(injected: Mapping[str, Any], values: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name: each.to(values[name].dtype) if isinstance(values[name], torch.Tensor) else each
        for name, each in injected.items()
        if name in values
    }


def _in_turn(edits: list[Edit]) -> Edit:
    def edit(values: dict[str, Any]) -> dict[str, Any]:
        for each in edits:
            values = each(values)
        return values

    return edit
