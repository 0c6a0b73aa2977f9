"""ATT005 backend-forwarded."""

from __future__ import annotations

import io
import tokenize
from collections.abc import Iterator

from linter.facts import Call, Span
from linter.findings import Edit, Finding, Safety
from linter.project import Function, Module
from linter.rules.attention import BACKEND_ATTRIBUTES, DISPATCH, GUIDE, dispatch_calls, is_attention, is_of_autoencoder
from linter.rules.base import Rule


class BackendForwarded(Rule):
    """`dispatch_attention_fn` is called without the processor's backend or parallel configuration.

    ## What it does
    Checks that each call in what a processor runs passes `backend=` and `parallel_config=`.

    ## Why is this bad?
    What a person chose with `set_attention_backend`, or enabled for context parallelism, has no effect on this layer.

    ## Fix safety
    Safe: the missing arguments are passed from `self`, where the call stands in a method of the processor. A helper
    function has to be handed them first, which is left to a person.

    ## Exceptions
    `parallel_config=` in an autoencoder, which context parallelism does not split.
    """

    code = "ATT005"
    name = "backend-forwarded"
    guide = GUIDE
    fixes = Safety.SAFE
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
        needed = [name for name in _FROM_PROCESSOR if name == "backend" or not is_of_autoencoder(module)]
        for cls in module.classes.values():
            entry = cls.own_methods.get("__call__" if cls.is_processor else "forward")
            if entry is None or not (cls.is_processor or is_attention(cls)):
                continue
            for function, call in dispatch_calls(entry):
                if function.module is not module or id(call) in seen or call.argument("**") is not None:
                    continue
                seen.add(id(call))
                missing = [name for name in needed if call.argument(name) is None]
                if missing:
                    given = " and ".join(f"`{name}=`" for name in missing)
                    message = f"`{DISPATCH}` is called without {given}"
                    edits = _with_arguments(module, function, call, missing)
                    yield self.finding(module, call.span, message, function, edits)


_FROM_PROCESSOR = dict(zip(("backend", "parallel_config"), BACKEND_ATTRIBUTES, strict=True))
_LAYOUT = (tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.ENDMARKER)


def _with_arguments(module: Module, function: Function, call: Call, missing: list[str]) -> tuple[Edit, ...]:
    """The edit that passes what the processor holds, on lines of its own where the last argument has one."""
    if function.cls is None or not function.cls.is_processor:
        return ()
    added = [f"{name}=self.{_FROM_PROCESSOR[name]}" for name in missing]
    tokens = tokenize.generate_tokens(io.StringIO(module.source.between(call.span)).readline)
    last, closing = [token for token in tokens if token.type not in _LAYOUT][-2:]
    row, column = last.end
    line = call.span.line + row - 1
    if last.string == "," and closing.start[0] > row:
        text = module.source.lines[line - 1]
        indent = text[: len(text) - len(text.lstrip())]
        lines = "".join(f"{indent}{item},\n" for item in added)
        return (Edit(str(module.path), Span(line + 1, 0, line + 1, 0), lines),)
    column += call.span.column if row == 1 else 0
    separator = {"(": "", ",": " "}.get(last.string, ", ")
    return (Edit(str(module.path), Span(line, column, line, column), separator + ", ".join(added)),)
