"""How a model is trained: how noise and latents are mixed at a time, and what the output is compared with."""

from __future__ import annotations

from typing import Any, Literal

from scaffold.spec.node import Node


class Training(Node, frozen=True, tag_field="kind"):
    """What a training step does with clean latents."""

    @property
    def kind(self) -> str:
        """The templates of the step, a folder of `components/training/`."""
        return str(self.__struct_config__.tag)


class FlowTraining(Training, frozen=True, tag="flow"):
    """Latents and noise lie at the ends of a straight line; the model predicts the way from latents to noise.

    `noise_time` is the timestep that means pure noise; 0 means none.
    """

    noise_time: int


class ListFlowTraining(Training, frozen=True, tag="flow_lists"):
    """As `flow`, for latents that are a list and may differ in size; the model predicts the way from noise to latents.

    `time` is the argument of `forward` for the time, which runs from noise (0) to latents (1).
    """

    time: str


class DiffusionTraining(Training, frozen=True, tag="diffusion"):
    """A scheduler of diffusers, made with `arguments`, says how much noise a step of its schedule has.

    With `learns_variance` the second half of the output's channels is about the noise's variance, which the loss
    leaves alone.
    """

    scheduler: str
    arguments: dict[str, Any]
    predicts: Literal["noise", "velocity"]
    learns_variance: bool = False
