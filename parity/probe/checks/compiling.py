"""torch.compile: one graph without breaks, of the whole model and of its repeated blocks."""

from __future__ import annotations

import torch
from torch import nn

from parity.probe.checks.comparing import Broken, require_equal
from parity.probe.specimen import Outputs, Specimen, run


def compiled(specimen: Specimen, plain: Outputs) -> None:
    """Traces forward as one graph and runs what was traced."""
    model = specimen.make()
    torch.compiler.reset()
    model.compile(fullgraph=True, backend="eager")
    require_equal("the compiled model", plain, run(model, specimen.inputs()))


def compiled_blocks(specimen: Specimen, plain: Outputs) -> None:
    """Traces each class of repeated block as one graph."""
    model = specimen.make()
    torch.compiler.reset()
    model.compile_repeated_blocks(fullgraph=True, backend="eager")
    named = set(type(model)._repeated_blocks)
    if missing := sorted(named - {type(each).__name__ for each in _compiled(model)}):
        raise Broken(f"`_repeated_blocks` names {', '.join(missing)}, of which the model has none")
    require_equal("the model with compiled blocks", plain, run(model, specimen.inputs()))


def _compiled(model: nn.Module) -> list[nn.Module]:
    return [each for each in model.modules() if each._compiled_call_impl is not None]
