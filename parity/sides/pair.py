"""A pair: two implementations, made with the same weights and given the same inputs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn

from parity.errors import ParityError
from parity.forwards.seeding import seeded
from parity.sides.checkpoints import read_tensors
from parity.sides.inputs import Argument, draw_inputs
from parity.sides.loading import build_module, check_forward_arguments
from parity.sides.mapping import WeightMapping
from parity.sides.weights import WeightMatch, cast_weights, draw_weights, match_weights


@dataclass(frozen=True)
class Side:
    """One of the two implementations.

    Attributes:
        path: Its import path, for people.
        module_class: Its class.
        config: Keyword arguments of the class.
        inputs: Arguments of its forward; the candidate's may be the reference's under other names.
    """

    path: str
    module_class: type[nn.Module]
    config: Mapping[str, Any]
    inputs: Mapping[str, Argument]


@dataclass(frozen=True)
class Pair:
    """Two sides and what makes them comparable.

    Attributes:
        reference: The implementation that is taken to be right.
        candidate: The one that is measured against it.
        mapping: Turns the reference's state dict into the candidate's; None where both have the same names.
        checkpoint: A safetensors file or folder with the reference's weights; None to draw them.
        seed: For weights, inputs and whatever the modules draw.
    """

    reference: Side
    candidate: Side
    mapping: WeightMapping | None = None
    checkpoint: Path | None = None
    seed: int = 0


@dataclass(frozen=True)
class Made:
    """A pair whose modules exist.

    Attributes:
        reference: The reference's module, in eval mode.
        candidate: The candidate's; it has the reference's weights if `weights` is complete.
        mapped: The state dict that the candidate was given, before any cast.
        weights: How the two state dicts fit.
    """

    reference: nn.Module
    candidate: nn.Module
    mapped: dict[str, torch.Tensor]
    weights: WeightMatch


def make_pair(pair: Pair, dtype: torch.dtype) -> Made:
    """Makes both modules, gives the candidate the reference's weights and casts both, as far as the weights fit.

    Raises:
        ParityError: If a class cannot be made from its config, a forward does not take its inputs, the checkpoint does
            not fit the reference, or the mapping cannot be applied.
    """
    for side in (pair.reference, pair.candidate):
        check_forward_arguments(side.path, side.module_class, side.inputs)
    reference, candidate = _build(pair.reference, pair.seed), _build(pair.candidate, pair.seed)
    if pair.checkpoint is None:
        draw_weights(reference, pair.seed)
    else:
        _load(reference, pair.reference.path, pair.checkpoint)
    state = reference.state_dict()
    mapped = pair.mapping.apply(state) if pair.mapping else dict(state)
    weights = match_weights(mapped, candidate.state_dict())
    if weights.is_complete:
        candidate.load_state_dict(mapped, strict=True)
        mapped = {name: tensor.clone() for name, tensor in mapped.items()}
        cast_weights(reference, dtype)
        cast_weights(candidate, dtype)
    return Made(reference, candidate, mapped, weights)


def draw_pair_inputs(pair: Pair, dtype: torch.dtype) -> tuple[dict[str, Any], dict[str, Any]]:
    """Draws the arguments of both forwards.

    Raises:
        ParityError: If the candidate is to take over an argument that the reference has not.
    """
    ours = draw_inputs(pair.reference.inputs, dtype, pair.seed)
    return ours, draw_inputs(pair.candidate.inputs, dtype, pair.seed, ours)


def _build(side: Side, seed: int) -> nn.Module:
    # Seeded, because what a class draws and does not save, such as a table of random frequencies, is never shared.
    with seeded(seed):
        return build_module(side.path, side.module_class, side.config)


def _load(reference: nn.Module, path: str, checkpoint: Path) -> None:
    tensors = read_tensors(checkpoint)
    match = match_weights(reference.state_dict(), tensors)
    if not match.is_complete:
        examples = [*match.missing, *match.unexpected, *(entry.key for entry in match.mismatched)]
        raise ParityError(
            f"{checkpoint}: does not fit {path}: {len(match.missing)} are missing, {len(match.unexpected)} have "
            f"no place, {len(match.mismatched)} have another shape, for example `{examples[0]}`. Compare the configs."
        )
    reference.load_state_dict(tensors, strict=True)
