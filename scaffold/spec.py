"""The language of architectures: the types that a YAML file of `templates/specs/` is read into."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Literal

import msgspec

from scaffold.expressions import Expression
from scaffold.parts import Library, Part


class Node(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A mapping of the file; a key that its type does not list is an error."""


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
    the sides of one picture).
    """

    normal: tuple[str | int, ...] = ()
    values: tuple[float, ...] = ()
    grid: tuple[str | int, ...] = ()
    grid_batch: tuple[str | int, ...] = ()
    mask: tuple[str | int, ...] = ()
    sides: tuple[str | int, ...] = ()


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
    """

    name: str
    modulated: bool
    when: Expression | None
    norms: dict[str, Part | None]

    @classmethod
    def from_yaml(cls, value: Any, key: str = "op") -> Step:
        """Read a mapping with the keys `op`, `name` and `norms`, and what the operation declares."""
        part = Part.from_yaml(value, key)
        name, norms = part.given.pop("name", None), part.given.pop("norms", None)
        modulated, when = part.given.pop("modulated", True), part.given.pop("when", None)
        if not isinstance(modulated, bool):
            raise TypeError("the key `modulated` of a step is true or false")
        if not isinstance(when, (str, type(None))):
            raise TypeError("the key `when` of a step is a formula over the block's arguments")
        if not isinstance(name, str):
            raise TypeError("a step has the key `name`, whose value is text")
        if not isinstance(norms, dict):
            raise TypeError("a step has the key `norms`, a mapping from its streams to their norms")
        step = cls(part.kind, part.given)
        step.name = name
        step.modulated = modulated
        step.when = None if when is None else Expression(when)
        step.norms = {stream: None if norm is None else Part.from_yaml(norm) for stream, norm in norms.items()}
        return step

    def bound(self, library: Library, slot: str, prefixes: dict[str, str] | None = None) -> Step:
        """The same step, its norms too, with all parameters read."""
        step = Step(self.kind, self.given, slot, library.declaration(slot, self.kind), prefixes)
        step.name = self.name
        step.modulated = self.modulated
        step.when = self.when
        step.norms = {stream: norm and norm.bound(library, "norm") for stream, norm in self.norms.items()}
        return step


class Stage(Node, frozen=True):
    """A list of equal blocks: how many, over which streams, and the program that each of them runs.

    Attributes:
        arguments: what the block's constructor takes, each with the formula that the model gives it; `index` in it is
            the block's place in the list.
        takes: what the block's forward takes beside the streams, in order, each with its kind.
    """

    kind: Literal["apart", "joined", "alone"]
    attribute: str
    block: str
    count: str
    doc: str
    arguments: dict[str, str | int | float]
    streams: dict[str, Stream]
    takes: dict[str, Literal["tensor", "size", "mask", "rotary", "kwargs"]]
    program: tuple[Step, ...]

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


class KeyRule(Node, frozen=True):
    """One name of the original checkpoint and what it becomes; `{}` stands for a block's number.

    Several `diffusers` names split the tensor along its first axis, into parts that are as large to each other as the
    numbers of `parts`, by default all equal. `swap_halves` exchanges its two halves, where the original keeps (shift,
    scale) and diffusers (scale, shift). With `ends`, such as `weight`, it is a rule for the names with each of them.
    `{last}` stands for the number of the last block alone, where such a rule comes before the one with `{}`.
    """

    original: str
    diffusers: str | tuple[str, ...]
    parts: tuple[int, ...] = ()
    swap_halves: bool = False
    ends: tuple[str, ...] = ()

    @property
    def targets(self) -> tuple[str, ...]:
        """The diffusers names as a tuple, however many there are."""
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


class Weights(Node, frozen=True):
    """The original checkpoint's layout; `others` are what the names of a file's other parts begin with."""

    prefix: str
    rules: tuple[KeyRule, ...]
    detect: dict[str, Measure]
    others: tuple[str, ...] = ()

    @property
    def knows_last(self) -> bool:
        """Whether the last block has rules of its own."""
        return any("{last}" in rule.original for rule in self.rules)

    @property
    def cuts(self) -> bool:
        """Whether a tensor of the original is something else than a tensor of diffusers under another name."""
        return any(len(rule.targets) > 1 or rule.swap_halves for rule in self.rules)


class Published(Node, frozen=True):
    """A released configuration: where its numbers are from, and the entries that differ from the defaults."""

    source: str
    config: dict[str, Any] = {}


class Lora(Node, frozen=True):
    """The LoRA file formats that the family meets; `xlabs` are the names of the format that XLabs' trainer writes."""

    formats: tuple[Literal["peft", "kohya", "native", "xlabs"], ...]
    kohya_prefix: str
    native_prefixes: tuple[str, ...]
    xlabs: tuple[KeyRule, ...] = ()


class Tiny(Node, frozen=True):
    """A configuration small enough for a test on CPU, and the sizes that the `draw` of an argument reads."""

    config: dict[str, Any]
    sizes: dict[str, int]


