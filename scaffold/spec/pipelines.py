"""How pictures and videos are made with a model."""

from __future__ import annotations

from typing import Literal

from scaffold.spec.node import Node


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
