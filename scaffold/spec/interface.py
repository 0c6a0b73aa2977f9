"""What a model is called with: its constructor's arguments, and those of `forward`."""

from __future__ import annotations

from typing import Any

import msgspec

from scaffold.spec.node import Node


class ConfigEntry(Node, frozen=True):
    """One constructor argument of the model, and so one key of its saved config; with `kept` nothing reads it."""

    type: str
    doc: str
    default: Any
    kept: bool = False


class Draw(Node, frozen=True):
    """How a test makes a value for an argument of `forward`; sizes are formulas over config entries and `tiny.sizes`.

    Exactly one of: `normal` (a tensor of this shape), `values` (a tensor of these numbers), `grid` (the coordinates of
    every place of a grid of this shape, one row a place), `grid_batch` (the same for each element of the batch),
    `mask` (this shape, of which the last axis keeps a part), `sides` (no tensor, but for each of the batch a list with
    the sides of one picture), `each` (a list of tensors, one for each of the batch and of a shape of its own), `pair`
    (a tuple of two tensors of this shape).
    """

    normal: tuple[str | int, ...] = ()
    values: tuple[float, ...] = ()
    grid: tuple[str | int, ...] = ()
    grid_batch: tuple[str | int, ...] = ()
    mask: tuple[str | int, ...] = ()
    sides: tuple[str | int, ...] = ()
    each: tuple[tuple[str | int, ...], ...] = ()
    pair: tuple[str | int, ...] = ()


class Argument(Node, frozen=True):
    """One argument of the model's `forward`.

    Attributes:
        type: its annotation.
        doc: what it is, with its shape.
        default: left out for one that has to be given.
        draw: how a test makes one; without it tests leave the argument out.
        feature: the feature that the argument belongs to; without the feature it is not there.
    """

    type: str
    doc: str
    default: Any = msgspec.UNSET
    draw: Draw | None = None
    feature: str | None = None

    @property
    def required(self) -> bool:
        """Whether a caller has to give it."""
        return self.default is msgspec.UNSET
