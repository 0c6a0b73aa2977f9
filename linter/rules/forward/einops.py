"""FWD008 einops."""

from __future__ import annotations

from collections.abc import Iterator

from linter.edits.einops_patterns import FUNCTIONS, native_call
from linter.edits.importing import without_unused_import
from linter.facts import Call, Span
from linter.findings import Edit, Finding, Safety
from linter.project import Module
from linter.rules.forward import GUIDE, ForwardRule, Running, running


class Einops(ForwardRule):
    """einops is used where native tensor operations serve.

    ## What it does
    Finds calls of `einops`, under any import name, in modules: functions of a forward and layers made in `__init__`.

    ## Why is this bad?
    It is a dependency that the library does not take. `reshape`, `permute`, `unflatten` and `flatten` say the same and
    compile.

    ## Fix safety
    Unsafe: `rearrange`, `repeat` and `reduce` with a literal pattern become the same steps in native operations, which
    do not compare the sizes of axes as einops does, and take no list of tensors. The import goes with its last use.
    """

    code = "FWD008"
    name = "einops"
    guide = GUIDE
    fixes = Safety.UNSAFE
    bad = """
        from einops import rearrange
        from torch import nn


        class TinyAttention(nn.Module):
            def forward(self, hidden_states):
                return rearrange(hidden_states, "b s (h d) -> b s h d", h=8)  #!
    """
    good = """
        from torch import nn


        class TinyAttention(nn.Module):
            def forward(self, hidden_states):
                return hidden_states.unflatten(2, (8, -1))
    """

    def check(self, module: Module) -> Iterator[Finding]:
        told: set[Span] = set()
        inits = [
            Running(method, method, None)
            for cls in module.classes.values()
            if _EINOPS in module.facts.words and cls.is_module
            for method in cls.own_methods.values()
        ]
        for where in (*running(module, (_EINOPS,)), *inits):
            for call in where.function.facts.calls:
                target = where.function.target(call.path)
                place = where.place or call.span
                if target.startswith(f"{_EINOPS}.") and place not in told:
                    told.add(place)
                    message = f"`{call.path}` is einops; write it with `reshape`, `permute` or `unflatten`"
                    yield self.told(module, where, call.span, message, _edits(module, where, call, target))


_EINOPS = "einops"


def _edits(module: Module, where: Running, call: Call, target: str) -> tuple[Edit, ...]:
    """The edits that write a call natively; none where its pattern is not literal, or it stands in another file."""
    function = target.rpartition(".")[2]
    if where.place is not None or function not in FUNCTIONS:
        return ()
    native = native_call(function, module.source.between(call.span))
    if native is None:
        return ()
    edits = (Edit(str(module.path), call.span, native),)
    return edits + without_unused_import(module, call.path.partition(".")[0], edits)
