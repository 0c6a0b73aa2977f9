"""FWD003 hidden-layer-call."""

from __future__ import annotations

from collections.abc import Iterator

from linter.findings import Finding, Severity
from linter.project import Class, Function, Module
from linter.rules.forward import GUIDE, ForwardRule, running


class HiddenLayerCall(ForwardRule):
    """A helper calls a layer that it is given.

    ## What it does
    Finds functions outside of classes, reached from a forward of the file, that call one of their parameters where the
    forward passes a layer of its own.

    ## Why is this bad?
    Who reads `forward` does not see that the layer runs. Hooks for offloading and context parallelism, and parity
    tools that follow the calls, place it wrongly.

    ## Exceptions
    Methods of the same class, and activation functions.
    """

    code = "FWD003"
    name = "hidden-layer-call"
    guide = GUIDE
    severity = Severity.WARNING
    bad = """
        from torch import nn


        def modulated(norm, hidden_states, scale):
            return norm(hidden_states) * scale


        class TinyBlock(nn.Module):
            def __init__(self, dim):
                super().__init__()
                self.norm = nn.LayerNorm(dim)

            def forward(self, hidden_states, scale):
                return modulated(self.norm, hidden_states, scale)  #!
    """
    good = """
        from torch import nn


        class TinyBlock(nn.Module):
            def __init__(self, dim):
                super().__init__()
                self.norm = nn.LayerNorm(dim)

            def forward(self, hidden_states, scale):
                return self.norm(hidden_states) * scale
    """

    def check(self, module: Module) -> Iterator[Finding]:
        for where in running(module):
            cls = where.function.cls
            if cls is None or where.place is not None or not cls.is_module:
                continue
            for call in where.function.facts.calls:
                passed = [(index, item) for index, item in enumerate(call.arguments) if self._is_layer(cls, item.path)]
                helper = where.function.callee(call) if passed else None
                if not isinstance(helper, Function) or helper.cls is not None:
                    continue
                called = {other.path for other in helper.facts.calls}
                names = [parameter.name for parameter in helper.facts.parameters]
                for index, item in passed:
                    if called.intersection([item.name] if item.name else names[index : index + 1]):
                        message = f"`{helper.name}` calls `{item.path}`; call it in `{where.function.name}` itself"
                        yield self.told(module, where, call.span, message)

    def _is_layer(self, cls: Class, path: str) -> bool:
        name = path.removeprefix("self.").removesuffix("[]")
        return path.startswith("self.") and name in cls.members and "act" not in name
