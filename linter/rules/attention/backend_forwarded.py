"""ATT005 backend-forwarded."""

from __future__ import annotations

from collections.abc import Iterator

from linter.findings import Finding
from linter.project import Module
from linter.rules.attention import DISPATCH, GUIDE, dispatch_calls, is_attention
from linter.rules.base import Rule


class BackendForwarded(Rule):
    """`dispatch_attention_fn` is called without the processor's backend or parallel configuration.

    ## What it does
    Checks that each call in what a processor runs passes `backend=` and `parallel_config=`.

    ## Why is this bad?
    What a person chose with `set_attention_backend`, or enabled for context parallelism, has no effect on this layer.
    """

    code = "ATT005"
    name = "backend-forwarded"
    guide = GUIDE
    bad = """
        from diffusers.models.attention_dispatch import dispatch_attention_fn


        class TinyAttnProcessor:
            _attention_backend = None
            _parallel_config = None

            def __call__(self, attn, hidden_states):
                query = attn.to_q(hidden_states)
                return dispatch_attention_fn(query, query, query, backend=self._attention_backend)  #!
    """
    good = """
        from diffusers.models.attention_dispatch import dispatch_attention_fn


        class TinyAttnProcessor:
            _attention_backend = None
            _parallel_config = None

            def __call__(self, attn, hidden_states):
                query = attn.to_q(hidden_states)
                return dispatch_attention_fn(
                    query, query, query, backend=self._attention_backend, parallel_config=self._parallel_config
                )
    """

    def check(self, module: Module) -> Iterator[Finding]:
        seen: set[int] = set()
        for cls in module.classes.values():
            entry = cls.own_methods.get("__call__" if cls.is_processor else "forward")
            if entry is None or not (cls.is_processor or is_attention(cls)):
                continue
            for function, call in dispatch_calls(entry):
                if function.module is not module or id(call) in seen or call.argument("**") is not None:
                    continue
                seen.add(id(call))
                missing = [name for name in ("backend", "parallel_config") if call.argument(name) is None]
                if missing:
                    given = " and ".join(f"`{name}=`" for name in missing)
                    yield self.finding(module, call.span, f"`{DISPATCH}` is called without {given}", function)
