"""FWD010 non-contiguous."""

from __future__ import annotations

import re
from collections.abc import Iterator

from linter.findings import Finding, Severity
from linter.project import Module
from linter.rules.forward import GUIDE, ForwardRule, running


class NonContiguous(ForwardRule):
    """A module returns a transposed view.

    ## What it does
    Finds a forward that returns `x.flatten(...).transpose(...)`, and such, without `contiguous()`.

    ## Why is this bad?
    Kernels choose another path for such a view. Some backends refuse it, and in bfloat16 the sums come out differently
    from a reference that made it contiguous.
    """

    code = "FWD010"
    name = "non-contiguous"
    guide = GUIDE
    severity = Severity.ADVICE
    bad = """
        from torch import nn


        class TinyPatchEmbed(nn.Module):
            def forward(self, hidden_states):
                return self.proj(hidden_states).flatten(2).transpose(1, 2)  #!
    """
    good = bad.replace(".transpose(1, 2)", ".transpose(1, 2).contiguous()").replace("  #!", "")

    _VIEW = re.compile(r"\.(flatten|reshape|view|unflatten)\(\)\.(transpose|permute|mT|swapaxes)(\(\))?$")

    def check(self, module: Module) -> Iterator[Finding]:
        for where in running(module):
            facts = where.function.facts
            if facts is not where.entry.facts:
                continue
            for ret in facts.returns:
                # What a name was last given, where the return names it.
                last = {write.target: write.value for write in facts.writes if write.span.line <= ret.span.line}
                for path in ret.paths:
                    if self._VIEW.search(last.get(path, path)):
                        message = f"`{path}` leaves the module as a transposed view, without `contiguous()`"
                        yield self.told(module, where, ret.span, message)
