"""FWD007 hard-coded-device."""

from __future__ import annotations

import re
from collections.abc import Iterator

from linter.facts import Call
from linter.findings import Finding
from linter.project import Function, Module
from linter.rules.forward import GUIDE, ForwardRule, guard_texts, running


class HardCodedDevice(ForwardRule):
    """A forward names a device.

    ## What it does
    Finds `"cuda"` and other accelerators as arguments of calls, `.cuda()` and its kin, and `torch.cuda.current_device`
    in a forward and in what it reaches.

    ## Why is this bad?
    The model fails on every other accelerator, and on a second device of the same kind it moves tensors to the first.

    ## Exceptions
    Branches on the device, an `autocast` that is switched off, and the CPU, where tables may be worked out once.
    """

    code = "FWD007"
    name = "hard-coded-device"
    guide = GUIDE
    bad = """
        import torch
        from torch import nn


        class TinyEmbedding(nn.Module):
            def forward(self, hidden_states: torch.Tensor):
                positions = torch.arange(hidden_states.shape[1], device="cuda")  #!
                return hidden_states + positions
    """
    good = bad.replace('"cuda"', "hidden_states.device").replace("  #!", "")

    _DEVICE = re.compile(r"""['"](cuda|mps|xpu|npu|hpu|xla)(:\d+)?['"]$""")
    _MOVES = frozenset({"cuda", "xpu", "npu", "hpu"})
    _BRANCH = re.compile(r"device|is_available|cuda|mps|npu|xpu")

    def check(self, module: Module) -> Iterator[Finding]:
        for where in running(module):
            facts = where.function.facts
            for call in facts.calls:
                named = self._named(where.function, call)
                if not named or call.test >= 0 or self._is_off(call):
                    continue
                if not any(self._BRANCH.search(text) for text in guard_texts(facts, call.guards)):
                    yield self.told(module, where, call.span, f"{named} in a forward; take the device from an input")

    def _named(self, function: Function, call: Call) -> str:
        """How a call names a device; empty where it does not."""
        if call.method in self._MOVES and call.receiver and not call.receiver.endswith("torch"):
            return f"`.{call.method}()`"
        if function.target(call.path) == "torch.cuda.current_device":
            return f"`{call.path}()`"
        if "autocast" not in call.method and call.method not in ("to", "device") and not call.argument("device"):
            return ""
        return next((f"`{item.path}`" for item in call.arguments if self._DEVICE.match(item.path)), "")

    def _is_off(self, call: Call) -> bool:
        return call.argument("enabled") == "False"
