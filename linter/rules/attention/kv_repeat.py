"""ATT011 kv-repeat."""

from __future__ import annotations

import re
from collections.abc import Iterator

from linter.facts import Call
from linter.findings import Edit, Finding, Safety
from linter.project import Function, Module
from linter.rules.attention import GUIDE
from linter.rules.base import Rule


class KvRepeat(Rule):
    """Grouped key or value heads are expanded with `repeat`, which puts them in the wrong order.

    ## What it does
    Finds `key.repeat(1, 1, groups, 1)` and the like: key or value tensors of four dimensions that are repeated along
    the heads.

    ## Why is this bad?
    Query heads share key heads in groups of neighbours: 0, 0, 1, 1. `repeat` gives 0, 1, 0, 1, so most queries meet
    another group's keys. Nothing fails, the picture is just worse.

    ## Fix safety
    Safe: `repeat_interleave` along the same dimension. It changes what is computed only where `repeat` was wrong.

    ## Exceptions
    A tensor that gets a dimension of its own for the copies first (`unsqueeze`), and is flattened after that.
    """

    code = "ATT011"
    name = "kv-repeat"
    guide = GUIDE
    fixes = Safety.SAFE
    bad = """
        class TinyAttnProcessor:
            def __call__(self, attn, hidden_states):
                key = attn.to_k(hidden_states).unflatten(-1, (-1, attn.head_dim))
                key = key.repeat(1, 1, attn.heads // attn.kv_heads, 1)  #!
                return key
    """
    good = """
        class TinyAttnProcessor:
            def __call__(self, attn, hidden_states):
                key = attn.to_k(hidden_states).unflatten(-1, (-1, attn.head_dim))
                key = key.repeat_interleave(attn.heads // attn.kv_heads, dim=2)
                return key
    """

    _REPEATED = re.compile(r"(\w+_)?(k|v|key|value|keys|values|kv)(_states|_heads)?\.repeat")
    _GROUPS = re.compile(r"head|group|n_rep|num_rep|\brep\b|kv")

    words = frozenset({"repeat"})

    def check(self, module: Module) -> Iterator[Finding]:
        for function in module.definitions.values():
            if not isinstance(function, Function) or not function.facts.mentions(".repeat"):
                continue
            for call in function.facts.calls:
                if not self._REPEATED.fullmatch(call.path):
                    continue
                found = self._heads(module, call)
                if found is not None:
                    message = (
                        f"`{call.path}` puts the heads in another order than the queries have; use `repeat_interleave`"
                    )
                    edit = Edit(
                        str(module.path), call.span, f"{call.receiver}.repeat_interleave({found[1]}, dim={found[0]})"
                    )
                    yield self.finding(module, call.span, message, function, (edit,))

    def _heads(self, module: Module, call: Call) -> tuple[int, str] | None:
        """The dimension of four that is repeated, and how often, where that is the heads'."""
        text = module.source.between(call.span).partition(".repeat(")[2].removesuffix(")")
        sizes = [size.strip() for size in re.split(r",(?![^(]*\))", text.strip().rstrip(","))]
        repeated = [(place, size) for place, size in enumerate(sizes) if size != "1"]
        if len(sizes) != 4 or len(repeated) != 1 or repeated[0][0] not in (1, 2):
            return None
        return repeated[0] if self._GROUPS.search(repeated[0][1]) else None
