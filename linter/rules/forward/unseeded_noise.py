"""FWD012 unseeded-noise."""

from __future__ import annotations

import re
from collections.abc import Iterator

from linter.facts import Call
from linter.findings import Finding
from linter.project import Function, Module
from linter.rules.forward import GUIDE, ForwardRule, Running, guard_texts, running


class UnseededNoise(ForwardRule):
    """A forward draws random numbers that no generator governs.

    ## What it does
    Finds `torch.randn`, `torch.rand`, `randn_like`, `normal_` and their kin without `generator=` in a forward and in
    what it reaches.

    ## Why is this bad?
    The caller's `generator` promises the same picture for the same seed. Numbers from the global state break that, and
    differ between devices.

    ## Exceptions
    Code for training only. Dropout is a layer, and off at inference.
    """

    code = "FWD012"
    name = "unseeded-noise"
    guide = GUIDE
    bad = """
        import torch
        from torch import nn


        class TinyBlock(nn.Module):
            def forward(self, hidden_states: torch.Tensor):
                return hidden_states + torch.randn_like(hidden_states)  #!
    """
    good = """
        import torch
        from diffusers.utils.torch_utils import randn_tensor
        from torch import nn


        class TinyBlock(nn.Module):
            def forward(self, hidden_states: torch.Tensor, generator: torch.Generator | None = None):
                noise = randn_tensor(
                    hidden_states.shape, generator=generator, device=hidden_states.device, dtype=hidden_states.dtype
                )
                return hidden_states + noise
    """

    _DRAWS = frozenset(
        {"rand", "rand_like", "randn", "randn_like", "randint", "randint_like", "randperm"}
        | {"normal", "bernoulli", "multinomial"}
    )
    _IN_PLACE = frozenset({"normal_", "uniform_", "bernoulli_", "random_", "exponential_"})
    _TRAINING = re.compile(r"\btrain(ing)?\b|generator")

    def check(self, module: Module) -> Iterator[Finding]:
        for where in running(module, self._DRAWS | self._IN_PLACE):
            facts = where.function.facts
            for call in facts.calls:
                if not self._draws(where.function, call) or call.argument("generator") is not None:
                    continue
                if not any(self._TRAINING.search(text) for text in self._conditions(where, call)):
                    message = f"`{call.path}` draws without a generator in a forward"
                    yield self.told(module, where, call.span, message)

    def _draws(self, function: Function, call: Call) -> bool:
        if any(argument.name == "**" for argument in call.arguments):
            return False
        if call.method in self._IN_PLACE and call.receiver:
            return True
        library, _, name = function.target(call.path).rpartition(".")
        return library == "torch" and name in self._DRAWS

    def _conditions(self, where: Running, call: Call) -> Iterator[str]:
        """What a draw stands under, in its function and where that is called."""
        yield from guard_texts(where.function.facts, call.guards)
        for caller in where.entry.reached:
            for other in caller.facts.calls:
                if caller.callee(other) is where.function:
                    yield from guard_texts(caller.facts, other.guards)
