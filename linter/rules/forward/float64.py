"""FWD005 float64."""

from __future__ import annotations

import re
from collections.abc import Iterator

from linter.facts import Call, FunctionFacts
from linter.findings import Finding
from linter.project import Module
from linter.rules.forward import GUIDE, ForwardRule, given_by_bare_name, guard_texts, running


class Float64(ForwardRule):
    """A forward computes in float64 where the device may not have it.

    ## What it does
    Finds `torch.float64`, `torch.double` and `.double()` in a forward and in what it reaches, unless a condition on
    the device or `maybe_adjust_dtype_for_device` guards them.

    ## Why is this bad?
    MPS and some NPUs have no float64: the model raises there. Elsewhere it is many times slower.

    ## Exceptions
    Comparisons with a dtype, and tensors that are made on the CPU.
    """

    code = "FWD005"
    name = "float64"
    guide = GUIDE
    bad = """
        import torch
        from torch import nn


        class TinyRotary(nn.Module):
            def forward(self, ids: torch.Tensor):
                return torch.outer(ids, torch.arange(0, 8, dtype=torch.float64, device=ids.device))  #!
    """
    good = """
        import torch
        from diffusers.utils.torch_utils import maybe_adjust_dtype_for_device
        from torch import nn


        class TinyRotary(nn.Module):
            def forward(self, ids: torch.Tensor):
                dtype = maybe_adjust_dtype_for_device(torch.float64, ids.device)
                return torch.outer(ids, torch.arange(0, 8, dtype=dtype, device=ids.device))
    """

    _GUARD = re.compile(r"mps|npu|xla|cuda|neuron|hpu|device|float64|double")
    _NAMES = frozenset({"torch.float64", "torch.double"})
    _WORDS = frozenset(name.rpartition(".")[2] for name in _NAMES)

    def check(self, module: Module) -> Iterator[Finding]:
        for where in running(module, self._WORDS):
            facts = where.function.facts
            for read in facts.reads:
                if where.function.target(read.path) not in self._NAMES or read.test >= 0:
                    continue
                if not self._guarded(facts, read.guards) and not self._harmless(facts.taker(read)):
                    message = f"`{read.path}` in a forward; guard it with `maybe_adjust_dtype_for_device`"
                    yield self.told(module, where, read.span, message)
            for name, call in given_by_bare_name(where.function, self._NAMES):
                if not self._guarded(facts, call.guards) and not self._harmless(call):
                    message = f"`{name}` in a forward; guard it with `maybe_adjust_dtype_for_device`"
                    yield self.told(module, where, call.span, message)
            for call in facts.calls:
                if call.method == "double" and call.receiver and not self._guarded(facts, call.guards):
                    message = "`.double()` in a forward; guard the dtype with `maybe_adjust_dtype_for_device`"
                    yield self.told(module, where, call.span, message)

    def _guarded(self, facts: FunctionFacts, guards: tuple[int, ...]) -> bool:
        return any(self._GUARD.search(text) for text in guard_texts(facts, guards))

    def _harmless(self, call: Call | None) -> bool:
        return call is not None and (
            call.method in ("maybe_adjust_dtype_for_device", "finfo") or call.argument("device") == "'cpu'"
        )
