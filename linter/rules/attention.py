"""ATT: attention classes and the processors that compute for them."""

from __future__ import annotations

from collections.abc import Iterator

from linter.facts import Call
from linter.findings import Finding
from linter.project import Class, Function, Module
from linter.rules.base import Rule


GUIDE = "models.md#attention"
PROJECTIONS = ("to_q", "to_k", "to_v")
DISPATCH = "dispatch_attention_fn"
BACKEND_ATTRIBUTES = ("_attention_backend", "_parallel_config")


def is_attention(cls: Class) -> bool:
    """Whether a class is an attention layer of the current design."""
    return cls.inherits("AttentionModuleMixin")


def dispatch_calls(function: Function) -> Iterator[tuple[Function, Call]]:
    """The calls of `dispatch_attention_fn` in a function and in what it reaches."""
    for reached in function.reached:
        for call in reached.facts.calls:
            if call.method == DISPATCH and not call.receiver.startswith("self"):
                yield reached, call


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
    Processors of the older shared `Attention` class, which `set_attention_backend` does not reach, and attention
    inside autoencoders.
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


class AttentionMixinMissing(Rule):
    """An attention layer does not inherit `AttentionModuleMixin`.

    ## What it does
    Finds modules that build `to_q`, `to_k` and `to_v` as linear layers, or call `self.set_processor`, without it.

    ## Why is this bad?
    The mixin is how `set_attn_processor`, `set_attention_backend` and QKV fusion find the layer. Without it they pass
    it by.

    ## Exceptions
    A class that defines `set_processor` itself.
    """

    code = "ATT002"
    name = "attention-mixin"
    guide = GUIDE
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
                for write in method.facts.writes
                if write.value.endswith("Linear()")
            }
            sets = any(
                call.path == "self.set_processor" for method in cls.own_methods.values() for call in method.facts.calls
            )
            if sets or all(f"self.{name}" in own for name in PROJECTIONS):
                message = f"`{cls.name}` is an attention layer and does not inherit `AttentionModuleMixin`"
                yield self.finding(module, cls.facts.header, message, cls)


class DefaultProcessor(Rule):
    """An attention layer does not declare its processors, or its default is not among them.

    ## What it does
    For classes that inherit `AttentionModuleMixin`, checks that `_default_processor_cls` and `_available_processors`
    are declared and that the first is one of the second.

    ## Why is this bad?
    The declarations are how a reader, and code that swaps processors, learn which ones fit the layer.
    """

    code = "ATT003"
    name = "default-processor"
    guide = GUIDE
    bad = """
        from diffusers.models.attention import AttentionModuleMixin
        from torch import nn


        class TinyAttnProcessor:
            pass


        class TinyAttention(nn.Module, AttentionModuleMixin):  #!
            _default_processor_cls = TinyAttnProcessor
    """
    good = """
        from diffusers.models.attention import AttentionModuleMixin
        from torch import nn


        class TinyAttnProcessor:
            pass


        class TinyAttention(nn.Module, AttentionModuleMixin):
            _default_processor_cls = TinyAttnProcessor
            _available_processors = [TinyAttnProcessor]
    """

    def check(self, module: Module) -> Iterator[Finding]:
        for cls in module.classes.values():
            if not is_attention(cls):
                continue
            default, available = cls.attribute("_default_processor_cls"), cls.attribute("_available_processors")
            if default is None or default.kind == "none":
                message = f"`{cls.name}` does not declare `_default_processor_cls`"
            elif available is None or (available.kind == "sequence" and not available.items):
                message = f"`{cls.name}` does not declare `_available_processors`"
            elif available.kind == "sequence" and available.complete and default.text not in available.items:
                message = (
                    f"`{default.text}` is the default processor of `{cls.name}` but not among `_available_processors`"
                )
            else:
                continue
            yield self.finding(module, cls.facts.header, message, cls)


