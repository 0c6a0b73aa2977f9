"""ATT015 fixed-head-count."""

from __future__ import annotations

import re
from collections.abc import Iterator

from linter.findings import Finding, Severity
from linter.project import Function, Module
from linter.rules.attention import GUIDE
from linter.rules.base import Rule


class FixedHeadCount(Rule):
    """A processor splits heads by their number, in a model that declares a tensor-parallel plan.

    ## What it does
    In files with a model that sets `_tp_plan`: finds `unflatten`, `view` and `reshape` by `attn.heads` in processors.

    ## Why is this bad?
    Under tensor parallelism a process holds a part of the heads, while `attn.heads` is still the number of all. The
    size of a head is the same everywhere: `(-1, head_dim)` is right with any number of processes.
    """

    code = "ATT015"
    name = "fixed-head-count"
    severity = Severity.WARNING
    guide = GUIDE
    bad = """
        from diffusers.models.modeling_utils import ModelMixin


        class TinyAttnProcessor:
            def __call__(self, attn, hidden_states):
                return attn.to_v(hidden_states).unflatten(-1, (attn.heads, -1))  #!


        class TinyModel(ModelMixin):
            _tp_plan = {"blocks.*.attn.to_v": "colwise"}
    """
    good = """
        from diffusers.models.modeling_utils import ModelMixin


        class TinyAttnProcessor:
            def __call__(self, attn, hidden_states):
                return attn.to_v(hidden_states).unflatten(-1, (-1, attn.head_dim))


        class TinyModel(ModelMixin):
            _tp_plan = {"blocks.*.attn.to_v": "colwise"}
    """

    _COUNTS = ("attn.heads", "attn.num_heads", "attn.n_heads", "attn.num_attention_heads")

    def check(self, module: Module) -> Iterator[Finding]:
        plans = [cls.own_attributes.get("_tp_plan") for cls in module.classes.values()]
        if not any(plan is not None and plan.value.kind != "none" for plan in plans):
            return
        for cls in module.classes.values():
            call = cls.own_methods.get("__call__") if cls.is_processor else None
            for function in call.reached if call is not None else ():
                if function.module is module:
                    yield from self._splits(module, function)

    def _splits(self, module: Module, function: Function) -> Iterator[Finding]:
        aliases = [write.target for write in function.facts.writes if write.value in self._COUNTS]
        counts = "|".join(re.escape(name) for name in (*self._COUNTS, *aliases))
        for call in function.facts.calls:
            if call.method in ("unflatten", "view", "reshape"):
                arguments = module.source.between(call.span).rpartition(f".{call.method}(")[2]
                found = re.search(rf"(?:^|[(,])\s*({counts})\s*[,)]", arguments)
                if found is not None:
                    message = (
                        f"the heads are split by `{found[1]}`; split by `(-1, head_dim)`, which a part of them fits"
                    )
                    yield self.finding(module, call.span, message, function)