class Features(Node, frozen=True):
    """What the architecture can do beyond a plain forward."""

    kv_cache: bool = False
    controlnet: bool = False
    fused_projections: bool = True
    ip_adapter: bool = False


class Split(Node, frozen=True):
    """What context parallelism cuts along `dim`: an argument of a module, or of the whole model (`""`).

    With `output` it is an entry of what the module returns, by its number.
    """

    argument: str | int
    dim: int
    dims: int
    module: str = ""
    output: bool = False


class Gather(Node, frozen=True):
    """A module whose output is put together again along `dim`."""

    module: str
    dim: int
    dims: int


class ContextParallel(Node, frozen=True):
    """Where the sequence is cut over devices, and where it is whole again."""

    splits: tuple[Split, ...]
    gathers: tuple[Gather, ...]


class Mistral3Chat(Node, frozen=True):
    """Prompt embeddings: hidden states of a Mistral3 that reads `system_message` and the prompt as a chat.

    `layers` are those whose outputs stand side by side; a prompt is padded or cut to `max_length` tokens.
    """

    kind: Literal["mistral3_chat"]
    encoder: str
    layers: tuple[int, ...]
    max_length: int
    system_message: str


class NormalizedPatches(Node, frozen=True):
    """Latents that are folded 2 x 2 into tokens and normalised by statistics that the VAE keeps.

    `scale_factor` is how many pixels a side of one latent spans, `sample_size` how many latents a side the default
    picture has.
    """

    kind: Literal["normalized_patches"]
    vae: str
    scale_factor: int
    sample_size: int


class ShiftFit(Node, frozen=True):
    """The schedule's shift at one number of steps: `slope * tokens + intercept`."""

    steps: int
    slope: float
    intercept: float


class FittedShift(Node, frozen=True):
    """A schedule whose shift runs straight between two fits; beyond `max_tokens` the second holds for any steps."""

    kind: Literal["fitted_shift"]
    scheduler: str
    fits: tuple[ShiftFit, ShiftFit]
    max_tokens: int


class TimeOffsetReferences(Node, frozen=True):
    """Reference images whose tokens join the picture's, `time_step` apart on the time axis.

    Sides are in pixels; an image of more than `max_side * max_side` is shrunk.
    """

    kind: Literal["time_offset"]
    min_side: int
    max_side: int
    max_aspect_ratio: int
    time_step: int


class ClipT5(Node, frozen=True):
    """Prompt embeddings: of each token by a T5, padded or cut to `max_length`, and of the whole by a CLIP, pooled."""

    kind: Literal["clip_t5"]
    max_length: int


class ScaledPatches(Node, frozen=True):
    """Latents that are folded 2 x 2 into tokens, shifted and scaled by two numbers of the VAE's config.

    `scale_factor` and `sample_size` are those of `NormalizedPatches`.
    """

    kind: Literal["scaled_patches"]
    vae: str
    scale_factor: int
    sample_size: int


class LinearShift(Node, frozen=True):
    """A schedule whose shift grows with the number of tokens, straight through the two of the scheduler's config."""

    kind: Literal["linear_shift"]
    scheduler: str


class Umt5(Node, frozen=True):
    """Prompt embeddings: what a UMT5 makes of each token of a prompt; what pads it to `max_length` tokens is zero."""

    kind: Literal["umt5"]
    encoder: str
    max_length: int


class NormalizedVideo(Node, frozen=True):
    """Latents of a video, normalised by the mean and deviation of every channel that the VAE's config keeps.

    One latent spans `scale_factor` pixels a side and `frames_factor` frames; `height`, `width` and `frames` are those
    of the default video.
    """

    kind: Literal["normalized_video"]
    vae: str
    scale_factor: int
    frames_factor: int
    height: int
    width: int
    frames: int


class Flow(Node, frozen=True):
    """A schedule that is the scheduler's own, whatever the size."""

    kind: Literal["flow"]
    scheduler: str


class Pipeline(Node, frozen=True, tag_field="kind"):
    """How pictures are made with the model: its class, where its weights are published, the defaults of a call."""

    name: str
    checkpoint: str
    steps: int
    guidance_scale: float
    lora_loader: str

    @property
    def kind(self) -> str:
        """The shell of the pipeline, a template of `pipelines/`."""
        return str(self.__struct_config__.tag)


class ReferencesPipeline(Pipeline, frozen=True, tag="references"):
    """Pictures from a prompt and from reference images."""

    prompt: Mistral3Chat
    latents: NormalizedPatches
    schedule: FittedShift
    references: TimeOffsetReferences


class TextPipeline(Pipeline, frozen=True, tag="text"):
    """Pictures from a prompt, and away from a negative one."""

    prompt: ClipT5
    latents: ScaledPatches
    schedule: LinearShift


class VideoPipeline(Pipeline, frozen=True, tag="video"):
    """Videos from a prompt, and away from a negative one."""

    prompt: Umt5
    latents: NormalizedVideo
    schedule: Flow


