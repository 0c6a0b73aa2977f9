"""A tiny pipeline of two stages with all that a port of one can get wrong, each as a method or a setting.

Its faults are subclasses, made from data in `benchmarks/parity_faults/pipeline.yaml`.
"""

from __future__ import annotations

from typing import Any

import torch
from diffusers import UniPCMultistepScheduler
from diffusers.configuration_utils import ConfigMixin, register_to_config
from torch import Tensor, nn
from torch.nn.functional import interpolate

from parity.pipelines.stages import visit


class Denoiser(nn.Module):
    """Latents, time, positions and text; it reads timesteps from 0 to 1000."""

    def __init__(self) -> None:
        super().__init__()
        self.mix, self.text = nn.Conv2d(4, 4, 3, padding=1), nn.Linear(6, 4)

    def forward(self, latents: Tensor, timestep: Tensor, grid_ids: Tensor, prompt_embeds: Tensor) -> Tensor:
        frequencies = 100 ** -torch.linspace(0, 1, 4)
        time = (timestep.float().view(-1, 1) * frequencies).cos()
        rows = (grid_ids.float()[..., :1] * frequencies).sin() + (grid_ids.float()[..., 1:] * frequencies).cos()
        places = rows.T.reshape(1, 4, *latents.shape[-2:])
        kind = latents.dtype
        scene = time.to(kind) + self.text(prompt_embeds)
        return torch.tanh(self.mix(latents + places.to(kind)) + scene[..., None, None])


class Decoder(nn.Module, ConfigMixin):
    """Twice the size, with or without the picture that went in."""

    config_name = "config.json"

    @register_to_config
    def __init__(self, upsample_residual: bool = True, scaling_factor: float = 0.5) -> None:
        super().__init__()
        self.grow, self.upsample_residual = nn.ConvTranspose2d(4, 3, 2, stride=2), upsample_residual
        self.scaling_factor, self.smooth = scaling_factor, False

    def forward(self, latents: Tensor) -> Tensor:
        latents = latents / self.scaling_factor
        picture: Tensor = self.grow(latents)
        if self.upsample_residual:
            picture = picture + interpolate(latents[:, :3], scale_factor=2)
        return picture.roll(1, -1) + picture if self.smooth else picture


class StagedPipeline:
    """Noise, two stages on one scheduler, a decoder."""

    patch_size = 2
    noise_dtype = torch.float32
    guided_until = 3
    order = 2

    def __init__(self) -> None:
        with torch.random.fork_rng():
            torch.manual_seed(3)
            self.transformer, self.decoder = Denoiser(), Decoder()
        self.scheduler = self.make_scheduler()
        self.seen = 0

    def make_scheduler(self) -> Any:
        return UniPCMultistepScheduler(
            prediction_type="flow_prediction", use_flow_sigmas=True, flow_shift=3.0, solver_order=self.order
        )

    def draw(self, shape: tuple[int, ...], generator: torch.Generator | None) -> Tensor:
        return torch.randn(shape, generator=generator)

    def noise(self, generator: torch.Generator | None) -> Tensor:
        """Noise that is the same within each patch in part, as that of pyramids is."""
        p = self.patch_size
        fine = self.draw((1, 4, 8, 8), generator)
        coarse = self.draw((1, 4, 8 // p, 8 // p), generator)
        mixed = 0.8 * fine + 0.6 * coarse.repeat_interleave(p, -1).repeat_interleave(p, -2)
        return mixed.to(self.noise_dtype).float()

    def grid(self) -> Tensor:
        # Far from the origin, where rounding matters.
        return torch.cartesian_prod(torch.arange(500.0, 508.0), torch.arange(300.0, 308.0))

    def embed(self, prompt: int) -> Tensor:
        return torch.cos(torch.arange(6.0) * (prompt + 0.37))[None]

    def time(self, timestep: Tensor) -> Tensor:
        return timestep.float() + 0.37

    def begin(self, stage: int, steps: int) -> None:
        self.scheduler.set_timesteps(steps)

    def guide(self, velocity: Tensor, step: int) -> Tensor:
        return 1.3 * velocity if step < self.guided_until else velocity

    def between(self, latents: Tensor) -> Tensor:
        return 0.9 * latents + 0.1 * latents.flip(-1)

    def keep(self, latents: Tensor) -> Tensor:
        return latents

    def __call__(
        self, prompt: int = 3, steps: int = 4, generator: torch.Generator | None = None, checkpoints: Any = None
    ) -> Tensor:
        latents, embeds, grid = self.noise(generator), self.embed(prompt), self.grid()
        latents, embeds, grid = visit(checkpoints, "preloop", latents=latents, prompt_embeds=embeds, grid_ids=grid)
        count, kind = 0, self.transformer.mix.weight.dtype
        for stage in range(2):
            self.begin(stage, steps)
            for timestep in self.scheduler.timesteps:
                inputs = latents.to(kind), self.time(timestep[None]), grid, embeds.to(kind)
                velocity = self.guide(self.transformer(*inputs), count).float()
                latents = self.keep(self.scheduler.step(velocity, timestep, latents, return_dict=False)[0])
                (latents,) = visit(checkpoints, f"step_{count}", latents=latents)
                count += 1
            if stage == 0:
                latents = self.between(latents)
        (latents,) = visit(checkpoints, "decode", latents=latents)
        return self.decoder(latents)
