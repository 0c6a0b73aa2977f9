"""FWD009 uninitialised-parameter."""

from __future__ import annotations

from collections.abc import Iterator

from linter.facts import Call, Span
from linter.findings import Edit, Finding, Safety
from linter.project import Class, Function, Module
from linter.rules.base import Rule
from linter.rules.forward import GUIDE


class UninitialisedParameter(Rule):
    """A parameter or a buffer is made of whatever the memory holds.

    ## What it does
    Finds `torch.empty` inside `nn.Parameter(...)` and `register_buffer(...)` in a module that fills it nowhere.

    ## Why is this bad?
    A model that is built and not loaded (a test, a new layer, a key that a checkpoint lacks) computes with garbage,
    now and then with NaN: tests fail at random.

    ## Fix safety
    `torch.zeros` takes the same arguments; loaded weights replace either.

    ## Exceptions
    Parameters that a function of `torch.nn.init`, an in-place method or `reset_parameters` fills, and the layers of
    quantizers, whose packed weights come out of a checkpoint.
    """

    code = "FWD009"
    name = "uninitialised-parameter"
    guide = GUIDE
    fixes = Safety.SAFE
    bad = """
        import torch
        from torch import nn


        class TinyModel(nn.Module):
            def __init__(self, dim):
                super().__init__()
                self.pad_token = nn.Parameter(torch.empty(1, dim))  #!
    """
    good = bad.replace("torch.empty", "torch.zeros").replace("  #!", "")

    def check(self, module: Module) -> Iterator[Finding]:
        for cls in module.classes.values():
            init = cls.own_methods.get("__init__")
            if init is None or not cls.is_module or ".quantizers." in module.name:
                continue
            for call in init.facts.calls:
                kept = kept_as(init, call)
                if kept and init.target(call.path) == "torch.empty" and not self._is_filled(cls, kept):
                    message = f"`{kept}` is made with `torch.empty`, which leaves it undefined; use `torch.zeros`"
                    yield self.finding(module, call.span, message, init, self._edits(module, call))

    def _is_filled(self, cls: Class, name: str) -> bool:
        own = f"self.{name}"
        for ancestor in cls.ancestors:
            for method in ancestor.own_methods.values() if isinstance(ancestor, Class) else ():
                for call in method.facts.calls:
                    of_it = call.path.startswith(own) or any(item.path.startswith(own) for item in call.arguments)
                    if of_it and call.method.endswith("_"):
                        return True
                if method.name in ("reset_parameters", "_init_weights", "initialize_weights"):
                    return True
        return False

    def _edits(self, module: Module, call: Call) -> tuple[Edit, ...]:
        if not call.path.endswith("empty"):
            return ()
        begin = call.span.column + len(call.path) - len("empty")
        place = Span(call.span.line, begin, call.span.line, begin + len("empty"))
        return (Edit(str(module.path), place, "zeros"),)


def kept_as(init: Function, call: Call) -> str:
    """The parameter or buffer that a call's result becomes; empty where it becomes none."""
    taker = init.facts.taker(call)
    if taker is None:
        return ""
    if init.target(taker.path).endswith(".nn.Parameter"):
        return taker.assigned[5:] if taker.assigned.startswith("self.") else ""
    return taker.arguments[0].path.strip("'\"") if taker.path == "self.register_buffer" else ""
