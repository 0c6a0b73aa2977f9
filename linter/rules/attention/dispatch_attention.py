"""ATT001 dispatch-attention."""

from __future__ import annotations

from collections.abc import Iterator

from linter.edits.dispatching import with_dispatch
from linter.findings import Finding, Safety
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
    Unsafe: a call of `scaled_dot_product_attention` in a processor becomes a call of the dispatcher, where it is sure
    in which order query, key and value have their heads and tokens. The dispatcher takes `(batch, tokens, heads,
    head_dim)`, so what was transposed for the kernel is transposed back.

    ## Exceptions
    Autoencoders, whose attention is neither split nor given a backend. Processors of the older shared `Attention`
    class are found: a baseline or `per-file-ignores` holds what will not be moved.
    """

    code = "ATT001"
    name = "dispatch-attention"
    guide = GUIDE
    fixes = Safety.UNSAFE
    bad = """
        import torch.nn.functional as F


        class TinyAttnProcessor:
            _attention_backend = None
            _parallel_config = None

            def __call__(self, attn, hidden_states):
                query = attn.to_q(hidden_states).unflatten(-1, (-1, attn.head_dim)).transpose(1, 2)
                key = attn.to_k(hidden_states).unflatten(-1, (-1, attn.head_dim)).transpose(1, 2)
                value = attn.to_v(hidden_states).unflatten(-1, (-1, attn.head_dim)).transpose(1, 2)
                return F.scaled_dot_product_attention(query, key, value).transpose(1, 2)  #!
    """
    good = """
        from diffusers.models.attention_dispatch import dispatch_attention_fn


        class TinyAttnProcessor:
            _attention_backend = None
            _parallel_config = None

            def __call__(self, attn, hidden_states):
                query = attn.to_q(hidden_states).unflatten(-1, (-1, attn.head_dim))
                key = attn.to_k(hidden_states).unflatten(-1, (-1, attn.head_dim))
                value = attn.to_v(hidden_states).unflatten(-1, (-1, attn.head_dim))
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
    words = frozenset(kernel.rstrip(".").rpartition(".")[2] for kernel in _KERNELS)

    def check(self, module: Module) -> Iterator[Finding]:
        if is_of_autoencoder(module):
            return
        for cls in module.classes.values():
            entry = cls.own_methods.get("__call__" if cls.is_processor else "forward")
            if entry is None or cls.is_shim or not (cls.is_processor or is_attention(cls)):
                continue
            for function in entry.reached:
                if function.module is not module:
                    continue
                for call in function.facts.calls:
                    target = function.target(call.path)
                    # A method of what the kernel returns is no second call of it.
                    if target.startswith(self._KERNELS) and "()" not in target:
                        message = f"`{call.path}` is called directly; call `{DISPATCH}` with the processor's backend"
                        is_own = function.cls is cls and cls.is_processor and target.endswith(_SDPA)
                        edits = with_dispatch(cls, function, call) if is_own else ()
                        yield self.finding(module, call.span, message, function, edits)


_SDPA = ".scaled_dot_product_attention"
