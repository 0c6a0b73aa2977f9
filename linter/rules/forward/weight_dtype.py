"""FWD006 weight-dtype."""

from __future__ import annotations

import re
from collections.abc import Iterator

from linter.facts import FunctionFacts
from linter.findings import Finding
from linter.project import Module
from linter.rules.forward import GUIDE, ForwardRule, guard_texts, running


class WeightDtype(ForwardRule):
    """A forward casts to the dtype of a layer's weight.

    ## What it does
    Finds `.to(...)` with `layer.weight.dtype`, `layer.bias.dtype` or `next(layer.parameters()).dtype`, written there
    or kept in a variable first, in a forward and in what it reaches.

    ## Why is this bad?
    The weight of a quantised layer is stored as integers, one under layerwise casting as float8. The activation is
    cast to that, and the result is noise.

    ## Exceptions
    Casts under a condition on the dtype, a class that reads a parameter of its own, and LoRA layers, which keep the
    dtype that they are trained in.
    """

    code = "FWD006"
    name = "weight-dtype"
    guide = GUIDE
    bad = """
        import torch
        from torch import nn


        class TinyBlock(nn.Module):
            def forward(self, hidden_states: torch.Tensor, temb: torch.Tensor):
                return hidden_states + self.proj(temb.to(self.proj.weight.dtype))  #!
    """
    good = bad.replace("self.proj.weight.dtype", "hidden_states.dtype").replace("  #!", "")

    _WEIGHT = re.compile(r"(\w+\.(weight|bias)|parameters\(\)\)*|next\(\))\.dtype$")
    _OWN = re.compile(r"self\.(weight|bias)\.dtype$")

    def check(self, module: Module) -> Iterator[Finding]:
        for where in running(module):
            facts = where.function.facts
            if where.function.cls is not None and "LoRA" in where.function.cls.name:
                continue
            kept = {
                write.target
                for write in facts.writes
                if write.kind == "=" and self._is_weight(write.value) and not self._is_guarded(facts, write.guards)
            }
            for call in facts.calls:
                if call.method not in ("to", "type") or not call.receiver:
                    continue
                source = next(
                    (item.path for item in call.arguments if self._is_weight(item.path) or item.path in kept), ""
                )
                if source and not self._is_guarded(facts, call.guards):
                    message = f"a cast to `{source}`, the dtype of a weight; use the dtype of an activation"
                    yield self.told(module, where, call.span, message)

    def _is_weight(self, path: str) -> bool:
        return bool(self._WEIGHT.search(path)) and not self._OWN.match(path)

    def _is_guarded(self, facts: FunctionFacts, guards: tuple[int, ...]) -> bool:
        return any("dtype" in text for text in guard_texts(facts, guards))