class Spec(Node, frozen=True, kw_only=True):
    """An architecture, complete: everything that the templates need and nothing that they have to guess.

    Attributes:
        config: the constructor's arguments, in order.
        custom: a folder of components of the spec's own, beside its file, laid out as `templates/components/`.
        counterpart: the class of diffusers that the model equals, to the last bit.
        predicts: what the model's output is about.
        lora_scale: the argument of `forward` whose `scale` sets the strength of a LoRA.
        ignore_on_load: parts of names in published checkpoints that nothing reads.
        derived: attributes that the constructor computes first, each with its formula; later formulas may read them.
        forward: the arguments of `forward`, in order.
        components: what stands around the blocks, by slot, in the order in which the constructor builds it; the blocks
            come before the `head`.
    """

    name: str
    title: str
    summary: str
    reference: str
    layout: str
    prefix: str
    model: str
    config: dict[str, ConfigEntry]
    derived: dict[str, str]
    forward: dict[str, Argument]
    components: dict[str, Part]
    stages: tuple[Stage, ...]
    features: Features
    skip_layerwise_casting: tuple[str, ...]
    keep_in_float32: tuple[str, ...] = ()
    ignore_on_load: tuple[str, ...] = ()
    tiny: Tiny
    weights: Weights | None = None
    lora: Lora | None = None
    published: dict[str, Published] = {}
    lora_scale: str | None = None
    predicts: str = "the velocity"
    counterpart: str | None = None
    custom: str | None = None
    context_parallel: ContextParallel | None = None
    pipeline: ReferencesPipeline | TextPipeline | VideoPipeline | None = None

    @property
    def needs(self) -> tuple[str, ...]:
        """The folders of classes that its components are written with, each once."""
        return tuple(dict.fromkeys(need for _, _, part in self.parts() for need in part.needs))

    @property
    def library_imports(self) -> tuple[tuple[str, str], ...]:
        """Classes of other libraries that a program names itself: module and name."""
        found = {getattr(step, "class") for step in self.steps if step.kind == "use"}
        return tuple(sorted((name.rpartition(".")[0], name.rpartition(".")[2]) for name in found))

    @property
    def kept(self) -> tuple[str, ...]:
        """The config entries that checkpoints bring and nothing reads."""
        return tuple(name for name, entry in self.config.items() if entry.kept)

    @property
    def package(self) -> str:
        """The import name of the generated folder: `z-image` becomes `z_image`."""
        return self.name.replace("-", "_").replace(".", "_")

    @property
    def steps(self) -> tuple[Step, ...]:
        """The sublayers of all programs."""
        return tuple(step for stage in self.stages for step in stage.program)

    @property
    def classes(self) -> tuple[Step, ...]:
        """One step for each class of layer of the folder's own that the programs use."""
        first: dict[str, Step] = {}
        for step in self.steps:
            name = getattr(step, "class", None)
            if name is not None and step.kind != "use":
                first.setdefault(name, step)
        return tuple(first.values())

    def type_of(self, formula: str | int | float) -> str:
        """The annotation of a value: that of the config entry where the formula is just its name."""
        entry = self.config.get(str(formula))
        if entry:
            return entry.type
        return "bool" if Expression(formula).is_condition else "int"

    @property
    def arguments(self) -> dict[str, Argument]:
        """The arguments of `forward` that its features leave, in order."""
        on = {name for name in self.features.__struct_fields__ if getattr(self.features, name)}
        return {
            name: argument
            for name, argument in self.forward.items()
            if argument.feature is None or argument.feature in on
        }

    def parts(self) -> Iterator[tuple[tuple[str | int, ...], str, Part]]:
        """Every component with its place in the file and its slot."""
        for slot, part in self.components.items():
            yield ("components", slot), slot, part
        for index, stage in enumerate(self.stages):
            for name, stream in stage.streams.items():
                yield ("stages", index, "streams", name, "modulation"), "stream_modulation", stream.modulation
            for position, step in enumerate(stage.program):
                place = ("stages", index, "program", position)
                yield place, "sublayer", step
                for name, norm in step.norms.items():
                    if norm is not None:
                        yield (*place, "norms", name), "norm", norm

    def bound(self, library: Library) -> Spec:
        """The same spec with every component bound to what its kind declares; it has been checked."""
        prefixes = dict.fromkeys(self.derived, "self.")
        stages = tuple(
            msgspec.structs.replace(
                stage,
                arguments={name: Expression(value).renamed(prefixes) for name, value in stage.arguments.items()},
                streams={
                    name: msgspec.structs.replace(
                        stream, modulation=stream.modulation.bound(library, "stream_modulation")
                    )
                    for name, stream in stage.streams.items()
                },
                program=tuple(step.bound(library, "sublayer") for step in stage.program),
            )
            for stage in self.stages
        )
        components = {slot: part.bound(library, slot, prefixes) for slot, part in self.components.items()}
        custom = str(library.custom) if library.custom else None
        return msgspec.structs.replace(self, components=components, stages=stages, custom=custom)
