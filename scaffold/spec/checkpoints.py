"""What lies in files: original weights, LoRAs, and the configurations that were published."""

from __future__ import annotations

from typing import Any, Literal

import msgspec

from scaffold.spec.node import Node


class KeyRule(Node, frozen=True):
    """One name of the original checkpoint and what it becomes, by default the same; `{}` stands for a block's number.

    Several `diffusers` names split the tensor along its first axis, into parts that are as large to each other as the
    numbers of `parts`, by default all equal. `swap_halves` exchanges its two halves, where the original keeps (shift,
    scale) and diffusers (scale, shift). With `rounds` equal parts are dealt out to the names in turn, so that each
    gets as many as there are rounds. With `ends`, such as `weight`, it is a rule for the names with each of them.
    `{last}` stands for the number of the last block alone, where such a rule comes before the one with `{}`. A rule
    with `beside` is about checkpoints that have this tensor, too; there it comes before another for the same name.
    """

    original: str
    diffusers: str | tuple[str, ...] | None = None
    parts: tuple[int, ...] = ()
    swap_halves: bool = False
    rounds: int | None = None
    ends: tuple[str, ...] = ()
    beside: str | None = None

    @property
    def targets(self) -> tuple[str, ...]:
        """The diffusers names as a tuple, however many there are."""
        if self.diffusers is None:
            return (self.original,)
        return (self.diffusers,) if isinstance(self.diffusers, str) else self.diffusers

    @property
    def tensors(self) -> tuple[tuple[str, tuple[str, ...]], ...]:
        """The full names that it is about: each of the original with what it becomes."""
        if not self.ends:
            return ((self.original, self.targets),)
        return tuple((f"{self.original}.{end}", tuple(f"{each}.{end}" for each in self.targets)) for end in self.ends)


class Measure(Node, frozen=True):
    """How a config entry shows in the shapes of an original checkpoint.

    Exactly one of: `size` (a tensor's name and axis, divided by `over` if given), `blocks` (how many numbers follow a
    name), `present` (whether a tensor exists), `numbers` (those of the blocks that have a tensor). An entry keeps its
    default where the size is the same as `unless`, and with `optional` where the tensor is missing. With `multiple`
    the entry is how many times this number the size is, with `root` the square root of it. With `value` the entry is
    this where the tensor is present, and its default where not.
    """

    size: tuple[str, int] | None = None
    over: tuple[str, int] | None = None
    unless: tuple[str, int] | None = None
    optional: bool = False
    multiple: int | None = None
    blocks: str | None = None
    present: str | None = None
    numbers: str | None = None
    root: bool = False
    value: str | None = None


class Telling(Node, frozen=True):
    """A tensor of original checkpoints whose shape tells the published configurations apart: each with the shape."""

    tensor: str
    shapes: dict[str, tuple[int, ...]]


class Weights(Node, frozen=True):
    """The original checkpoint's layout.

    Attributes:
        others: what the names of a file's other parts begin with.
        told_by: what a published configuration is known by, where `detect` cannot say all of it.
        unseen: config entries in which published configurations differ and files do not.
    """

    prefix: str
    rules: tuple[KeyRule, ...]
    detect: dict[str, Measure]
    others: tuple[str, ...] = ()
    told_by: Telling | None = None
    unseen: tuple[str, ...] = ()

    @property
    def knows_last(self) -> bool:
        """Whether the last block has rules of its own."""
        return any("{last}" in rule.original for rule in self.rules)

    @property
    def cuts(self) -> bool:
        """Whether a tensor of the original is something else than a tensor of diffusers under another name."""
        return any(len(rule.targets) > 1 or rule.swap_halves for rule in self.rules)


class Lora(Node, frozen=True):
    """The LoRA file formats that the family meets; `xlabs` are the names of the format that XLabs' trainer writes."""

    formats: tuple[Literal["peft", "kohya", "kohya_diffusers", "native", "xlabs"], ...]
    kohya_prefix: str
    native_prefixes: tuple[str, ...]
    xlabs: tuple[KeyRule, ...] = ()


class Published(Node, frozen=True):
    """A released configuration: where its numbers are from, and the entries that differ from the defaults."""

    source: str
    config: dict[str, Any] = msgspec.field(default_factory=dict)
