"""ATT: attention classes and the processors that compute for them."""

from __future__ import annotations

from collections.abc import Iterator

from linter.facts import Call
from linter.project import Class, Function, Module


GUIDE = "models.md#attention"
PROJECTIONS = ("to_q", "to_k", "to_v")
MIXINS = "diffusers.models.attention"
"""Where `AttentionMixin` and `AttentionModuleMixin` are defined."""
DISPATCH = "dispatch_attention_fn"
BACKEND_ATTRIBUTES = ("_attention_backend", "_parallel_config")


def is_attention(cls: Class) -> bool:
    """Whether a class is an attention layer of the current design."""
    return cls.inherits("AttentionModuleMixin")


def is_of_autoencoder(module: Module) -> bool:
    """Whether a file holds an autoencoder. It runs whole on every rank, and mostly attends with one head that is too
    wide for any backend but PyTorch's own.
    """
    return any(cls.is_model and ("Autoencoder" in cls.name or "VAE" in cls.name) for cls in module.classes.values())


def is_dispatch(function: Function, call: Call) -> bool:
    """Whether a call is one of `dispatch_attention_fn`, whatever the file calls it."""
    if call.receiver.startswith("self"):
        return False
    return call.method == DISPATCH or function.target(call.path).endswith(f".{DISPATCH}")


def dispatch_calls(function: Function) -> Iterator[tuple[Function, Call]]:
    """The calls of `dispatch_attention_fn` in a function and in what it reaches."""
    for reached in function.reached:
        for call in reached.facts.calls if DISPATCH in reached.module.facts.words else ():
            if is_dispatch(reached, call):
                yield reached, call
