"""The models that the parity tests compare: one reference, faithful ports of it, and ports with one fault each."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import nn


class Reference(nn.Module):
    """A modulated layer: enough to hide a swap, an epsilon or a lost bias behind initial values."""

    def __init__(self, width: int = 8, eps: float = 1e-6, bias: bool = True) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(width, eps=eps)
        self.modulation = nn.Linear(width, 2 * width)
        self.out = nn.Linear(width, width, bias=bias)
        # What adaLN-zero models begin with: whatever the modulation does, it is silent.
        nn.init.zeros_(self.modulation.weight)
        nn.init.zeros_(self.modulation.bias)

    def modulate(self, x: torch.Tensor, first: torch.Tensor, second: torch.Tensor) -> torch.Tensor:
        return self.norm(x) * (1 + second) + first

    def forward(self, x: torch.Tensor, condition: torch.Tensor) -> torch.Tensor:
        shift, scale = self.modulation(condition).unsqueeze(1).chunk(2, dim=-1)
        return self.out(self.modulate(x, shift, scale))


class Port(Reference):
    pass


class SwappedModulation(Reference):
    def modulate(self, x: torch.Tensor, first: torch.Tensor, second: torch.Tensor) -> torch.Tensor:
        return super().modulate(x, second, first)


class AnotherEpsilon(Reference):
    def __init__(self, width: int = 8, eps: float = 1e-6) -> None:
        super().__init__(width, eps * 10)


class SkippedBias(Reference):
    def forward(self, x: torch.Tensor, condition: torch.Tensor) -> torch.Tensor:
        return super().forward(x, condition) - self.out.bias


class WithoutBias(Reference):
    def __init__(self, width: int = 8) -> None:
        super().__init__(width, bias=False)


class Renamed(Reference):
    def __init__(self, width: int = 8) -> None:
        super().__init__(width)
        self.norm_1 = self.norm
        del self.norm


class Wider(Reference):
    def __init__(self, width: int = 8) -> None:
        super().__init__(width)
        self.out = nn.Linear(width, width + 1)


class NotANumber(Reference):
    def forward(self, x: torch.Tensor, condition: torch.Tensor) -> torch.Tensor:
        return super().forward(x, condition) / 0.0 * 0.0


class AsksForGPU(Reference):
    def forward(self, x: torch.Tensor, condition: torch.Tensor) -> torch.Tensor:
        return super().forward(x.cuda(), condition)


class MadeOnGPU(Reference):
    def __init__(self, width: int = 8) -> None:
        super().__init__(width)
        self.cuda()


class Silent(Reference):
    def forward(self, x: torch.Tensor, condition: torch.Tensor) -> torch.Tensor:
        return super().forward(x, condition) * 0.0


class Upcast(Reference):
    def forward(self, x: torch.Tensor, condition: torch.Tensor) -> torch.Tensor:
        return super().forward(x, condition).float()


class Raising(Reference):
    def forward(self, x: torch.Tensor, condition: torch.Tensor) -> torch.Tensor:
        raise ValueError("heads do not divide the width")


class ChangesItsInput(Reference):
    """Faithful, but writes into what it is given; the other side must not see it."""

    def forward(self, x: torch.Tensor, condition: torch.Tensor) -> torch.Tensor:
        result = super().forward(x, condition)
        x.zero_()
        return result


class DrawsNoise(Reference):
    """Faithful, and uses the global generator, as some samplers do."""

    def forward(self, x: torch.Tensor, condition: torch.Tensor) -> torch.Tensor:
        return super().forward(x, condition) + torch.randn(x.shape)


class DropsOut(Reference):
    """Faithful as long as nobody trains it."""

    def forward(self, x: torch.Tensor, condition: torch.Tensor) -> torch.Tensor:
        return nn.functional.dropout(super().forward(x, condition), 0.5, training=self.training)


class EndsInNorm(Reference):
    """The sum of its output is zero whatever its weights are, and so is the gradient of that sum."""

    def forward(self, x: torch.Tensor, condition: torch.Tensor) -> torch.Tensor:
        return nn.functional.layer_norm(super().forward(x, condition), (8,))


class Empty(Reference):
    def forward(self, x: torch.Tensor, condition: torch.Tensor) -> torch.Tensor:
        return super().forward(x, condition)[:, :0]


class DetachesCondition(Reference):
    """Equal outputs, other gradients."""

    def forward(self, x: torch.Tensor, condition: torch.Tensor) -> torch.Tensor:
        return super().forward(x, condition.detach())


class KeepsNormInFloat32(Reference):
    _keep_in_fp32_modules = ("norm",)

    def modulate(self, x: torch.Tensor, first: torch.Tensor, second: torch.Tensor) -> torch.Tensor:
        assert self.norm.weight.dtype is torch.float32
        return (self.norm(x.float()) * (1 + second) + first).to(x.dtype)


@dataclass
class Streams:
    image: torch.Tensor
    hidden: tuple[torch.Tensor, dict[str, torch.Tensor]]
    label: str


class ManyOutputs(Reference):
    def forward(self, x: torch.Tensor, condition: torch.Tensor) -> Streams:
        result = super().forward(x, condition)
        return Streams(result, (x, {"double": 2 * result}), "image")


class ManyOutputsOneWrong(Reference):
    def forward(self, x: torch.Tensor, condition: torch.Tensor) -> Streams:
        result = super().forward(x, condition)
        return Streams(result, (x, {"double": 2.5 * result}), "image")


class LosesAnOutput(Reference):
    def forward(self, x: torch.Tensor, condition: torch.Tensor) -> dict[str, torch.Tensor]:
        return {"image": super().forward(x, condition)}


class BatchNormed(nn.Module):
    """Has a running variance, which must stay positive, and an integer buffer."""

    def __init__(self) -> None:
        super().__init__()
        self.norm = nn.BatchNorm1d(4)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.norm(x)


def not_a_class(*anything: object) -> None:
    """Stands here to be asked for."""


NOTHING = 3


def spoil_weights(state: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """A weight mapping that writes into what it is given."""
    state["norm.weight"].zero_()
    return state


def lose_patience(state: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """A weight mapping that raises."""
    raise ValueError("too many names")


class ForgetsBias(Reference):
    """Computes without the bias, which it has."""

    def forward(self, x: torch.Tensor, condition: torch.Tensor) -> torch.Tensor:
        return super().forward(x, condition) - self.out.bias


class Counts(Reference):
    """Keeps a sum between calls."""

    def forward(self, x: torch.Tensor, condition: torch.Tensor) -> torch.Tensor:
        self.total = getattr(self, "total", 1.1) + 0.1
        return super().forward(x, condition) * self.total


class TwoFaults(Reference):
    def __init__(self, width: int = 8, eps: float = 1e-6) -> None:
        super().__init__(width, 0.3)

    def modulate(self, x: torch.Tensor, first: torch.Tensor, second: torch.Tensor) -> torch.Tensor:
        return super().modulate(x, second, first)


class Stopped(Reference):
    """Somebody presses Ctrl-C while it runs."""

    def forward(self, x: torch.Tensor, condition: torch.Tensor) -> torch.Tensor:
        raise KeyboardInterrupt


class LosesContiguous(Reference):
    """The same numbers, and the caller's next `.view()` raises."""

    def forward(self, x: torch.Tensor, condition: torch.Tensor) -> torch.Tensor:
        return super().forward(x, condition).transpose(1, 2).contiguous().transpose(1, 2)


