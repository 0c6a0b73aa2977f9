"""FWD004 hard-coded-dtype."""

from __future__ import annotations

import re
from collections.abc import Iterator

from linter.facts import Read, Span
from linter.findings import Finding
from linter.project import Function, Module
from linter.rules.forward import GUIDE, ForwardRule, given_by_bare_name, guard_texts, running


class HardCodedDtype(ForwardRule):
    """A forward casts to a half precision that it names.

    ## What it does
    Finds `torch.bfloat16`, `torch.float16`, `.half()` and `.bfloat16()` in a forward and in what it reaches.

    ## Why is this bad?
    The user chose the dtype when loading. A model in float32 loses its precision there, one in float16 gets two dtypes
    mixed and raises.

    ## Exceptions
    Branches on a dtype or a device. Computing a part in float32 is legitimate and not looked at; float64 is FWD005's.
    """

    code = "FWD004"
    name = "hard-coded-dtype"
    guide = GUIDE
    bad = """
        import torch
        from torch import nn


        class TinyBlock(nn.Module):
            def forward(self, hidden_states: torch.Tensor):
                return self.proj(hidden_states.to(torch.bfloat16))  #!
    """
    good = """
        import torch
        from torch import nn


        class TinyBlock(nn.Module):
            def forward(self, hidden_states: torch.Tensor):
                return self.proj(hidden_states.float()).to(hidden_states.dtype)
    """

    _NAMES = frozenset({"torch.bfloat16", "torch.float16", "torch.half"})
    _WORDS = frozenset(name.rpartition(".")[2] for name in _NAMES)
    _ASKING = ("finfo", "any", "all", "isinstance")
    _BRANCH = re.compile(r"dtype|device|bfloat16|float16|mps|npu|is_autocast")

    def check(self, module: Module) -> Iterator[Finding]:
        for where in running(module, self._WORDS):
            facts = where.function.facts
            kept = {write.value for write in facts.writes}
            found: list[tuple[Span, str, tuple[int, ...]]] = [
                (read.span, read.path, read.guards)
                for read in facts.reads
                # In a comparison it is neither an argument nor kept.
                if read.test < 0 and self._is_half(where.function, read, kept)
            ]
            found += [
                (call.span, f".{call.method}()", call.guards)
                for call in facts.calls
                if call.method in ("half", "bfloat16") and call.receiver and not call.arguments and call.test < 0
            ]
            found += [
                (call.span, name, call.guards)
                for name, call in given_by_bare_name(where.function, self._NAMES)
                if call.method not in self._ASKING
            ]
            for span, text, guards in found:
                if not any(self._BRANCH.search(guard) for guard in guard_texts(facts, guards)):
                    message = f"`{text}` in a forward; take the dtype from an input"
                    yield self.told(module, where, span, message)

    def _is_half(self, function: Function, read: Read, kept: set[str]) -> bool:
        """Whether a half precision is given to a call that does more than ask about it, or kept."""
        taker = function.facts.taker(read)
        is_used = read.path in kept if taker is None else taker.method not in self._ASKING
        return is_used and function.target(read.path) in self._NAMES
