"""MOD023 training-leftover."""

from __future__ import annotations

import re
from collections.abc import Iterator

from linter.facts import Call, Span
from linter.findings import Finding, Severity
from linter.project import Class, Function, Module
from linter.rules.base import Rule
from linter.rules.forward.uninitialised_parameter import kept_as


class TrainingLeftover(Rule):
    """A model brings code that only its training needed.

    ## What it does
    Finds, in modules: methods that initialise weights and calls of `torch.nn.init`, dropout that is zero for ever,
    losses, and branches that only training enters.

    ## Why is this bad?
    Weights are loaded, and nothing here is trained from scratch: what never runs still has to be read, and the
    initialisation costs time at each construction.

    ## Exceptions
    What fills a parameter that `torch.empty` made, dropout among the elements of a list, whose places are names in the
    checkpoint, gradient checkpointing, branches that only lay memory out for gradients, and LoRA layers, which are
    there to be trained.
    """

    code = "MOD023"
    name = "training-leftover"
    guide = "models.md#porting"
    severity = Severity.ADVICE
    bad = """
        from torch import nn


        class TinyBlock(nn.Module):
            def __init__(self, dim):
                super().__init__()
                self.proj = nn.Linear(dim, dim)
                self.dropout = nn.Dropout(0.0)  #!
                nn.init.zeros_(self.proj.weight)  #!

            def forward(self, hidden_states):
                return self.dropout(self.proj(hidden_states))
    """
    good = """
        from torch import nn


        class TinyBlock(nn.Module):
            def __init__(self, dim):
                super().__init__()
                self.proj = nn.Linear(dim, dim)

            def forward(self, hidden_states):
                return self.proj(hidden_states)
    """

    def check(self, module: Module) -> Iterator[Finding]:
        for cls in module.classes.values():
            for method in cls.own_methods.values() if cls.is_module and "lora" not in cls.name.lower() else ():
                if method.name in _INITIALISERS and not method.facts.is_empty:
                    message = f"`{method.qualname}` initialises weights that are loaded"
                    yield self.finding(module, method.facts.header, message, method)
                    continue
                for span, message in _leftovers(cls, method):
                    yield self.finding(module, span, message, method)


_INITIALISERS = ("initialize_weights", "_initialize_weights", "init_weights", "_init_weights", "reset_parameters")
_LOSS = re.compile(r"torch\.nn\.(\w+Loss|functional\.(\w+_loss|cross_entropy|\w+_cross_entropy\w*|kl_div))$")
_ZERO = ("0", "0.0")
_LISTS = ("ModuleList", "Sequential", "append", "extend", "insert")
"""What makes a list of modules, or adds to one."""
_OTHERWISE = re.compile(r"\bor\b|\bnot\s+self\.training|gradient_checkpointing")
"""In a condition on `self.training`: it holds outside of training too, or saves memory in training."""


def _leftovers(cls: Class, method: Function) -> Iterator[tuple[Span, str]]:
    for call in method.facts.calls:
        target = method.target(call.path)
        if not target.startswith("torch.nn."):
            continue
        if target.startswith("torch.nn.init.") and not _fills(call, _made_empty(cls)):
            yield call.span, f"`{call.path}` initialises what is loaded"
        elif target.startswith(("torch.nn.Dropout", "torch.nn.functional.dropout")) and _is_never(method, call):
            yield call.span, f"`{call.path}` drops nothing; leave it out"
        elif _LOSS.match(target):
            yield call.span, f"`{call.path}` is a loss, which only training needs"
    for read in method.facts.reads:
        if read.path == "self.training" and read.test >= 0 and _is_entered_in_training_only(method, read.test):
            yield read.span, "only training enters this branch"


def _is_entered_in_training_only(method: Function, condition: int) -> bool:
    text = method.facts.conditions[condition].text
    inside = [call.method for call in method.facts.calls if condition in call.guards]
    return not _OTHERWISE.search(text) and any(name != "contiguous" for name in inside)


def _made_empty(cls: Class) -> frozenset[str]:
    """The parameters and buffers of a class that are made without values, as paths."""
    init = cls.method("__init__")
    if init is None:
        return frozenset()
    made = [call for call in init.facts.calls if init.target(call.path) == "torch.empty"]
    return frozenset(f"self.{kept_as(init, call)}" for call in made)


def _fills(call: Call, made_empty: frozenset[str]) -> bool:
    return not made_empty.isdisjoint(argument.path.removesuffix(".data") for argument in call.arguments)


def _is_never(method: Function, call: Call) -> bool:
    """Whether dropout has a literal rate of zero, and no element of a list would move up if it went."""
    functional = call.method.startswith("dropout")
    place = 1 if functional else 0
    positional = [item.path for item in call.arguments if not item.name]
    rate = next(iter(positional[place:]), call.argument("p"))
    is_element = call.parent != -1 and method.facts.calls[call.parent].method in _LISTS
    return rate in _ZERO and (functional or not is_element)
