"""Parallelism: two processes that share the tokens, or the layers, give the numbers of one."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import tempfile
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import torch
from diffusers import ContextParallelConfig, TensorParallelConfig
from diffusers.hooks import tensor_parallel
from torch import nn
from torch.distributed.device_mesh import init_device_mesh

from parity.forwards.outputs import named_tensors
from parity.forwards.seeding import seeded
from parity.probe.checks.comparing import Broken, Untestable, require_equal
from parity.probe.specimen import SEED, Outputs, Specimen, describe


_RANKS = 2
_PATIENCE_S = 60

_Share = Callable[[Any], None]
"""Divides a model among the processes."""


def shares_tokens(specimen: Specimen, plain: Outputs) -> None:
    """Runs Ulysses on two gloo processes."""
    _require_parts(specimen.make())
    _run_on_two(specimen, plain, _share_tokens)


def shares_layers(specimen: Specimen, plain: Outputs) -> None:
    """Cuts the layers that `_tp_plan` names over two gloo processes."""
    _run_on_two(specimen, plain, _share_layers)


def _share_tokens(model: Any) -> None:
    mesh = init_device_mesh("cpu", (1, _RANKS), mesh_dim_names=("ring", "ulysses"))
    model.enable_parallelism(config=ContextParallelConfig(ulysses_degree=_RANKS, mesh=mesh))


def _share_layers(model: Any) -> None:
    before = _local_size(model)
    model.enable_parallelism(config=TensorParallelConfig(mesh=init_device_mesh("cpu", (_RANKS,))))
    if _local_size(model) == before:
        raise Broken("the plan cuts no layer of the model: each process holds all weights")


def _local_size(model: nn.Module) -> int:
    """How many numbers of the model this process holds."""
    parts = (each.to_local() if hasattr(each, "to_local") else each for each in model.parameters())
    return sum(each.numel() for each in parts)


def _run_on_two(specimen: Specimen, plain: Outputs, share: _Share) -> None:
    if not hasattr(os, "fork"):
        raise Untestable("two processes are made by fork, which this system lacks")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        # Each rank is a copy of this process, in which everything is imported.
        context = multiprocessing.get_context("fork")
        ranks = [context.Process(target=_run_rank, args=(rank, folder, specimen, share)) for rank in range(_RANKS)]
        for process in ranks:
            process.start()
        for process in ranks:
            process.join(_PATIENCE_S)
        stuck = [process for process in ranks if process.is_alive()]
        for process in stuck:
            process.kill()
            process.join()
        if (problem := folder / "problem").exists():
            raise Broken(problem.read_text(encoding="utf-8"))
        if stuck:
            raise Broken(f"the two processes wait for each other for more than {_PATIENCE_S} s")
        for rank in range(_RANKS):
            require_equal("the model on two processes", plain, _read(folder, rank, plain))


def _require_parts(model: Any) -> None:
    """Makes sure that the model has what its plan names."""
    for path in model._cp_plan:
        try:
            model.get_submodule(path.partition(".*")[0])
        except AttributeError:
            if any(part.isdigit() for part in path.split(".")):
                raise Untestable(f"the plan is for more blocks than a tiny model has: it names `{path}`") from None
            raise Broken(f"the plan names `{path}`, which the model does not have") from None


def _read(folder: Path, rank: int, plain: Outputs) -> Outputs:
    file = folder / f"outputs{rank}.pt"
    if not file.exists():
        raise Broken("a process ended without a result")
    outputs: list[torch.Tensor] = torch.load(file, weights_only=True)
    # A tuple has no names.
    return dict(zip(plain, outputs, strict=True)) if len(plain) == len(outputs) else {}


def _run_rank(rank: int, folder: Path, specimen: Specimen, share: _Share) -> None:
    try:
        outputs = _outputs(rank, folder, specimen, share)
    except Exception as error:
        # The first of the two knows; what the other then says of the lost connection is of no interest.
        with contextlib.suppress(FileExistsError), open(folder / "problem", "x", encoding="utf-8") as file:
            file.write(str(error) if isinstance(error, Broken) else describe(error))
        os._exit(1)
    torch.save(outputs, folder / f"outputs{rank}.pt")
    # Who is done first waits: leaving would close the connection that the other still reads from.
    torch.distributed.barrier()
    os._exit(0)


def _outputs(rank: int, folder: Path, specimen: Specimen, share: _Share) -> list[torch.Tensor]:
    torch.distributed.init_process_group(
        "gloo",
        init_method=f"file://{folder / 'store'}",
        rank=rank,
        world_size=_RANKS,
        timeout=timedelta(seconds=_PATIENCE_S // 2),
    )
    # `enable_parallelism` divides by the number of accelerators, and has layers cut on these only; here are none. This
    # process ends with the check.
    torch.accelerator.device_count = lambda: _RANKS
    tensor_parallel._SUPPORTED_TP_DEVICES = ("cpu",)
    model: Any = specimen.make()
    share(model)
    with seeded(SEED), torch.no_grad():
        # The hooks that split know tuples only.
        returned = model(**specimen.inputs(), return_dict=False)
    return [leaf for _, leaf in named_tensors(returned) if isinstance(leaf, torch.Tensor)]
