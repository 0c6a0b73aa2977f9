"""ATT007 processor-called."""

from __future__ import annotations

from collections.abc import Iterator

from linter.findings import Finding
from linter.project import Class, Function, Module
from linter.rules.attention import GUIDE, is_attention
from linter.rules.base import Rule


def _uses_processor(function: Function) -> bool:
    return any(
        call.path.startswith(("self.processor", "super().forward"))
        for reached in function.reached
        for call in reached.facts.calls
    ) or any(
        # It is called by another name, or handed on; what is asked of it (`self.processor.__call__`) calls nothing.
        read.path == "self.processor"
        for reached in function.reached
        for read in reached.facts.reads
    )


def _sets_processor(cls: Class) -> bool:
    # The mixin's own `set_processor` sets one only when it is called.
    methods = [
        method.facts
        for ancestor in cls.ancestors
        if isinstance(ancestor, Class) and ancestor.name != "AttentionModuleMixin"
        for method in ancestor.own_methods.values()
    ]
    if any(call.path == "self.set_processor" for facts in methods for call in facts.calls):
        return True
    return any(write.target == "self.processor" for facts in methods for write in facts.writes) or any(
        isinstance(ancestor, str) and not ancestor.endswith((".Module", "Mixin")) for ancestor in cls.ancestors
    )


class ProcessorCalled(Rule):
    """An attention layer's `forward` does not go through `self.processor`, or nothing sets one.

    ## What it does
    For classes that inherit `AttentionModuleMixin`: `forward` must use `self.processor`, and a method must call
    `self.set_processor` or assign `self.processor`.

    ## Why is this bad?
    A processor that is not asked cannot be swapped: custom processors, backends and adapters have no effect.
    """

    code = "ATT007"
    name = "processor-called"
    guide = GUIDE
    bad = """
        from diffusers.models.attention import AttentionModuleMixin
        from torch import nn


        class TinyAttnProcessor:
            def __call__(self, attn, hidden_states):
                return attn.to_q(hidden_states)


        class TinyAttention(nn.Module, AttentionModuleMixin):
            _default_processor_cls = TinyAttnProcessor
            _available_processors = [TinyAttnProcessor]

            def __init__(self, dim):
                super().__init__()
                self.to_q = nn.Linear(dim, dim)
                self.set_processor(TinyAttnProcessor())

            def forward(self, hidden_states):  #!
                return self.to_q(hidden_states)
    """
    good = """
        from diffusers.models.attention import AttentionModuleMixin
        from torch import nn


        class TinyAttnProcessor:
            _attention_backend = None
            _parallel_config = None

            def __call__(self, attn, hidden_states):
                return attn.to_q(hidden_states)


        class TinyAttention(nn.Module, AttentionModuleMixin):
            _default_processor_cls = TinyAttnProcessor
            _available_processors = [TinyAttnProcessor]

            def __init__(self, dim):
                super().__init__()
                self.to_q = nn.Linear(dim, dim)
                self.set_processor(TinyAttnProcessor())

            def forward(self, hidden_states):
                return self.processor(self, hidden_states)
    """

    def check(self, module: Module) -> Iterator[Finding]:
        for cls in module.classes.values():
            if not is_attention(cls) or not cls.is_module:
                continue
            forward = cls.own_methods.get("forward")
            if forward is not None and not forward.facts.is_empty and not _uses_processor(forward):
                message = f"`{cls.name}.forward` does not call `self.processor`"
                yield self.finding(module, forward.facts.header, message, forward)
            init = cls.own_methods.get("__init__")
            if init is not None and not _sets_processor(cls):
                message = f"`{cls.name}` never sets a processor; call `self.set_processor(...)` in `__init__`"
                yield self.finding(module, init.facts.header, message, init)