class BackendAttributes(Rule):
    """A processor has no `_attention_backend` or no `_parallel_config` as class attributes.

    ## What it does
    Looks at processors that call `dispatch_attention_fn`.

    ## Why is this bad?
    `set_attention_backend` and context parallelism skip a processor that does not have the attribute, without a word.

    ## Exceptions
    A deprecated name whose `__new__` gives another processor.
    """

    code = "ATT004"
    name = "backend-attributes"
    guide = GUIDE
    bad = """
        from diffusers.models.attention_dispatch import dispatch_attention_fn


        class TinyAttnProcessor:  #!
            _attention_backend = None

            def __call__(self, attn, hidden_states):
                return dispatch_attention_fn(
                    hidden_states, hidden_states, hidden_states, backend=self._attention_backend, parallel_config=None
                )
    """
    good = """
        from diffusers.models.attention_dispatch import dispatch_attention_fn


        class TinyAttnProcessor:
            _attention_backend = None
            _parallel_config = None

            def __call__(self, attn, hidden_states):
                return dispatch_attention_fn(
                    hidden_states,
                    hidden_states,
                    hidden_states,
                    backend=self._attention_backend,
                    parallel_config=self._parallel_config,
                )
    """

    def check(self, module: Module) -> Iterator[Finding]:
        for cls in module.classes.values():
            call = cls.method("__call__")
            if not cls.is_processor or cls.is_shim or call is None or cls.has_unknown_base:
                continue
            if not any(dispatch_calls(call)):
                continue
            for name in BACKEND_ATTRIBUTES:
                if cls.attribute(name) is None and name not in cls.assigned:
                    message = f"`{cls.name}` has no class attribute `{name} = None`, so it is skipped where one is set"
                    yield self.finding(module, cls.facts.header, message, cls)


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


def _uses_processor(function: Function) -> bool:
    return any(
        call.path.startswith(("self.processor", "super().forward"))
        for reached in function.reached
        for call in reached.facts.calls
    ) or any(read.path.startswith("self.processor") for reached in function.reached for read in reached.facts.reads)


def _sets_processor(cls: Class) -> bool:
    methods = [
        method for ancestor in cls.ancestors if isinstance(ancestor, Class) for method in ancestor.own_methods.values()
    ]
    if any(call.path == "self.set_processor" for method in methods for call in method.facts.calls):
        return True
    return "processor" in cls.assigned or any(
        isinstance(ancestor, str) and not ancestor.endswith((".Module", "Mixin")) for ancestor in cls.ancestors
    )


class AttentionMixinModel(Rule):
    """A model that owns attention layers does not inherit `AttentionMixin`.

    ## What it does
    Follows what the model's `__init__` builds, through its blocks, to layers that inherit `AttentionModuleMixin`.

    ## Why is this bad?
    Without the mixin the model has no `attn_processors`, no `set_attn_processor` and no QKV fusion.

    ## Exceptions
    A model that defines `attn_processors` itself.
    """

    code = "ATT016"
    name = "attention-mixin-model"
    guide = GUIDE
    bad = """
        from diffusers.configuration_utils import ConfigMixin, register_to_config
        from diffusers.models.attention import AttentionModuleMixin
        from diffusers.models.modeling_utils import ModelMixin
        from torch import nn


        class TinyAttention(nn.Module, AttentionModuleMixin):
            pass


        class TinyModel(ModelMixin, ConfigMixin):  #!
            @register_to_config
            def __init__(self, num_layers: int = 2):
                super().__init__()
                self.blocks = nn.ModuleList([TinyAttention() for _ in range(num_layers)])
    """
    good = """
        from diffusers.configuration_utils import ConfigMixin, register_to_config
        from diffusers.models.attention import AttentionMixin, AttentionModuleMixin
        from diffusers.models.modeling_utils import ModelMixin
        from torch import nn


        class TinyAttention(nn.Module, AttentionModuleMixin):
            pass


        class TinyModel(ModelMixin, ConfigMixin, AttentionMixin):
            @register_to_config
            def __init__(self, num_layers: int = 2):
                super().__init__()
                self.blocks = nn.ModuleList([TinyAttention() for _ in range(num_layers)])
    """

    def check(self, module: Module) -> Iterator[Finding]:
        for cls in module.classes.values():
            if not cls.is_model or cls.inherits("AttentionMixin") or cls.method("attn_processors") is not None:
                continue
            layer = next((part for part in cls.all_parts()[1:] if is_attention(part)), None)
            if layer is not None:
                message = f"`{cls.name}` owns `{layer.name}` layers and does not inherit `AttentionMixin`"
                yield self.finding(module, cls.facts.header, message, cls)
