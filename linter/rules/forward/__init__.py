"""FWD: what runs in `forward`, in a processor's `__call__`, and in the helpers of the project that they reach."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass

from linter.facts import Call, FunctionFacts, Span
from linter.findings import Edit, Finding
from linter.project import Function, Module
from linter.project.queries import kept_query
from linter.rules.base import Rule


GUIDE = "models.md#forward-and-torchcompile"


@dataclass(frozen=True)
class Running:
    """A function that runs in a forward.

    `place` is where this file leads to it, None where it is of this file itself.
    """

    function: Function
    entry: Function
    place: Span | None


def running(module: Module, words: Collection[str] = ()) -> Iterator[Running]:
    """The functions that the forwards of a file run: of this file, and those of other files that it calls.

    Args:
        module: The file.
        words: Where given, functions of files that use none of these names are left out (see `FileFacts.words`).
    """
    for where in _all_running(module):
        if not words or not where.function.module.facts.words.isdisjoint(words):
            yield where


@kept_query
def _all_running(module: Module) -> tuple[Running, ...]:
    return tuple(_running(module))


def _running(module: Module) -> Iterator[Running]:
    seen: set[int] = set()
    for cls in module.classes.values():
        entry = cls.own_methods.get("__call__" if cls.is_processor else "forward")
        if entry is None or not (cls.is_processor or cls.is_module):
            continue
        for function in entry.reached:
            # What is of other files has been told of by then, at the call that leads there.
            if id(function.facts) not in seen:
                seen.add(id(function.facts))
                yield Running(function, entry, None)
                yield from _outside(module, function, entry, seen)


def _outside(module: Module, function: Function, entry: Function, seen: set[int]) -> Iterator[Running]:
    """What the calls of one function lead to in other files; a helper is told of once a file, at the first call."""
    for call in function.facts.calls:
        callee = function.callee(call)
        if isinstance(callee, Function) and callee.module is not module:
            for reached in callee.reached:
                if reached.module is not module and id(reached.facts) not in seen:
                    seen.add(id(reached.facts))
                    yield Running(reached, entry, call.span)


def guard_texts(facts: FunctionFacts, guards: tuple[int, ...]) -> Iterator[str]:
    """The source of the conditions that hold, or do not hold, at a place."""
    for index in guards:
        yield facts.conditions[index if index >= 0 else ~index].text


def given_by_bare_name(function: Function, targets: frozenset[str]) -> Iterator[tuple[str, Call]]:
    """The calls that are given something under a name of its own, as after `from torch import float64`."""
    names = {name for name, target in function.module.imports.items() if target in targets}
    for call in function.facts.calls if names else ():
        for argument in call.arguments:
            if argument.path in names and function.target(argument.path) in targets:
                yield argument.path, call


class ForwardRule(Rule):
    """What the rules of this family share: where a finding about a forward is placed and how it is told."""

    def told(self, module: Module, where: Running, span: Span, message: str, edits: tuple[Edit, ...] = ()) -> Finding:
        """A finding at the place itself, or at this file's call that leads to it."""
        if where.place is None:
            through = "" if where.function.facts is where.entry.facts else f", which `{where.entry.qualname}` reaches"
            return self.finding(module, span, message + through, where.function, edits)
        other = where.function.module
        message = f"{message}, in `{where.function.qualname}` ({other.name}:{span.line}), which this call reaches"
        return self.finding(module, where.place, message, where.entry)
