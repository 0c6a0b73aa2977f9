"""MOD012 unused-layer."""

from __future__ import annotations

from collections.abc import Iterator

from linter.facts import Call, Span
from linter.findings import Finding, Severity
from linter.project import Class, Function, Module
from linter.rules.base import Rule
from linter.rules.model_classes import GUIDE


class UnusedLayer(Rule):
    """A layer is built and never used.

    ## What it does
    Finds `self.name = Layer(...)` in the `__init__` of a module whose name is read nowhere in the file and in no base
    class.

    ## Why is this bad?
    Its weights are stored, loaded and moved for nothing, and a reader looks for what it does.

    ## Exceptions
    Attention layers, whose processors may lie elsewhere, and models that a pipeline reaches into, such as the
    statistics of a VAE: of models, only those that denoise are looked at.
    """

    code = "MOD012"
    name = "unused-layer"
    guide = GUIDE
    severity = Severity.WARNING
    bad = """
        from torch import nn


        class TinyBlock(nn.Module):
            def __init__(self, dim):
                super().__init__()
                self.norm = nn.LayerNorm(dim)  #!
                self.proj = nn.Linear(dim, dim)

            def forward(self, hidden_states):
                return self.proj(hidden_states)
    """
    good = bad.replace("self.proj(hidden_states)", "self.proj(self.norm(hidden_states))").replace("  #!", "")

    def check(self, module: Module) -> Iterator[Finding]:
        for cls in module.classes.values():
            init = cls.own_methods.get("__init__")
            if init is None or not cls.is_module or "forward" not in cls.own_methods or self._is_reached_into(cls):
                continue
            used: frozenset[str] | None = None
            for name, span in self._layers(init):
                used = self._used(cls) if used is None else used
                if name not in used:
                    message = f"`{cls.name}` builds `{name}` and never uses it"
                    yield self.finding(module, span, message, cls)

    def _is_reached_into(self, cls: Class) -> bool:
        if cls.is_model:
            return not any(kind in cls.name for kind in ("Transformer", "UNet", "ControlNet"))
        return cls.inherits("AttentionModuleMixin") or cls.method("set_processor") is not None

    def _layers(self, init: Function) -> Iterator[tuple[str, Span]]:
        """The attributes that get a layer of their own, made by torch or by the project, and where."""
        built = {call.assigned for call in init.facts.calls if call.parent == -1 and self._is_layer(init, call)}
        for write in init.facts.writes:
            name = write.target.removeprefix("self.")
            if write.target in built and name.isidentifier() and write.value != "None":
                built.remove(write.target)
                yield name, write.span

    def _is_layer(self, init: Function, call: Call) -> bool:
        if not call.assigned.startswith("self."):
            return False
        found = init.callee(call)
        of_torch = init.target(call.path).startswith("torch.nn.") and call.method[:1].isupper()
        return of_torch or (isinstance(found, Class) and found.is_module)

    def _used(self, cls: Class) -> frozenset[str]:
        """All names that the file and the bases of a class read attributes by, or mention as text."""
        words: set[str] = set()
        modules = {ancestor.module.path: ancestor.module for ancestor in cls.ancestors if isinstance(ancestor, Class)}
        for module in modules.values():
            words |= module.attribute_names
        return frozenset(words)
