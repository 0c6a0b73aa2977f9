"""ATT001 dispatch-attention."""

from __future__ import annotations

from collections.abc import Iterator

from linter.findings import Finding
from linter.project import Module
from linter.rules.attention import DISPATCH, GUIDE, is_attention, is_of_autoencoder
from linter.rules.base import Rule


class DispatchAttention(Rule):
    """Attention is computed by a kernel called directly, not by `dispatch_attention_fn`.

    ## What it does
    Finds calls of `scaled_dot_product_attention`, flash-attn, xFormers, SageAttention and flex attention in the
    `__call__` of a processor and in the `forward` of an attention layer that inherits `AttentionModuleMixin`.

    ## Why is this bad?
    `dispatch_attention_fn` is where a person chooses the backend and where context parallelism splits the sequence. A
    direct call ignores both, silently.

    ## Fix safety
    No fix yet: the dispatcher takes `(batch, sequence, heads, head_dim)`, so the layout has to change with the call.

    ## Exceptions
    Autoencoders, whose attention is neither split nor given a backend. Processors of the older shared `Attention`
    class are found: a baseline or `per-file-ignores` holds what will not be moved.
    """

    code = "ATT001"
    name = "dispatch-attention"
    guide = GUIDE
    bad = """
        import torch.nn.functional as F


        class TinyAttnProcessor:
            _attention_backend = None
            _parallel_config = None

            def __call__(self, attn, hidden_states):
                query, key, value = attn.to_q(hidden_states), attn.to_k(hidden_states), attn.to_v(hidden_states)
                return F.scaled_dot_product_attention(query, key, value)  #!
    """
    good = """
        from diffusers.models.attention_dispatch import dispatch_attention_fn


        class TinyAttnProcessor:
            _attention_backend = None
            _parallel_config = None

            def __call__(self, attn, hidden_states):
                query, key, value = attn.to_q(hidden_states), attn.to_k(hidden_states), attn.to_v(hidden_states)
                return dispatch_attention_fn(
                    query, key, value, backend=self._attention_backend, parallel_config=self._parallel_config
                )
    """

    _KERNELS = (
        "torch.nn.functional.scaled_dot_product_attention",
        "torch.nn.attention.flex_attention.flex_attention",
        "torch._C._nn.scaled_dot_product_attention",
        "flash_attn.",
        "flash_attn_interface.",
        "xformers.ops.memory_efficient_attention",
        "sageattention.",
        "torch_npu.npu_fusion_attention",
    )

    def check(self, module: Module) -> Iterator[Finding]:
        if is_of_autoencoder(module):
            return
        for cls in module.classes.values():
            name = "__call__" if cls.is_processor else "forward" if is_attention(cls) else ""
            entry = cls.own_methods.get(name)
            if entry is None or cls.is_shim or not (cls.is_processor or is_attention(cls)):
                continue
            for function in entry.reached:
                if function.module is not module:
                    continue
                for call in function.facts.calls:
                    target = function.target(call.path)
                    if target.startswith(self._KERNELS):
                        message = f"`{call.path}` is called directly; call `{DISPATCH}` with the processor's backend"
                        yield self.finding(module, call.span, message, function)
