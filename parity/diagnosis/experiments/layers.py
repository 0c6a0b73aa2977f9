"""Experiments with layers that have few weights: norms, activations, the sinusoids of a timestep, random draws."""

from __future__ import annotations

import copy
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import torch
from torch import nn
from torch.nn.functional import gelu, silu
from torch.overrides import TorchFunctionMode

from parity.bisection.bisect import Specimen
from parity.diagnosis.experiments.heads import role_of
from parity.diagnosis.experiments.variant import (
    Change,
    each_and_all,
    is_linear,
    on_inputs,
    on_modules,
    on_outputs,
    patterns,
    run_under,
    without_numbers,
)
from parity.diagnosis.rigs import DRAWING
from parity.forwards.execution import execute
from parity.forwards.observing import watchable, watched


ACTIVATIONS: dict[str, Callable[[torch.Tensor], torch.Tensor]] = {
    "SiLU": silu,
    "GELU": gelu,
    "GELU by tanh": lambda each: gelu(each, approximate="tanh"),
}
_OTHER = {"none": "tanh", "tanh": "none"}


def leave_out(side: Specimen, other: Specimen) -> Iterator[tuple[str, Change]]:
    """Norms and activations that do nothing, for one that is missing or stands in another place, and other kinds."""
    yield from each_and_all(_without(side))
    for pattern, paths in patterns(side.module, lambda each: vars(each).get("approximate") in _OTHER).items():
        present = getattr(side.module.get_submodule(paths[0]), "approximate")  # noqa: B009 - of any class
        text = f"approximate={_OTHER[present]!r} for {present!r} in `{pattern}`"
        yield text, on_modules(paths, _set("approximate", _OTHER[present]))


def _without(side: Specimen) -> Iterator[tuple[str, str, Change]]:
    def is_one(each: nn.Module) -> bool:
        return bool(re.search(r"Norm|SiLU|GELU", type(each).__name__)) and not list(each.children())

    for pattern, paths in patterns(side.module, is_one).items():
        module = side.module.get_submodule(paths[0])
        is_norm = "Norm" in type(module).__name__
        # Norms of queries are alike, and those of keys, and those of blocks are something else.
        role = role_of(pattern.rpartition(".")[2]) if is_norm else ""
        kind = {"q": " of queries", "k": " of keys"}.get(role or "", "")
        yield f"the norm{kind} {{}} left out" if is_norm else "{} left out", pattern, on_outputs(paths, _pass_on)
        if is_norm:
            yield f"the norm{kind} {{}} taken with the mean", pattern, on_outputs(paths, _as_layer_norm)
            yield f"the norm{kind} {{}} taken without the mean", pattern, on_outputs(paths, _as_rms_norm)
        else:
            for name, act in ACTIVATIONS.items():
                replace: Any = lambda _module, given, _result, act=act: act(given)  # noqa: E731
                yield f"{name} in place of {{}}", pattern, on_outputs(paths, replace)
        if list(module.parameters(recurse=False)):
            yield f"the weight of the norm{kind} {{}} at one", pattern, on_modules(paths, _flatten)


def put_in_front(side: Specimen, other: Specimen) -> Iterator[tuple[str, Change]]:
    """An activation of what enters a projection, for one that is missing and is no module."""
    yield from each_and_all(
        (f"{name} of what enters {{}}", pattern, on_inputs(paths, act))
        for pattern, paths in patterns(side.module, is_linear).items()
        for name, act in ACTIVATIONS.items()
    )


