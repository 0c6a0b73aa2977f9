"""The language of architectures: the types that a YAML file of `templates/specs/` is read into."""

from __future__ import annotations

from typing import Any, Literal

import msgspec


class Node(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A mapping of the file; a key that its type does not list is an error."""


class ConfigEntry(Node, frozen=True):
    """One constructor argument of the model, and so one key of its saved config."""

    type: str
    doc: str
    default: Any


class Dimensions(Node, frozen=True):
    """Which config entry holds which size; every template asks here and none knows a config key by heart."""

    heads: str
    head_dim: str
    text: str
    in_channels: str
    out_channels: str
    patch: str
    mlp_ratio: str
    eps: str


class Rope(Node, frozen=True):
    """Rotary positions: one group of frequencies for each axis of the position ids."""

    kind: Literal["rope"]
    attribute: str
    axes: str
    theta: str


class TimestepGuidance(Node, frozen=True):
    """The vector that conditions every block: the timestep, and the guidance scale where the config asks for it.

    `scale` is the factor between the pipeline's timestep in [0, 1] and the sinusoid's argument.
    """

    kind: Literal["timestep_guidance"]
    attribute: str
    channels: str
    guidance: str
    scale: int


class LinearInput(Node, frozen=True):
    """A projection without bias from packed tokens to the model's width."""

    kind: Literal["linear"]
    attribute: str


class ContinuousHead(Node, frozen=True):
    """A norm whose scale and shift come from the conditioning vector, then a projection to the output channels."""

    kind: Literal["adaln_continuous"]
    norm: str
    projection: str


class Components(Node, frozen=True):
    """What stands around the blocks, each by the kind that names its folder under `templates/components/`."""

    position: Rope
    time: TimestepGuidance
    image: LinearInput
    text: LinearInput
    head: ContinuousHead


class ModulationSource(Node, frozen=True):
    """One layer that turns the conditioning vector into `sets` groups of modulation parameters.

    `argument` is the name under which a block's forward takes the result.
    """

    sets: int
    argument: str


class Modulation(Node, frozen=True):
    """Where shift, scale and gate come from, and in which order a group holds them."""

    kind: Literal["shared"]
    slots: tuple[str, ...]
    sources: dict[str, ModulationSource]


class Stream(Node, frozen=True):
    """One sequence of tokens inside a block: the forward argument that carries it, and what modulates it.

    `prefix` goes before the names of its variables; `clip_float16` keeps its residual inside float16's range.
    """

    argument: str
    modulation: str
    prefix: str = ""
    clip_float16: bool = False


class Sublayer(Node, frozen=True):
    """One step of a block program: `x = x + gate * op((1 + scale) * norm(x) + shift)`, for each stream it names.

    `norms` maps a stream to the attribute of its norm; `name` tells the sublayer's variables from the others'.
    """

    op: Literal["joint_attention", "parallel_attention", "feed_forward"]
    name: str
    attribute: str
    norms: dict[str, str]


class Stage(Node, frozen=True):
    """A list of equal blocks: how many, over which streams, and the program that each of them runs."""

    kind: Literal["apart", "joined"]
    attribute: str
    block: str
    count: str
    doc: str
    streams: dict[str, Stream]
    program: tuple[Sublayer, ...]

    @property
    def sources(self) -> tuple[str, ...]:
        """The modulation layers that its streams read, in order."""
        return tuple(stream.modulation for stream in self.streams.values())


class KeyRule(Node, frozen=True):
    """One name of the original checkpoint and what it becomes; `{}` stands for a block's number.

    Several `diffusers` names split the tensor into equal parts along its first axis; `swap_halves` exchanges its two
    halves, where the original keeps (shift, scale) and diffusers (scale, shift).
    """

    original: str
    diffusers: str | tuple[str, ...]
    swap_halves: bool = False

    @property
    def targets(self) -> tuple[str, ...]:
        """The diffusers names as a tuple, however many there are."""
        return (self.diffusers,) if isinstance(self.diffusers, str) else self.diffusers


class Measure(Node, frozen=True):
    """How a config entry shows in the shapes of an original checkpoint.

    Exactly one of: `size` (a tensor's name and axis, divided by `over` if given), `blocks` (how many numbers follow a
    name), `present` (whether a tensor exists).
    """

    size: tuple[str, int] | None = None
    over: tuple[str, int] | None = None
    blocks: str | None = None
    present: str | None = None


class Weights(Node, frozen=True):
    """The original checkpoint's layout."""

    prefix: str
    rules: tuple[KeyRule, ...]
    detect: dict[str, Measure]


class Published(Node, frozen=True):
    """A released configuration: where its numbers are from, and the entries that differ from the defaults."""

    source: str
    config: dict[str, Any] = {}


class Lora(Node, frozen=True):
    """The LoRA file formats that the family meets."""

    formats: tuple[Literal["peft", "kohya", "native"], ...]
    kohya_prefix: str
    native_prefixes: tuple[str, ...]


class Tiny(Node, frozen=True):
    """A configuration small enough for a test on CPU, and the sizes of its inputs (tokens; height and width)."""

    config: dict[str, Any]
    image_size: tuple[int, int]
    text_tokens: int


class Features(Node, frozen=True):
    """What the architecture can do beyond a plain forward."""

    kv_cache: bool
    context_parallel: bool


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


class Pipeline(Node, frozen=True):
    """How pictures are made with the model: its class, where its weights are published, the defaults of a call."""

    name: str
    checkpoint: str
    steps: int
    guidance_scale: float
    lora_loader: str
    prompt: Mistral3Chat
    latents: NormalizedPatches
    schedule: FittedShift
    references: TimeOffsetReferences


class Spec(Node, frozen=True):
    """An architecture, complete: everything that the templates need and nothing that they have to guess."""

    name: str
    title: str
    summary: str
    reference: str
    layout: Literal["double_single"]
    prefix: str
    model: str
    config: dict[str, ConfigEntry]
    dimensions: Dimensions
    components: Components
    modulation: Modulation
    stages: tuple[Stage, ...]
    features: Features
    skip_layerwise_casting: tuple[str, ...]
    weights: Weights
    lora: Lora
    published: dict[str, Published]
    pipeline: Pipeline
    tiny: Tiny

    @property
    def package(self) -> str:
        """The import name of the generated folder: `z-image` becomes `z_image`."""
        return self.name.replace("-", "_").replace(".", "_")

    @property
    def operations(self) -> tuple[str, ...]:
        """The kinds of sublayer that its programs use, each once; each is a folder of `templates/components/`."""
        return tuple(dict.fromkeys(step.op for stage in self.stages for step in stage.program))
