"""What each of several processes does that share a model: forwards of several models, one after the other."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from diffusers import ContextParallelConfig, TensorParallelConfig
from diffusers.hooks import tensor_parallel
from torch import nn
from torch.distributed.device_mesh import init_device_mesh

from scaffold.trial.program import import_model


RANKS = 2


@dataclass(frozen=True)
class Share:
    """A forward that the processes share.

    Attributes:
        folder: the generated folder that the model is from.
        model: its class.
        config: the arguments of its constructor.
        inputs: those of `forward`.
        how: `"tokens"` for context parallelism, `"uneven tokens"` for context parallelism that takes any length,
            `"layers"` for tensor parallelism; `"training"` for the gradients under context parallelism.
    """

    folder: Path
    model: str
    config: dict[str, Any]
    inputs: dict[str, Any]
    how: str

    def build(self) -> nn.Module:
        """The model, with every tensor drawn, so that no norm is neutral; the same in each process."""
        model = getattr(import_model(self.folder), self.model)(**self.config).eval()
        generator = torch.Generator().manual_seed(0)
        with torch.no_grad():
            for tensor in model.state_dict().values():
                tensor.copy_(torch.randn(tensor.shape, generator=generator) / 4)
        return model

    def run(self, model: nn.Module) -> torch.Tensor:
        """The output; samples of several sizes one after the other. In training, the gradients of all parameters."""
        if self.how == "training":
            model(**self.inputs, return_dict=False)[0].square().sum().backward()
            gradients = [each.grad for each in model.parameters() if each.grad is not None]
            return torch.cat([each.flatten() for each in gradients])
        with torch.no_grad():
            output = model(**self.inputs, return_dict=False)[0]
        return torch.cat([each.flatten() for each in output]) if isinstance(output, list) else output


def run_rank(rank: int, target: Path) -> None:
    """Run the forwards of `shares.pt`; `outputs{rank}.pt` gets what each gave, or the message of its error."""
    torch.set_num_threads(1)
    store = f"file://{target / 'store'}"
    torch.distributed.init_process_group("gloo", init_method=store, rank=rank, world_size=RANKS)
    # diffusers takes the remainder of the rank by the number of accelerators, and shares layers over some kinds only.
    torch.accelerator.device_count = lambda: RANKS
    tensor_parallel._SUPPORTED_TP_DEVICES = ("cpu",)
    outputs: dict[str, torch.Tensor | str] = {}
    for name, share in torch.load(target / "shares.pt", weights_only=False).items():
        model = share.build()
        try:
            model.enable_parallelism(config=_configured(share.how))
            outputs[name] = share.run(model)
        except (AssertionError, ValueError) as error:
            outputs[name] = str(error)
    torch.save(outputs, target / f"outputs{rank}.pt")
    # Who is done first waits: leaving would close the connection that the other still reads from.
    torch.distributed.barrier()
    torch.distributed.destroy_process_group()


def _configured(how: str) -> ContextParallelConfig | TensorParallelConfig:
    if how == "layers":
        return TensorParallelConfig(mesh=init_device_mesh("cpu", (RANKS,), mesh_dim_names=("tp",)))
    mesh = init_device_mesh("cpu", (1, RANKS), mesh_dim_names=("ring", "ulysses"))
    return ContextParallelConfig(ulysses_degree=RANKS, mesh=mesh, ulysses_anything=how == "uneven tokens")
