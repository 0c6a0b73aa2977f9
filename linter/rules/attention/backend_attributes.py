"""ATT004 backend-attributes."""

from __future__ import annotations

from collections.abc import Iterator

from linter.edits.declaring import with_attributes
from linter.facts import Call
from linter.findings import Finding, Safety
from linter.project import Module
from linter.rules.attention import BACKEND_ATTRIBUTES, GUIDE, dispatch_calls, is_of_autoencoder
from linter.rules.base import Rule


class BackendAttributes(Rule):
    """A processor has no `_attention_backend` or no `_parallel_config` as class attributes.

    ## What it does
    Looks at processors that call `dispatch_attention_fn`.

    ## Why is this bad?
    `set_attention_backend` and context parallelism skip a processor that does not have the attribute, without a word.

    ## Fix safety
    Safe: the attribute is added with `None`, which is what a processor without it behaves like.

    ## Exceptions
    A deprecated name whose `__new__` gives another processor; `_attention_backend` where every call names the one
    backend that serves; `_parallel_config` in an autoencoder, which context parallelism does not split.
    """

    code = "ATT004"
    name = "backend-attributes"
    guide = GUIDE
    fixes = Safety.SAFE
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
            calls = [found for _, found in dispatch_calls(call)]
            if not calls:
                continue
            needless = _needless(module, calls)
            for name in BACKEND_ATTRIBUTES:
                if cls.attribute(name) is None and name not in cls.assigned and name not in needless:
                    message = f"`{cls.name}` has no class attribute `{name} = None`, so it is skipped where one is set"
                    edits = with_attributes(cls, (f"{name} = None",))
                    yield self.finding(module, cls.facts.header, message, cls, edits)


def _needless(module: Module, calls: list[Call]) -> set[str]:
    """The attributes that nobody would set on a processor with these calls."""
    given = [call.argument("backend") for call in calls]
    fixed = all(name is not None and name.startswith(("AttentionBackendName.", "'")) for name in given)
    return {name for name, is_so in zip(BACKEND_ATTRIBUTES, (fixed, is_of_autoencoder(module)), strict=True) if is_so}
