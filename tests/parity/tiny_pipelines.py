"""A tiny pipeline with checkpoints of its own, faulty relatives of it, and diffusers' Flux pipeline without."""

from __future__ import annotations

from typing import Any

import torch
from diffusers import AutoencoderKL, FlowMatchEulerDiscreteScheduler, FluxPipeline, FluxTransformer2DModel
from torch import Tensor, nn

from parity.pipelines.stages import visit


class Denoiser(nn.Module):
    """A small network of latents, time and text."""

    def __init__(self) -> None:
        super().__init__()
        self.mix = nn.Linear(8, 8)
        self.time = nn.Linear(1, 8)
        self.text = nn.Linear(4, 8)

    def forward(self, latents: Tensor, timestep: Tensor, prompt_embeds: Tensor) -> Tensor:
        return torch.tanh(self.mix(latents) + self.time(timestep.view(1, 1)) + self.text(prompt_embeds))


class Pipeline:
    """Text, noise, a flow-matching loop, a decoder; every place between them can be visited."""

    names = ("latents", "sigmas", "prompt_embeds")
    noise_dtype = torch.float32

    def __init__(self, seed: int = 0) -> None:
        with torch.random.fork_rng():
            torch.manual_seed(seed)
            self.text_encoder = nn.Embedding(16, 4)
            self.transformer = Denoiser()
            self.decoder = nn.Linear(8, 3)

    def noise(self) -> Tensor:
        return torch.randn(2, 8).to(self.noise_dtype)

    def schedule(self, steps: int) -> Tensor:
        return torch.linspace(1, 0, steps + 1)

    def mend(self, velocity: Tensor, step: int) -> Tensor:
        return velocity

    def __call__(self, prompt: int = 3, steps: int = 8, checkpoints: Any = None) -> Tensor:
        prompt_embeds = self.text_encoder(torch.tensor([prompt]))
        latents, sigmas = self.noise().float(), self.schedule(steps)
        names = dict(zip(self.names, (latents, sigmas, prompt_embeds), strict=True))
        latents, sigmas, prompt_embeds = visit(checkpoints, "preloop", **names)
        for step in range(steps):
            velocity = self.transformer(latents, sigmas[step], prompt_embeds)
            latents = latents + (sigmas[step + 1] - sigmas[step]) * self.mend(velocity, step)
            (latents,) = visit(checkpoints, f"step_{step}", latents=latents)
        (latents,) = visit(checkpoints, "decode", latents=latents)
        return self.decoder(latents)


class RoundedNoise(Pipeline):
    noise_dtype = torch.bfloat16


class OtherSchedule(Pipeline):
    def schedule(self, steps: int) -> Tensor:
        return torch.linspace(1, 0, steps + 1) ** 1.1


class Weaker(Pipeline):
    """Every step is wrong."""

    def mend(self, velocity: Tensor, step: int) -> Tensor:
        return 0.9 * velocity


class Stumbling(Pipeline):
    """One step is wrong."""

    def mend(self, velocity: Tensor, step: int) -> Tensor:
        return velocity + 0.01 * (step == 2)


class OtherDecoder(Pipeline):
    def __init__(self) -> None:
        super().__init__()
        with torch.no_grad():
            self.decoder.bias += 0.1


class Grained(Pipeline):
    """Every step is off by rounding."""

    def mend(self, velocity: Tensor, step: int) -> Tensor:
        return velocity * (1 + 1e-7)


class Spoiled(Pipeline):
    """Not finite from its third step on."""

    def mend(self, velocity: Tensor, step: int) -> Tensor:
        return velocity / (step != 2)


class AsksForGPU(Pipeline):
    def noise(self) -> Tensor:
        return super().noise().cuda()


class Painter(Pipeline):
    """Makes two pictures of 8 by 8 pixels."""

    def __call__(self, prompt: int = 3, steps: int = 8, checkpoints: Any = None) -> Tensor:
        colours = super().__call__(prompt, steps, checkpoints).sigmoid()
        return colours[..., None, None] * torch.linspace(0.5, 1, 64).view(8, 8)


class PalePainter(Painter):
    def mend(self, velocity: Tensor, step: int) -> Tensor:
        return 0.9 * velocity


class Broken:
    def __init__(self) -> None:
        raise OSError("no weights")


class Longer(Pipeline):
    def noise(self) -> Tensor:
        return torch.randn(3, 8)


class OtherNames(Pipeline):
    names = ("x", "sigmas", "prompt_embeds")


class Forgetful(Pipeline):
    """Visits no place, though it takes checkpoints."""

    def __call__(self, prompt: int = 3, steps: int = 8, checkpoints: Any = None) -> Tensor:
        return super().__call__(prompt, steps)


class Raising(Pipeline):
    def schedule(self, steps: int) -> Tensor:
        raise KeyboardInterrupt


def tiny_flux() -> Any:
    """diffusers' Flux pipeline, which knows nothing of checkpoints and has a callback; it is called with FLUX_CALL."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        transformer = FluxTransformer2DModel(
            in_channels=16,
            num_layers=1,
            num_single_layers=1,
            attention_head_dim=8,
            num_attention_heads=2,
            joint_attention_dim=8,
            pooled_projection_dim=8,
            axes_dims_rope=(2, 2, 4),
        )
        vae = AutoencoderKL(block_out_channels=(8,), norm_num_groups=4, shift_factor=0.1, use_quant_conv=False)
    scheduler = FlowMatchEulerDiscreteScheduler()
    pipeline = FluxPipeline(scheduler, vae, None, None, None, None, transformer)
    pipeline.set_progress_bar_config(disable=True)
    return pipeline


FLUX_CALL = {
    "prompt_embeds": torch.ones(1, 3, 8),
    "pooled_prompt_embeds": torch.ones(1, 8),
    "height": 8,
    "width": 8,
    "num_inference_steps": 4,
    "output_type": "pt",
}