def exchange_gated_halves(side: Specimen, other: Specimen) -> Iterator[tuple[str, Change]]:
    """The halves of what enters a gated activation, which is half as wide when it leaves."""
    module = copy.deepcopy(side.module)
    found: dict[str, list[str]] = {}

    def left(path: str, arguments: tuple[Any, ...], named: Mapping[str, Any], result: Any) -> None:
        given = arguments[0] if arguments else None
        if not (isinstance(given, torch.Tensor) and isinstance(result, torch.Tensor)):
            return
        if given.ndim == result.ndim and given.shape[-1] == 2 * result.shape[-1]:
            found.setdefault(without_numbers(path), []).append(path)

    bare = [path for path, each in watchable(module).items() if not list(each.parameters())]
    with watched(module, bare, left=left):
        execute(module, side.inputs, 0, gradients=False)
    yield from each_and_all(
        ("the halves of what enters {} exchanged", pattern, on_inputs(list(dict.fromkeys(paths)), _exchange_halves))
        for pattern, paths in found.items()
    )


def change_epsilon(side: Specimen, other: Specimen) -> Iterator[tuple[str, Change]]:
    """The usual ones."""
    yield from each_and_all(_epsilons(side))


def _epsilons(side: Specimen) -> Iterator[tuple[str, str, Change]]:
    for name in ("eps", "variance_epsilon", "epsilon"):

        def has(each: nn.Module, name: str = name) -> bool:
            return isinstance(vars(each).get(name), float)

        for pattern, paths in patterns(side.module, has).items():
            present = getattr(side.module.get_submodule(paths[0]), name)
            for value in (1e-3, 1e-5, 1e-6, 1e-7, 1e-8, 1e-12):
                if value != present:
                    words = f"{name} {value:g} for {present:g} in {{}}"
                    yield words, pattern, on_modules(paths, _set(name, value))


def change_sinusoid(side: Specimen, other: Specimen) -> Iterator[tuple[str, Change]]:
    """The order of sines and cosines of a timestep, and the shift of their frequencies."""
    for name, values in (("flip_sin_to_cos", (True, False)), ("downscale_freq_shift", (0, 1))):
        for pattern, paths in patterns(side.module, lambda each, name=name: name in vars(each)).items():  # type: ignore[misc]
            present = getattr(side.module.get_submodule(paths[0]), name)
            for value in values:
                if value != present:
                    yield f"{name} {value} for {present} in `{pattern}`", on_modules(paths, _set(name, value))


def silence_draws(side: Specimen, other: Specimen) -> Iterator[tuple[str, Change]]:
    """What is drawn from a global generator."""

    def change(module: nn.Module, inputs: dict[str, Any]) -> None:
        mode = _Silence()
        run_under(module, mode)

    yield "every random number of its forward at zero", change


class _Silence(TorchFunctionMode):
    """Random numbers are zero."""

    def __torch_function__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        result = func(*args, **(kwargs or {}))
        return result.zero_() if getattr(func, "__name__", "") in DRAWING else result


def _flatten(each: nn.Module) -> None:
    for parameter in each.parameters(recurse=False):
        parameter.fill_(1)


def _pass_on(_module: nn.Module, given: Any, _result: Any) -> Any:
    return given


def _as_layer_norm(norm: nn.Module, given: Any, result: Any) -> Any:
    return _normed(norm, given - given.mean(-1, keepdim=True), result)


def _as_rms_norm(norm: nn.Module, given: Any, result: Any) -> Any:
    return _normed(norm, given, result)


def _normed(norm: nn.Module, given: torch.Tensor, result: Any) -> Any:
    """What is left of the size of the last axis, with a norm's own weights."""
    own = dict(norm.named_parameters(recurse=False))
    if not isinstance(result, torch.Tensor) or any(each.shape != given.shape[-1:] for each in own.values()):
        return result
    eps = getattr(norm, "eps", None) or 1e-6
    wide = given.float()
    made = (wide * torch.rsqrt(wide.square().mean(-1, keepdim=True) + eps)).to(result.dtype)
    for name, each in own.items():
        made = made + each if name == "bias" else made * each
    return made


def _exchange_halves(given: torch.Tensor) -> torch.Tensor:
    first, second = given.chunk(2, -1)
    return torch.cat([second, first], -1)


def _set(name: str, value: object) -> Callable[[nn.Module], None]:
    return lambda each: setattr(each, name, value)
