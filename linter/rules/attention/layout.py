"""ATT013 layout."""

from __future__ import annotations

from collections.abc import Iterator

from linter.findings import Finding
from linter.project import Function, Module
from linter.project.head_layout import heads_come_first
from linter.rules.attention import DISPATCH, GUIDE, is_dispatch
from linter.rules.base import Rule


class Layout(Rule):
    """`dispatch_attention_fn` is given tensors with the heads before the tokens.

    ## What it does
    Follows query, key and value through the function, from where they are split into heads: a `transpose(1, 2)` or a
    `permute(0, 2, 1, 3)` that nothing takes back puts the heads first.

    ## Why is this bad?
    The dispatcher takes `(batch, tokens, heads, head_dim)`. In the other order every head attends over heads, not over
    tokens; the shapes fit, so nothing fails.

    ## Exceptions
    Tensors whose way cannot be followed.
    """

    code = "ATT013"
    name = "layout"
    guide = GUIDE
    bad = """
        from diffusers.models.attention_dispatch import dispatch_attention_fn


        class TinyAttnProcessor:
            _attention_backend = None
            _parallel_config = None

            def __call__(self, attn, hidden_states):
                query = attn.to_q(hidden_states).unflatten(-1, (-1, attn.head_dim)).transpose(1, 2)
                query = attn.norm_q(query)
                return dispatch_attention_fn(  #!
                    query, query, query, backend=self._attention_backend, parallel_config=self._parallel_config
                )
    """
    good = """
        from diffusers.models.attention_dispatch import dispatch_attention_fn


        class TinyAttnProcessor:
            _attention_backend = None
            _parallel_config = None

            def __call__(self, attn, hidden_states):
                query = attn.to_q(hidden_states).unflatten(-1, (-1, attn.head_dim))
                query = attn.norm_q(query)
                return dispatch_attention_fn(
                    query, query, query, backend=self._attention_backend, parallel_config=self._parallel_config
                )
    """

    def check(self, module: Module) -> Iterator[Finding]:
        known = {*module.facts.bindings, *(target.rpartition(".")[2] for target in module.imports.values())}
        calls_it = DISPATCH in known
        functions = (item for item in module.definitions.values() if calls_it and isinstance(item, Function))
        for function in functions:
            for call in function.facts.calls:
                if not is_dispatch(function, call):
                    continue
                given = [item.path for item in call.arguments if item.name in ("", "query", "key", "value")][:3]
                wrong = [name for name in dict.fromkeys(given) if heads_come_first(function, name, call) is True]
                if wrong:
                    names = ", ".join(f"`{name}`" for name in wrong)
                    message = f"the heads come before the tokens in {names}; leave out the transpose after the split"
                    yield self.finding(module, call.span, message, function)
