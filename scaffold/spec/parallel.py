"""Where context parallelism cuts the sequence over devices."""

from __future__ import annotations

from scaffold.spec.node import Node


class Split(Node, frozen=True):
    """What context parallelism cuts along `dim`: an argument of a module, or of the whole model (`""`).

    With `output` it is an entry of what the module returns, by its number. With `tensors` it is a tuple of so many.
    """

    argument: str | int
    dim: int
    dims: int
    module: str = ""
    output: bool = False
    tensors: int | None = None


class Gather(Node, frozen=True):
    """A module whose output is put together again along `dim`."""

    module: str
    dim: int
    dims: int


class ContextParallel(Node, frozen=True):
    """Where the sequence is cut over devices, and where it is whole again."""

    splits: tuple[Split, ...]
    gathers: tuple[Gather, ...]
