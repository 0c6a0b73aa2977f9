"""FWD001 numpy-in-forward."""

from __future__ import annotations

import re
from collections.abc import Iterator

from linter.edits.importing import without_unused_import
from linter.edits.numpy_expressions import WRAPPERS, in_torch
from linter.facts import Call, FunctionFacts, Read
from linter.findings import Edit, Finding, Safety
from linter.project import Function, Module
from linter.project.tensors import Tensors
from linter.rules.forward import GUIDE, ForwardRule, Running, guard_texts, running


class NumpyInForward(ForwardRule):
    """NumPy is used in a forward.

    ## What it does
    Finds calls and attributes of NumPy, under any import name, in `forward`, in a processor's `__call__` and in the
    project's helpers that they reach.

    ## Why is this bad?
    `torch.compile` breaks the graph or recompiles, the computation leaves the device, and gradients stop.

    ## Fix safety
    Unsafe: what has an exact counterpart is written with it, where the result becomes a tensor anyway or only tensors
    go in. NumPy computes floats in float64, torch in its default dtype. The import goes with its last use.

    ## Exceptions
    Constants such as `np.pi`, branches for inputs that are NumPy arrays or for callers that ask for one
    (`output_type == "np"`), and arithmetic on Python integers (`np.prod` of a shape).
    """

    code = "FWD001"
    name = "numpy-in-forward"
    guide = GUIDE
    fixes = Safety.UNSAFE
    bad = """
        import numpy as xp
        import torch
        from torch import nn


        def frequencies(dim):
            return torch.from_numpy(xp.arange(dim))  #!


        class TinyEmbedding(nn.Module):
            def forward(self, hidden_states):
                return hidden_states * frequencies(hidden_states.shape[-1])
    """
    good = """
        import torch
        from torch import nn


        def frequencies(dim, device):
            return torch.arange(dim, device=device)


        class TinyEmbedding(nn.Module):
            def forward(self, hidden_states):
                return hidden_states * frequencies(hidden_states.shape[-1], hidden_states.device)
    """

    _CONSTANTS = frozenset({"pi", "e", "inf", "nan", "newaxis", "ndarray", "generic"})
    _ON_INTEGERS = frozenset({"prod", "ceil", "floor", "log2", "sqrt", "lcm", "gcd"})

    _ASKED = re.compile(r"== [\"'](np|numpy)[\"']")

    def check(self, module: Module) -> Iterator[Finding]:
        for where in running(module, ("numpy",)):
            facts = where.function.facts
            uses: dict[int, Call | Read] = {}
            for call in facts.calls:
                name = self._numpy_name(where.function, call.path)
                if name and name not in self._ON_INTEGERS and not self._for_arrays(facts, call.guards):
                    uses.setdefault(call.span.line, call)
            for read in facts.reads:
                name = self._numpy_name(where.function, read.path)
                if name and read.test < 0 and read.call < 0 and not self._for_arrays(facts, read.guards):
                    uses.setdefault(read.span.line, read)
            if uses and self._only_for_arrays(where, where.function):
                continue
            for use in uses.values():
                message = f"`{use.path}` is NumPy in a forward; use torch"
                yield self.told(module, where, use.span, message, _edits(module, where, use))

    def _numpy_name(self, function: Function, path: str) -> str:
        target = function.target(path)
        name = target.removeprefix("numpy.")
        return name if target.startswith("numpy.") and name not in self._CONSTANTS else ""

    def _for_arrays(self, facts: FunctionFacts, guards: tuple[int, ...]) -> bool:
        asked = guard_texts(facts, tuple(index for index in guards if index >= 0))
        return any("ndarray" in text for text in guard_texts(facts, guards)) or any(map(self._ASKED.search, asked))

    def _only_for_arrays(self, where: Running, function: Function, below: tuple[Function, ...] = ()) -> bool:
        """Whether a function is reached through nothing but branches for arrays."""
        calls = [
            (caller, call)
            for caller in where.entry.reached
            for call in caller.facts.calls
            if caller.callee(call) is function
        ]
        return bool(calls) and all(
            self._for_arrays(caller.facts, call.guards)
            or caller in below
            or self._only_for_arrays(where, caller, (*below, function))
            for caller, call in calls
        )


def _edits(module: Module, where: Running, use: Call | Read) -> tuple[Edit, ...]:
    """The edits that write a call with torch, with all of NumPy that it stands in; none where that is not exact."""
    torch = next((name for name, target in module.imports.items() if target == "torch"), None)
    if where.place is not None or torch is None:
        return ()
    function, call = where.function, use
    while (outer := function.facts.taker(call)) and function.target(outer.path).startswith(("numpy.", *WRAPPERS)):
        call = outer
    new = in_torch(module.source.between(call.span), torch, function.target, Tensors(function).is_tensor)
    if new is None:
        return ()
    edits = (Edit(str(module.path), call.span, new),)
    return edits + without_unused_import(module, use.path.partition(".")[0], edits)
