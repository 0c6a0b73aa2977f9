"""ATT012 gqa-with-mask."""

from __future__ import annotations

from collections.abc import Iterator

from linter.findings import Finding, Severity
from linter.project import Function, Module
from linter.rules.attention import DISPATCH, GUIDE
from linter.rules.base import Rule


class GqaWithMask(Rule):
    """Attention is asked to expand grouped heads itself while it is given a mask.

    ## What it does
    Finds calls of the dispatcher and of SDPA with `enable_gqa` and a mask that is not `None`.

    ## Why is this bad?
    Most backends refuse `enable_gqa`, and with a mask SDPA itself falls back to the kernel that writes the whole score
    matrix. Heads expanded with `repeat_interleave` run everywhere.
    """

    code = "ATT012"
    name = "gqa-with-mask"
    severity = Severity.WARNING
    guide = GUIDE
    bad = """
        from diffusers.models.attention_dispatch import dispatch_attention_fn


        class TinyAttnProcessor:
            _attention_backend = None
            _parallel_config = None

            def __call__(self, attn, query, key, value, attention_mask=None):
                return dispatch_attention_fn(  #!
                    query,
                    key,
                    value,
                    attn_mask=attention_mask,
                    enable_gqa=True,
                    backend=self._attention_backend,
                    parallel_config=self._parallel_config,
                )
    """
    good = """
        from diffusers.models.attention_dispatch import dispatch_attention_fn


        class TinyAttnProcessor:
            _attention_backend = None
            _parallel_config = None

            def __call__(self, attn, query, key, value, attention_mask=None):
                groups = attn.heads // attn.kv_heads
                return dispatch_attention_fn(
                    query,
                    key.repeat_interleave(groups, dim=2),
                    value.repeat_interleave(groups, dim=2),
                    attn_mask=attention_mask,
                    backend=self._attention_backend,
                    parallel_config=self._parallel_config,
                )
    """

    words = frozenset({"enable_gqa"})

    def check(self, module: Module) -> Iterator[Finding]:
        for function in module.definitions.values():
            if not isinstance(function, Function):
                continue
            for call in function.facts.calls:
                grouped, mask = call.argument("enable_gqa"), call.argument("attn_mask")
                if grouped is None or (function.target(call.path) or call.path).rpartition(".")[2] not in _TAKING_BOTH:
                    continue
                # A backend that hands on what it was given decides nothing.
                is_handed_on = grouped.endswith("enable_gqa")
                if grouped != "False" and mask not in (None, "None") and not is_handed_on:
                    message = f"`enable_gqa` together with the mask `{mask}`; expand the key and value heads instead"
                    yield self.finding(module, call.span, message, function)


_TAKING_BOTH = (DISPATCH, "scaled_dot_product_attention")
