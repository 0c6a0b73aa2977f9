"""FWD011 state-mutation."""

from __future__ import annotations

from collections.abc import Iterator

from linter.findings import Finding
from linter.project import Class, Module
from linter.rules.forward import GUIDE, ForwardRule, guard_texts, running


class StateMutation(ForwardRule):
    """A forward changes the module that it runs in.

    ## What it does
    Finds assignments to `self.name`, in-place methods on buffers, and `global` in a forward and in the methods and
    helpers that it reaches.

    ## Why is this bad?
    `torch.compile` recompiles when an attribute changes, two threads or two streams of one model mix their states, and
    a result depends on what ran before.

    ## Exceptions
    Caches: what is called so, what a method `clear_...` or `reset_...` of the class empties, and a table that is asked
    first whether it has the entry.
    """

    code = "FWD011"
    name = "state-mutation"
    guide = GUIDE
    bad = """
        from torch import nn


        class TinyBlock(nn.Module):
            def forward(self, hidden_states):
                self.last = hidden_states  #!
                return hidden_states
    """
    good = """
        from torch import nn


        class TinyBlock(nn.Module):
            def forward(self, hidden_states):
                last = hidden_states
                return last
    """

    def check(self, module: Module) -> Iterator[Finding]:
        for where in running(module):
            cls, facts = where.function.cls, where.function.facts
            is_module = cls is not None and cls.is_module
            for write in facts.writes:
                is_own = is_module and write.target.startswith("self.")
                is_memo = any(" not in self." in text for text in guard_texts(facts, write.guards))
                if write.kind == "global" or (is_own and not is_memo and not self._is_cache(cls, write.target)):
                    message = f"`{write.target}` is changed in a forward"
                    yield self.told(module, where, write.span, message)
            buffers = self._buffers(cls) if is_module else frozenset()
            for call in facts.calls if buffers else ():
                if call.method.endswith("_") and not call.method.endswith("__") and call.receiver in buffers:
                    yield self.told(module, where, call.span, f"the buffer `{call.receiver}` is changed in a forward")

    def _is_cache(self, cls: Class | None, target: str) -> bool:
        name = target[5:].partition(".")[0].removesuffix("[]")
        emptied = (
            write.target
            for method in (cls.own_methods.values() if cls else ())
            if method.name.lstrip("_").startswith(("clear", "reset"))
            for write in method.facts.writes
        )
        return "cache" in name or f"self.{name}" in emptied

    def _buffers(self, cls: Class | None) -> frozenset[str]:
        init = cls.own_methods.get("__init__") if cls else None
        calls = init.facts.calls if init else ()
        made = (call.arguments[0].path[1:-1] for call in calls if call.method == "register_buffer" and call.arguments)
        return frozenset(f"self.{name}" for name in made)