class StridesBesideOne(Reference):
    """With a single token, its stride is another one, which nobody can tell."""

    def forward(self, x: torch.Tensor, condition: torch.Tensor) -> torch.Tensor:
        result = super().forward(x, condition).transpose(0, 1)
        return result.clone(memory_format=torch.contiguous_format).transpose(0, 1)


class Expands(Reference):
    """Returns one number for many, which nobody can write into."""

    def forward(self, x: torch.Tensor, condition: torch.Tensor) -> torch.Tensor:
        return super().forward(x, condition)[..., :1].expand(-1, -1, 8)


class Repeats(Reference):
    def forward(self, x: torch.Tensor, condition: torch.Tensor) -> torch.Tensor:
        return super().forward(x, condition)[..., :1].repeat(1, 1, 8)


class LosesContiguousInside(Reference):
    """A layer reads what lies in pieces; what is returned does not show it."""

    def modulate(self, x: torch.Tensor, first: torch.Tensor, second: torch.Tensor) -> torch.Tensor:
        return super().modulate(x, first, second).transpose(1, 2).contiguous().transpose(1, 2)


class HasScriptedPart(Reference):
    """Faithful, with a part that no hook can be put on."""

    def __init__(self, width: int = 8) -> None:
        super().__init__(width)
        self.out = torch.jit.script(self.out)


class HasScriptedPartAndAnotherEpsilon(HasScriptedPart):
    def __init__(self, width: int = 8) -> None:
        super().__init__(width)
        self.norm.eps = 1e-5


class Pictures(nn.Module):
    """Returns a picture as a convolution gives it."""

    def __init__(self) -> None:
        super().__init__()
        self.out = nn.Conv2d(4, 4, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.out(x).contiguous()


class ChannelsLastPictures(Pictures):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return super().forward(x).contiguous(memory_format=torch.channels_last)
