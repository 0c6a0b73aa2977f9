"""What devices share of a model: the sequence in context parallelism, the layers in tensor parallelism."""

from __future__ import annotations

from typing import Literal

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


class Shard(Node, frozen=True):
    """A linear layer of which each device holds a part: some of its outputs (`colwise`) or of its inputs (`rowwise`).

    The layers of a list of blocks are named at once, with `*` for the number. A packed layer joins several, and a
    device holds a part of each: `blocks` says how their widths relate, and without it the layer itself holds them.
    """

    layer: str
    style: Literal["colwise", "rowwise", "packed_colwise", "packed_rowwise"]
    blocks: tuple[int, ...] = ()
