"""ATT002 attention-mixin."""

from __future__ import annotations

from collections.abc import Iterator

from linter.edits.declaring import with_base
from linter.findings import Finding, Safety
from linter.project import Module
from linter.rules.attention import GUIDE, MIXINS, PROJECTIONS, is_attention
from linter.rules.base import Rule


class AttentionMixinMissing(Rule):
    """An attention layer does not inherit `AttentionModuleMixin`.

    ## What it does
    Finds modules that build `to_q`, `to_k` and `to_v` as linear layers, or call `self.set_processor`, without it.

    ## Why is this bad?
    The mixin is how `set_attn_processor`, `set_attention_backend` and QKV fusion find the layer. Without it they pass
    it by.

    ## Fix safety
    Safe: the mixin joins the bases and is imported. It brings methods and no state.

    ## Exceptions
    A class that defines `set_processor` itself.
    """

    code = "ATT002"
    name = "attention-mixin"
    guide = GUIDE
    fixes = Safety.SAFE
    words = frozenset({PROJECTIONS[0], "set_processor"})
    bad = """
        from torch import nn


        class TinyAttention(nn.Module):  #!
            def __init__(self, dim):
                super().__init__()
                self.to_q = nn.Linear(dim, dim)
                self.to_k = nn.Linear(dim, dim)
                self.to_v = nn.Linear(dim, dim)
    """
    good = """
        from diffusers.models.attention import AttentionModuleMixin
        from torch import nn


        class TinyAttention(nn.Module, AttentionModuleMixin):
            def __init__(self, dim):
                super().__init__()
                self.to_q = nn.Linear(dim, dim)
                self.to_k = nn.Linear(dim, dim)
                self.to_v = nn.Linear(dim, dim)
    """

    def check(self, module: Module) -> Iterator[Finding]:
        for cls in module.classes.values():
            if not cls.is_module or is_attention(cls) or cls.method("set_processor") is not None:
                continue
            own = {
                write.target
                for method in cls.own_methods.values()
                if method.facts.mentions("Linear()")
                for write in method.facts.writes
                if write.value.endswith("Linear()")
            }
            sets = any(
                call.path == "self.set_processor"
                for method in cls.own_methods.values()
                if method.facts.mentions("self.set_processor")
                for call in method.facts.calls
            )
            if sets or all(f"self.{name}" in own for name in PROJECTIONS):
                message = f"`{cls.name}` is an attention layer and does not inherit `AttentionModuleMixin`"
                edits = with_base(cls, f"{MIXINS}.AttentionModuleMixin")
                yield self.finding(module, cls.facts.header, message, cls, edits)
