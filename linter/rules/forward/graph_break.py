"""FWD002 graph-break."""

from __future__ import annotations

import re
from collections.abc import Iterator

from linter.facts import Call, Condition
from linter.findings import Finding
from linter.project import Function, Module
from linter.project.tensors import Tensors
from linter.rules.forward import GUIDE, ForwardRule, guard_texts, running


class GraphBreak(ForwardRule):
    """A forward leaves the graph: it reads a tensor's value in Python, prints, or moves to the CPU.

    ## What it does
    Finds `.item()`, `.tolist()`, `.numpy()`, `.cpu()`, `print`, `float`/`int`/`bool` of a tensor and branches on a
    tensor's value in `forward`, in a processor's `__call__` and in the project's helpers that they reach.

    ## Why is this bad?
    `torch.compile(fullgraph=True)` fails there, and on an accelerator every one waits for the device.

    ## Exceptions
    Code under `torch.compiler.is_compiling()` or `torch.jit.is_scripting()`, NumPy arrays, and a class that says in
    its name that it is for training (`TinyTrainingAttnProcessor`), where sequences are packed by what the masks hold.
    """

    code = "FWD002"
    name = "graph-break"
    guide = GUIDE
    bad = """
        import torch
        from torch import nn


        class TinyBlock(nn.Module):
            def forward(self, hidden_states: torch.Tensor, attention_mask: torch.Tensor):
                if attention_mask.all():  #!
                    attention_mask = None
                length = attention_mask.sum().item()  #!
                return hidden_states[:, :length]
    """
    good = """
        import torch
        from torch import nn


        class TinyBlock(nn.Module):
            def forward(self, hidden_states: torch.Tensor, attention_mask: torch.Tensor | None = None):
                if attention_mask is None:
                    return hidden_states
                return hidden_states * attention_mask[:, :, None]
    """

    _METHODS = frozenset({"item", "tolist", "numpy", "cpu"})
    _REDUCTIONS = frozenset({"any", "all", "equal", "allclose", "isnan", "isinf", "is_nonzero", "max", "min", "sum"})
    _CASTS = frozenset({"float", "int", "bool"})
    _EAGER_ONLY = re.compile(
        r"is_compiling|is_scripting|is_tracing|is_dynamo_compiling|is_torch_compiling|isinstance\("
    )

    def check(self, module: Module) -> Iterator[Finding]:
        for where in running(module):
            if "Training" in where.entry.qualname:
                continue
            facts = where.function.facts
            tensors = Tensors(where.function)
            told: set[tuple[int, int]] = set()
            for call in facts.calls:
                condition = facts.conditions[call.test] if call.test >= 0 else None
                message = self._message(where.function, call, condition, tensors)
                if not message or any(self._EAGER_ONLY.search(text) for text in guard_texts(facts, call.guards)):
                    continue
                place = call.span if condition is None else condition.span
                # One chain (`x.cpu().numpy()`) leaves the graph once.
                if (place.line, place.column) not in told:
                    told.add((place.line, place.column))
                    yield self.told(module, where, place, message)

    def _message(self, function: Function, call: Call, condition: Condition | None, tensors: Tensors) -> str:
        if call.method in self._METHODS and not call.arguments:
            if tensors.surely_not(call.receiver):
                return ""
            return f"`.{call.method}()` takes the tensor's value out of the graph"
        if call.path == "print" and function.target("print") == "print":
            return "`print` in a forward"
        if call.path in self._CASTS and len(call.arguments) == 1 and tensors.is_tensor(call.arguments[0].path):
            return f"`{call.path}({call.arguments[0].path})` takes the tensor's value out of the graph"
        if condition is not None and condition.kind != "comprehension" and call.method in self._REDUCTIONS:
            of_torch = function.target(call.path).startswith("torch.")
            # Of all that a layer may return, only a tensor has a method `abs`.
            if of_torch or tensors.is_tensor(call.receiver) or call.receiver.endswith(".abs()"):
                return f"a branch on a tensor's value: `{condition.text}`"
        return ""
