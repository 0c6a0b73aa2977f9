"""ATT009 no-op-mask."""

from __future__ import annotations

import re
from collections.abc import Iterator

from linter.facts import Write
from linter.findings import Finding, Severity
from linter.project import Function, Module
from linter.rules.attention import GUIDE
from linter.rules.base import Rule


_MASKS = ("attn_mask", "attention_mask", "encoder_attention_mask")
_ATTENDS = re.compile(r"attn\d*$|attention(_fn)?$|processor$")


class NoOpMask(Rule):
    """An attention mask that masks nothing is built and passed.

    ## What it does
    Finds masks made of ones, or of float zeros, that reach an attention call as they were made.

    ## Why is this bad?
    A mask switches the fast kernels off and costs memory of the scores' size. `None` gives the same numbers.
    """

    code = "ATT009"
    name = "no-op-mask"
    severity = Severity.WARNING
    guide = GUIDE
    bad = """
        import torch
        from torch import nn


        class TinyBlock(nn.Module):
            def __init__(self, attn):
                super().__init__()
                self.attn = attn

            def forward(self, hidden_states, attention_mask=None):
                if attention_mask is None:
                    attention_mask = torch.ones(hidden_states.shape[:2], dtype=torch.bool)  #!
                return self.attn(hidden_states, attention_mask=attention_mask)
    """
    good = """
        from torch import nn


        class TinyBlock(nn.Module):
            def __init__(self, attn):
                super().__init__()
                self.attn = attn

            def forward(self, hidden_states, attention_mask=None):
                return self.attn(hidden_states, attention_mask=attention_mask)
    """

    _MADE = re.compile(
        r"^(?:torch\.|\w+\.new_)(ones|zeros)(_like)?\(\)(\.(to|cuda|type|bool|float|half|type_as)\(\))*$"
    )
    words = frozenset({"ones", "ones_like", "zeros", "zeros_like", "new_ones", "new_zeros"})
    _INTEGERS = re.compile(r"bool|int|long|uint")

    def check(self, module: Module) -> Iterator[Finding]:
        for function in module.definitions.values():
            if not isinstance(function, Function) or not function.facts.mentions("mask"):
                continue
            for write in function.facts.writes:
                made = self._MADE.match(write.value) if write.kind == "=" and "mask" in write.target else None
                if made is None or not write.target.isidentifier():
                    continue
                text = module.source.lines[write.span.line - 1]
                if made[1] == "zeros" and self._INTEGERS.search(text):
                    continue
                if _only_passed(module, function, write):
                    message = f"`{write.target}` masks nothing; pass `None`"
                    yield self.finding(module, write.span, message, function)
            for call in function.facts.calls:
                made = self._MADE.match(f"{call.path}()")
                if made is None or (made[1] == "zeros" and self._INTEGERS.search(module.source.between(call.span))):
                    continue
                taker = function.facts.taker(call)
                given = taker.arguments if taker is not None else ()
                if any(item.name in _MASKS and item.path == f"{call.path}()" for item in given):
                    yield self.finding(module, call.span, "the mask masks nothing; pass `None`", function)


def _only_passed(module: Module, function: Function, made: Write) -> bool:
    """Whether what was made goes into attention calls as it is, and nowhere else."""
    name = made.target
    passed = [
        argument
        for call in function.facts.calls
        if call.span.end_line > made.span.line
        for argument in call.arguments
        if argument.path == name and (argument.name in _MASKS or (not argument.name and _ATTENDS.search(call.path)))
    ]
    later = [write.target for write in function.facts.writes if write.span.line > made.span.line]
    if not passed or name in later:
        return False
    # Any other use may change it, or hand it to somebody who needs a tensor.
    rest = "\n".join(module.source.lines[made.span.line : function.facts.span.end_line])
    uses = len(re.findall(rf"(?<![.\w]){name}\b(?!\s*=[^=])", rest))
    return uses == len(passed) + len(re.findall(rf"\b{name} is (?:not )?None", rest))
