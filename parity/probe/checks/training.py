"""Gradient checkpointing: the same gradients, and something is computed again for them."""

from __future__ import annotations

import torch
from torch import nn

from parity.probe.checks.comparing import Broken, Untestable, counting_layers, require_equal
from parity.probe.specimen import Outputs, Specimen, describe, run


def gradient_checkpointing(specimen: Specimen, plain: Outputs) -> None:
    """Compares all gradients, and counts the layers that run a second time."""
    try:
        expected, once = _gradients(specimen, specimen.make())
    except Exception as error:
        raise Untestable(f"it has no gradients here, without checkpointing either: {describe(error)}") from error
    model = specimen.make()
    model.enable_gradient_checkpointing()
    gradients, runs = _gradients(specimen, model)
    if runs <= once:
        raise Broken("nothing is computed again in the backward: forward does not checkpoint its blocks")
    require_equal("a gradient with checkpointing", expected, gradients)


def _gradients(specimen: Specimen, model: nn.Module) -> tuple[Outputs, int]:
    """The gradients of all parameters, and how many layers ran for them."""
    # Some classes checkpoint only while they train. Dropout, where there is any, draws the same in both runs.
    model.train()
    with counting_layers(model) as layers:
        outputs = run(model, specimen.inputs(), gradients=True)
        generator = torch.Generator().manual_seed(0)
        # A plain sum would hide what a normalisation cancels.
        total = sum(
            (output * torch.randn(output.shape, generator=generator)).sum()
            for output in outputs.values()
            if output.requires_grad
        )
        if not isinstance(total, torch.Tensor):
            raise ValueError("no output depends on a parameter")
        total.backward()  # type: ignore[no-untyped-call]
    found = {name: each.grad for name, each in model.named_parameters() if each.grad is not None}
    return found, len(layers)
