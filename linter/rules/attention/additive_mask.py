"""ATT010 additive-mask."""

from __future__ import annotations

import re
from collections.abc import Iterator

from linter.findings import Finding, Severity
from linter.project import Function, Module
from linter.rules.attention import DISPATCH, GUIDE, is_attention
from linter.rules.base import Rule


class AdditiveMask(Rule):
    """A padding mask is turned into a dense float mask, where a bool mask would do.

    ## What it does
    In files that compute attention with the dispatcher: finds masks made by scaling `1 - mask` to a large negative
    number, or by filling zeros with one where a mask says so.

    ## Why is this bad?
    Every backend takes a bool mask or none, several refuse float ones, and a float mask of the scores' size is memory
    that nothing needs. A finite number in place of minus infinity also lets some attention through.
    """

    code = "ATT010"
    name = "additive-mask"
    severity = Severity.WARNING
    guide = GUIDE
    bad = """
        from diffusers.models.attention_dispatch import dispatch_attention_fn
        from torch import nn


        class TinyModel(nn.Module):
            def forward(self, query, attention_mask):
                attention_mask = (1 - attention_mask.to(query.dtype)) * -10000.0  #!
                return dispatch_attention_fn(query, query, query, attn_mask=attention_mask)
    """
    good = """
        from diffusers.models.attention_dispatch import dispatch_attention_fn
        from torch import nn


        class TinyModel(nn.Module):
            def forward(self, query, attention_mask):
                attention_mask = attention_mask.bool()[:, None, None, :]
                return dispatch_attention_fn(query, query, query, attn_mask=attention_mask)
    """

    def check(self, module: Module) -> Iterator[Finding]:
        if DISPATCH not in module.imports and not any(map(is_attention, module.classes.values())):
            return
        lines = module.source.lines
        for function in module.definitions.values():
            for write in function.facts.writes if isinstance(function, Function) else ():
                if "mask" not in write.target or write.kind != "=":
                    continue
                if _MADE.match("\n".join(lines[write.span.line - 1 : function.facts.span.end_line])):
                    message = f"`{write.target}` becomes a dense float mask; a bool mask says the same"
                    yield self.finding(module, write.span, message, function)


_NUMBER = r"-\s*\d{4,}(?:\.\d*)?|-\s*1\.?0?e\d+"
_SMALLEST = r"""torch\.finfo\([^()]*\)\.min|-\s*torch\.finfo\([^()]*\)\.max"""
_INFINITE = r"""-\s*(?:torch|math)\.inf|-\s*float\(["']inf["']\)|float\(["']-inf["']\)"""
_NEGATIVE = rf"(?:{_NUMBER}|{_SMALLEST}|{_INFINITE})"
_ARGUMENTS = r"(?:[^()]|\([^()]*\))*"
# It may go on over lines, and begins in the first one.
_MADE = re.compile(
    rf".*?(?:\(\s*1(?:\.0?)?\s*-\s*[\w.]*(?:\[[^\]]*\][\w.]*)?(?:\([\w.]*\))?\s*\)\s*\*\s*{_NEGATIVE}"
    rf"|torch\.zeros\w*\({_ARGUMENTS}\)\.masked_fill_?\([^,]+,\s*{_NEGATIVE}"
    rf"|torch\.where\([^,]+,\s*0(?:\.0?)?,\s*{_NEGATIVE}\s*,?\s*\))"
)
