"""A small model that does what it declares, and others that do not, for the tests of `parity probe`."""

from __future__ import annotations

import os
import signal
import time
from typing import ClassVar

import torch
from diffusers import ConfigMixin, ModelMixin
from diffusers.configuration_utils import register_to_config
from torch import nn


class Block(nn.Module):
    def __init__(self, dim: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(dim)
        self.proj = nn.Linear(dim, dim)

    def forward(self, hidden_states: torch.Tensor) -> torch.Tensor:
        return hidden_states + self.proj(self.norm(hidden_states)).tanh()


class Honest(ModelMixin, ConfigMixin):
    _supports_gradient_checkpointing = True
    _no_split_modules: ClassVar = ["Block"]
    _repeated_blocks: ClassVar = ["Block"]
    _skip_layerwise_casting_patterns: ClassVar = ["proj_in"]

    @register_to_config
    def __init__(self, in_channels: int = 16, dim: int = 4096, num_layers: int = 48) -> None:
        super().__init__()
        self.proj_in = nn.Linear(in_channels, dim)
        self.blocks = nn.ModuleList(Block(dim) for _ in range(num_layers))
        self.gradient_checkpointing = False

    def forward(self, hidden_states: torch.Tensor, return_dict: bool = True) -> tuple[torch.Tensor]:
        hidden_states = self.proj_in(hidden_states)
        for block in self.blocks:
            if torch.is_grad_enabled() and self.gradient_checkpointing:
                hidden_states = self._gradient_checkpointing_func(block, hidden_states)
            else:
                hidden_states = block(hidden_states)
        return (hidden_states,)


class ForgetsCheckpoints(Honest):
    """Declares checkpointing by what it inherits, and computes its blocks as ever."""

    def forward(self, hidden_states: torch.Tensor, return_dict: bool = True) -> tuple[torch.Tensor]:
        hidden_states = self.proj_in(hidden_states)
        for block in self.blocks:
            hidden_states = block(hidden_states)
        return (hidden_states,)


class ReadsWeightsFromOutside(Honest):
    """Uses a layer's weight without calling the layer, so that offloading does not fetch it."""

    def forward(self, hidden_states: torch.Tensor, return_dict: bool = True) -> tuple[torch.Tensor]:
        hidden_states = nn.functional.linear(hidden_states, self.proj_in.weight, self.proj_in.bias)
        for block in self.blocks:
            hidden_states = block(hidden_states)
        return (hidden_states,)


class BreaksGraph(Honest):
    """Looks at a value in forward."""

    def forward(self, hidden_states: torch.Tensor, return_dict: bool = True) -> tuple[torch.Tensor]:
        if hidden_states.sum() > 0:
            hidden_states = 2 * hidden_states
        return super().forward(hidden_states)


class Misbehaves(Honest):
    """Hangs while it is compiled and takes its process down while it is cast."""

    def compile(self, *arguments: object, **options: object) -> None:
        time.sleep(600)

    def enable_layerwise_casting(self, *arguments: object, **options: object) -> None:
        os.kill(os.getpid(), signal.SIGSEGV)


class NeedsAnImage(Honest):
    """Takes what no name tells."""

    def forward(self, hidden_states: torch.Tensor, picture: object) -> tuple[torch.Tensor]:
        return super().forward(hidden_states + picture.mean(axis=7))
