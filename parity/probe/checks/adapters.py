"""LoRA: an adapter changes the output, its scale counts, and it survives saving."""

from __future__ import annotations

import inspect
import tempfile
from typing import Any

import torch
from peft import LoraConfig
from torch import nn

from parity.forwards.seeding import seeded
from parity.probe.checks.comparing import Broken, is_equal, require_equal
from parity.probe.specimen import SEED, Outputs, Specimen, run


_RANK = 2


def lora(specimen: Specimen, plain: Outputs) -> str | None:
    """Adds an adapter to the linear layers of the blocks."""
    model = specimen.make()
    # A layer in a list or a dictionary of modules belongs to a block.
    layers = [
        path
        for path, each in model.named_modules()
        if type(each) is nn.Linear and any(part.isdigit() for part in path.split("."))
    ]
    if not layers:
        raise Broken("the blocks have no linear layer that an adapter could be added to")
    with seeded(SEED):
        model.add_adapter(LoraConfig(r=_RANK, lora_alpha=_RANK, target_modules=layers, init_lora_weights=False))
    model.eval()
    adapted = run(model, specimen.inputs())
    if is_equal(plain, adapted):
        raise Broken("an adapter on all linear layers of the blocks changes nothing")
    scales = [name for name in inspect.signature(specimen.module_class.forward).parameters if _takes_scale(name)]
    if scales:
        _require_scale(specimen, model, scales[0], plain, adapted)
    with tempfile.TemporaryDirectory() as folder:
        model.save_lora_adapter(folder)
        loaded = specimen.make()
        # The file has the model's own names, without the name of a pipeline's component before them.
        loaded.load_lora_adapter(folder, prefix=None, use_safetensors=True)
        require_equal("the model with the loaded adapter", adapted, run(loaded.eval(), specimen.inputs()))
    return None if scales else "forward takes no scale"


def _takes_scale(name: str) -> bool:
    return name.endswith("attention_kwargs")


def _require_scale(specimen: Specimen, model: nn.Module, name: str, plain: Outputs, adapted: Outputs) -> None:
    def scaled(by: float) -> dict[str, torch.Tensor]:
        given: dict[str, Any] = {**specimen.inputs(), name: {"scale": by}}
        return run(model, given)

    without = scaled(0.0)
    if is_equal(adapted, without):
        raise Broken(f"the scale in `{name}` is ignored")
    require_equal(f"a scale of 0 in `{name}`", plain, without)
    require_equal("the adapter after another scale", adapted, run(model, specimen.inputs()))
