"""MOD017 short-names."""

from __future__ import annotations

from collections.abc import Iterator

from linter.findings import Finding, Severity
from linter.project import Module
from linter.rules.base import Rule
from linter.rules.model_classes import GUIDE


class ShortNames(Rule):
    """Query, key and value are called `q`, `k` and `v`.

    ## What it does
    Finds functions of a model's file that assign all three short names.

    ## Why is this bad?
    The library writes `query`, `key` and `value`, and readers and `# Copied from` comparisons look for these.
    """

    code = "MOD017"
    name = "short-names"
    guide = GUIDE
    severity = Severity.ADVICE
    bad = """
        from torch import nn


        class TinyAttention(nn.Module):
            def forward(self, hidden_states):
                q = self.to_q(hidden_states)  #!
                k = self.to_k(hidden_states)
                v = self.to_v(hidden_states)
                return q * k * v
    """
    good = """
        from torch import nn


        class TinyAttention(nn.Module):
            def forward(self, hidden_states):
                query = self.to_q(hidden_states)
                key = self.to_k(hidden_states)
                value = self.to_v(hidden_states)
                return query * key * value
    """

    def check(self, module: Module) -> Iterator[Finding]:
        for cls in module.classes.values():
            if not (cls.is_module or cls.is_processor):
                continue
            for method in cls.own_methods.values():
                first = next((write for write in method.facts.writes if write.target == "q"), None)
                if first is not None and method.facts.local_names.issuperset(("k", "v")):
                    message = f"`{method.qualname}` says `q`, `k`, `v` for query, key and value"
                    yield self.finding(module, first.span, message, method)
