"""FWD013 data-assignment."""

from __future__ import annotations

import re
from collections.abc import Iterator

from linter.facts import Write
from linter.findings import Finding
from linter.project import Class, Function, Module
from linter.rules.base import Rule
from linter.rules.forward import GUIDE, guard_texts, running


class DataAssignment(Rule):
    """A parameter's `data` is assigned where the parameter may be a tensor subclass.

    ## What it does
    Finds `name.data = ...` for parameters and buffers that come out of a loop or an argument, so that any model's may
    be among them, and every assignment to `data` in a forward.

    ## Why is this bad?
    The weight of a torchao-quantised layer is a tensor that holds tensors. Assigning to `data` replaces only the outer
    one: the inner ones stay on the old device, and the next matrix product raises.

    ## Exceptions
    Branches that have asked for the subclass, functions that check for it first, and casts of what is trained.
    """

    code = "FWD013"
    name = "data-assignment"
    guide = GUIDE
    bad = """
        def offload(module, device):
            for parameter in module.parameters():
                parameter.data = parameter.data.to(device)  #!
    """
    good = """
        import torch


        def offload(module, device):
            for parameter in module.parameters():
                torch.utils.swap_tensors(parameter, parameter.to(device))
    """

    _ASKED = re.compile(r"torchao|subclass|swap_tensors|traceable|isinstance|quanti", re.IGNORECASE)
    _NAMES = re.compile(
        r"(param|parameter|buffer|tensor|weight|p)(_\w+)?$|\w+_(param|parameter|buffer|tensor|weight)$"
    )

    words = frozenset({"data"})

    def check(self, module: Module) -> Iterator[Finding]:
        writes = [
            (function, write)
            for function in module.definitions.values()
            if not isinstance(function, Class) and function.facts.mentions(".data")
            for write in function.facts.writes
            if write.kind == "=" and write.target.endswith(".data")
        ]
        in_forward = (
            {id(where.function.facts) for where in running(module) if where.place is None} if writes else set()
        )
        for function, write in writes:
            base = write.target.removesuffix(".data")
            is_anyones = self._NAMES.match(base) is not None or id(function.facts) in in_forward
            if is_anyones and not self._is_cast(function, write) and not self._has_asked(function, write.guards):
                message = f"`{write.target} = ...` breaks a tensor subclass; use `torch.utils.swap_tensors`"
                yield self.finding(module, write.span, message, function)

    def _has_asked(self, function: Function, guards: tuple[int, ...]) -> bool:
        calls = function.facts.calls
        return any(self._ASKED.search(text) for text in guard_texts(function.facts, guards)) or any(
            self._ASKED.search(call.method) for call in calls if call.method != "isinstance"
        )

    def _is_cast(self, function: Function, write: Write) -> bool:
        """Whether only the dtype changes: what holds integers is not cast."""
        calls = (call for call in function.facts.calls if call.assigned == write.target and call.method == "to")
        return any("dtype" in item.path or "float" in item.path for call in calls for item in call.arguments)
