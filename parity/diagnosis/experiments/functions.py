"""Experiments with what a forward calls as a function of torch: activations, norms, and attention itself."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import torch
from torch import nn
from torch.nn import functional
from torch.overrides import TorchFunctionMode

from parity.bisection.bisect import Specimen
from parity.diagnosis.experiments.layers import ACTIVATIONS
from parity.diagnosis.experiments.variant import Change, each_and_all, run_under, without_numbers
from parity.forwards.execution import execute
from parity.forwards.observing import watchable


# What stands in place of one call: it is told the function, its arguments and its keyword arguments.
_Call = Callable[[Callable[..., Any], tuple[Any, ...], dict[str, Any]], Any]
_ACTIVATING = {each.__name__ for each in (functional.silu, functional.gelu, functional.relu, torch.tanh)}
_NORMING = {each.__name__ for each in (functional.layer_norm, functional.rms_norm, functional.normalize)}
_ATTENDING = functional.scaled_dot_product_attention.__name__


def replace_functions(side: Specimen, other: Specimen) -> Iterator[tuple[str, Change]]:
    """Activations and norms that no module makes, left out, and other activations in their place."""
    yield from each_and_all(_replacements(side))


def _replacements(side: Specimen) -> Iterator[tuple[str, str, Change]]:
    for name, pattern in _calls_of(side, _ACTIVATING | _NORMING):
        yield f"`{name}` in {{}} left out", pattern, _in_place(name, pattern, lambda _func, given, _named: given[0])
        for words, act in ACTIVATIONS.items():
            if name in _ACTIVATING:
                make: _Call = lambda _func, given, _named, act=act: act(given[0])  # type: ignore[misc] # noqa: E731
                yield f"{words} in place of `{name}` in {{}}", pattern, _in_place(name, pattern, make)


def change_attention(side: Specimen, other: Specimen) -> Iterator[tuple[str, Change]]:
    """Another scale of the products of queries and keys, and another mask."""
    found: list[tuple[str, str, Change]] = []
    for name, pattern in _calls_of(side, {_ATTENDING}):
        for words, power in (("1", 0.0), ("one through the size of a head", -1.0), ("1 through its root", -0.5)):
            found.append((f"attention in {{}} with a scale of {words}", pattern, _scaled(name, pattern, power)))
        for words, given in (("without a mask", {}), ("of what came before alone", {"is_causal": True})):
            found.append((f"attention in {{}} {words}", pattern, _masked(name, pattern, given)))
    yield from each_and_all(found)


def _scaled(name: str, pattern: str, power: float) -> Change:
    def call(func: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        query = args[0] if args else kwargs["query"]
        return func(*args, **{**kwargs, "scale": query.shape[-1] ** power})

    return _in_place(name, pattern, call)


def _masked(name: str, pattern: str, given: Mapping[str, Any]) -> Change:
    def call(func: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        return func(*args[:3], **{**kwargs, "attn_mask": None, "is_causal": False, **given})

    return _in_place(name, pattern, call)


def _in_place(name: str, pattern: str, call: _Call) -> Change:
    def change(module: nn.Module, inputs: dict[str, Any]) -> None:
        _follow(module, _Functions(name, pattern, call))

    return change


def _calls_of(side: Specimen, names: set[str]) -> list[tuple[str, str]]:
    """The functions of these names that are called, each with the path, without numbers, of the module that does."""
    module, mode = copy.deepcopy(side.module), _Functions()
    _follow(module, mode)
    execute(module, side.inputs, 0, gradients=False)
    return [(name, pattern) for name, pattern in mode.seen if name in names]


def _follow(module: nn.Module, mode: _Functions) -> None:
    """Has a mode know in which submodule a function is called."""
    run_under(module, mode)
    for path, each in watchable(module).items():
        # A module that is an activation or a norm calls its own function, which other experiments are for.
        if not type(each).__module__.startswith("torch.nn."):
            mode.watch(each, without_numbers(path))


class _Functions(TorchFunctionMode):
    """Notes which functions are called, and has one of them do something else in some of the modules."""

    def __init__(self, name: str = "", pattern: str = "", call: _Call | None = None) -> None:
        super().__init__()
        self._name, self._pattern, self._call = name, pattern, call
        self._entered: list[str] = []
        self.seen: dict[tuple[str, str], None] = {}

    def watch(self, module: nn.Module, pattern: str) -> None:
        """Knows when a submodule runs."""

        def enter(_module: nn.Module, _given: Any) -> None:
            self._entered.append(pattern)

        def leave(_module: nn.Module, _given: Any, _result: Any) -> None:
            self._entered.pop()

        module.register_forward_pre_hook(enter)
        module.register_forward_hook(leave, always_call=True)

    def __torch_function__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        name, pattern = getattr(func, "__name__", ""), self._entered[-1] if self._entered else ""
        self.seen[name, pattern] = None
        if self._call is not None and (name, pattern) == (self._name, self._pattern):
            return self._call(func, args, dict(kwargs or {}))
        return func(*args, **(kwargs or {}))
