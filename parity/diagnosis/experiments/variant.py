"""What an experiment is: changes to a copy of a side, each with the words that say it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import torch
from torch import nn
from torch.overrides import TorchFunctionMode

from parity.bisection.bisect import Specimen
from parity.forwards.observing import watchable


# Changes a copy of a module and a copy of its inputs, in place, or returns another module for the copy.
Change = Callable[[nn.Module, dict[str, Any]], "nn.Module | None"]
# Finds the changes that there are for one side, in view of the other.
Proposals = Callable[[Specimen, Specimen], Iterator[tuple[str, Change]]]
_Proposals = TypeVar("_Proposals")
# So many places are named; a sentence with more is not read.
_LISTED = 4


@dataclass(frozen=True)
class Experiment(Generic[_Proposals]):
    """One pitfall.

    Attributes:
        name: What it is about, for people.
        remedy: What to do when it explains the difference.
        propose: The changes that it has for a side, each with the words for it, to be read after `with`.
        is_of_dtype: Whether the pitfall can show in bfloat16 and not in float32.
        can_be_undone: Whether each change is undone by another one, so that the candidate alone need be changed.
    """

    name: str
    remedy: str
    propose: _Proposals
    is_of_dtype: bool = False
    can_be_undone: bool = False


def patterns(module: nn.Module, choose: Callable[[nn.Module], bool]) -> dict[str, list[str]]:
    """The chosen submodules by their path without numbers: a fault in a class is in all of its instances.

    Those whose weights have other shapes, such as the last block's, are apart, under their own path.
    """
    found: dict[str, list[str]] = {}
    shapes: dict[str, list[torch.Size]] = {}
    for path, each in watchable(module).items():
        if choose(each):
            pattern, own = without_numbers(path), [parameter.shape for parameter in each.parameters()]
            key = pattern if shapes.setdefault(pattern, own) == own else path
            found.setdefault(key, []).append(path)
    return found


def without_numbers(path: str) -> str:
    """A path with `*` for each index."""
    return re.sub(r"(?<=\.)\d+(?=\.|$)|^\d+(?=\.)", "*", path)


def on_modules(paths: list[str], act: Callable[[nn.Module], None]) -> Change:
    """Does the same to the submodules at these paths."""

    def change(module: nn.Module, inputs: dict[str, Any]) -> None:
        with torch.no_grad():
            for path in paths:
                act(module.get_submodule(path))

    return change


def on_outputs(paths: list[str], act: Callable[[nn.Module, Any, Any], Any]) -> Change:
    """Replaces what the submodules at these paths return; `act` is told the module, its first argument, its result.

    The hooks stay on the copy, which is thrown away with them.
    """

    def change(module: nn.Module, inputs: dict[str, Any]) -> None:
        for path in paths:
            module.get_submodule(path).register_forward_hook(
                lambda each, given, result: act(each, given[0] if given else None, result)
            )

    return change


def on_inputs(paths: list[str], act: Callable[[torch.Tensor], torch.Tensor]) -> Change:
    """Replaces the first argument of the submodules at these paths."""

    def change(module: nn.Module, inputs: dict[str, Any]) -> None:
        for path in paths:
            module.get_submodule(path).register_forward_pre_hook(
                lambda _module, given: (act(given[0]), *given[1:]) if given else None
            )

    return change


def run_under(module: nn.Module, mode: TorchFunctionMode) -> None:
    """Has each forward of a copy run under a mode."""

    def enter(_module: nn.Module, _given: Any) -> None:
        mode.__enter__()  # type: ignore[no-untyped-call]

    def leave(_module: nn.Module, _given: Any, _result: Any) -> None:
        mode.__exit__(None, None, None)  # type: ignore[no-untyped-call]

    module.register_forward_pre_hook(enter)
    module.register_forward_hook(leave, always_call=True)


def all_of(*changes: Change) -> Change:
    """Makes several changes, one after the other, none of which returns another module."""

    def change(module: nn.Module, inputs: dict[str, Any]) -> None:
        for each in changes:
            each(module, inputs)

    return change


def each_and_all(variants: Iterable[tuple[str, str, Change]]) -> Iterator[tuple[str, Change]]:
    """Each change by itself, then all of a kind together: one slip is often made in all places that are alike.

    Args:
        variants: The words with `{}` for the place, which tell the kind; the place; the change.
    """
    kinds: dict[str, dict[str, Change]] = {}
    for words, place, change in variants:
        yield words.format(listed([place])), change
        kinds.setdefault(words, {})[place] = change
    for words, places in kinds.items():
        if len(places) > 1:
            yield words.format(listed(list(places))), all_of(*places.values())


def alone_and_together(names: list[str]) -> list[list[str]]:
    """Each name by itself, and all of them."""
    return [[name] for name in names] + ([names] if len(names) > 1 else [])


def listed(names: Sequence[str]) -> str:
    """Names for a sentence, the first few of many."""
    shown = [f"`{name}`" if name else "the model's own forward" for name in names[:_LISTED]]
    rest = [f"{len(names) - _LISTED} more"] if len(names) > _LISTED else []
    *front, last = [*shown, *rest]
    return f"{', '.join(front)} and {last}" if front else last


def is_linear(module: nn.Module) -> bool:
    """Whether a module is one linear layer."""
    return isinstance(module, nn.Linear)
