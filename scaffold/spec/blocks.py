"""The language of blocks: streams of tokens, and the program of sublayers that each block runs over them."""

from __future__ import annotations

from typing import Any, Literal

import msgspec

from scaffold.expressions import Expression
from scaffold.parts import Library, Part
from scaffold.spec.node import Node


class Stream(Node, frozen=True):
    """One sequence of tokens inside a block: the forward argument that carries it, and what modulates it.

    `prefix` goes before the names of its variables; `clip_float16` keeps its residual inside float16's range. `until`
    names an argument of the block that says whether the stream ends in it: it is still read there and not written.
    """

    argument: str
    modulation: Part
    prefix: str = ""
    clip_float16: bool = False
    until: str | None = None


class Step(Part):
    """One sublayer of a block program: for each stream it names, `x = x + gate * op(modulate(norm(x)))`.

    Attributes:
        kind: the operation.
        name: tells the sublayer's variables from the others'.
        modulated: whether the streams' modulation is about this step; if not, it adds its output as it is.
        when: a formula over the block's arguments; the block has the sublayer only where it holds.
        norms: the norm of each stream that takes part; `None` where the modulation brings it.
        norms_after: the norm of what the operation gives for a stream, where there is one.
    """

    name: str
    modulated: bool
    when: Expression | None
    norms: dict[str, Part | None]
    norms_after: dict[str, Part]

    @classmethod
    def from_yaml(cls, value: Any, key: str = "op") -> Step:
        """Read a mapping with the keys `op`, `name` and `norms`, and what the operation declares."""
        part = Part.from_yaml(value, key)
        name, norms = part.given.pop("name", None), part.given.pop("norms", None)
        modulated, when = part.given.pop("modulated", True), part.given.pop("when", None)
        after = part.given.pop("norms_after", {})
        if not isinstance(modulated, bool):
            raise TypeError("the key `modulated` of a step is true or false")
        if not isinstance(when, (str, type(None))):
            raise TypeError("the key `when` of a step is a formula over the block's arguments")
        if not isinstance(name, str):
            raise TypeError("a step has the key `name`, whose value is text")
        if not isinstance(norms, dict):
            raise TypeError("a step has the key `norms`, a mapping from its streams to their norms")
        if not isinstance(after, dict):
            raise TypeError("the key `norms_after` of a step is a mapping from its streams to norms")
        step = cls(part.kind, part.given)
        step.name = name
        step.modulated = modulated
        step.when = None if when is None else Expression(when)
        step.norms = {stream: None if norm is None else Part.from_yaml(norm) for stream, norm in norms.items()}
        step.norms_after = {stream: Part.from_yaml(norm) for stream, norm in after.items()}
        return step

    def bound(self, library: Library, slot: str, prefixes: dict[str, str] | None = None) -> Step:
        """The same step, its norms too, with all parameters read."""
        step = Step(self.kind, self.given, slot, library.declaration(slot, self.kind), prefixes)
        step.name = self.name
        step.modulated = self.modulated
        step.when = self.when
        step.norms = {stream: norm and norm.bound(library, "norm") for stream, norm in self.norms.items()}
        step.norms_after = {stream: norm.bound(library, "norm") for stream, norm in self.norms_after.items()}
        return step


class Stage(Node, frozen=True):
    """A list of equal blocks: how many, over which streams, and the program that each of them runs.

    Attributes:
        arguments: what the block's constructor takes, each with the formula that the model gives it; `index` in it is
            the block's place in the list.
        also: further lists of these blocks, such as refiners, by attribute, each with the formula of its length.
        takes: what the block's forward takes beside the streams, in order, each with its kind.
    """

    kind: Literal["apart", "joined", "joined_video_first", "alone"]
    attribute: str
    block: str
    count: str
    doc: str
    arguments: dict[str, str | int | float]
    streams: dict[str, Stream]
    takes: dict[str, Literal["tensor", "optional", "size", "mask", "rotary", "kwargs"]]
    program: tuple[Step, ...]
    also: dict[str, str] = msgspec.field(default_factory=dict)

    @property
    def lists(self) -> dict[str, str]:
        """The length of every list of these blocks by attribute, the stage's own first."""
        return {self.attribute: self.count, **self.also}

    @property
    def numbered(self) -> bool:
        """Whether blocks differ by their place in the list."""
        return any("index" in Expression(formula).names for formula in self.arguments.values())

    def condition(self, step: Step) -> Expression | None:
        """Where a block has this sublayer, as a formula over its arguments; `None` for everywhere."""
        ends = {self.streams[name].until for name in step.norms}
        conditions = [] if None in ends else [f"not {end}" for end in sorted(filter(None, ends))]
        if step.when:
            conditions.insert(0, step.when)
        return Expression(" and ".join(conditions)) if conditions else None

    @property
    def switches(self) -> tuple[str, ...]:
        """The arguments of the block's constructor by which its forward differs."""
        conditions = [self.condition(step) for step in self.program]
        names = [name for condition in conditions if condition for name in condition.names]
        return tuple(dict.fromkeys(names + [stream.until for stream in self.streams.values() if stream.until]))
