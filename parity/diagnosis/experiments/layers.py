"""Experiments with layers that have few weights: norms, activations, the sinusoids of a timestep, random draws."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import nn
from torch.nn.functional import gelu, silu
from torch.overrides import TorchFunctionMode

from parity.bisection.bisect import Specimen
from parity.diagnosis.experiments.variant import Change, on_modules, on_outputs, patterns, run_under
from parity.diagnosis.rigs import DRAWING


def leave_out(side: Specimen, other: Specimen) -> Iterator[tuple[str, Change]]:
    """Norms and activations that do nothing, for one that is missing or stands in another place, and other kinds."""

    def is_one(each: nn.Module) -> bool:
        return bool(re.search(r"Norm|SiLU|GELU", type(each).__name__)) and not list(each.children())

    for pattern, paths in patterns(side.module, is_one).items():
        yield f"`{pattern}` left out", on_outputs(paths, lambda _module, given, _result: given)
        module = side.module.get_submodule(paths[0])
        if "Norm" not in type(module).__name__:
            for name, act in _ACTIVATIONS.items():
                replace: Any = lambda _module, given, _result, act=act: act(given)  # noqa: E731
                yield f"{name} in place of `{pattern}`", on_outputs(paths, replace)
        if list(module.parameters(recurse=False)):
            yield f"the weight of `{pattern}` at one", on_modules(paths, _flatten)
    for pattern, paths in patterns(side.module, lambda each: vars(each).get("approximate") in _OTHER).items():
        present = getattr(side.module.get_submodule(paths[0]), "approximate")  # noqa: B009 - of any class
        text = f"approximate={_OTHER[present]!r} for {present!r} in `{pattern}`"
        yield text, on_modules(paths, _set("approximate", _OTHER[present]))


def change_epsilon(side: Specimen, other: Specimen) -> Iterator[tuple[str, Change]]:
    """The usual ones."""
    for name in ("eps", "variance_epsilon", "epsilon"):

        def has(each: nn.Module, name: str = name) -> bool:
            return isinstance(vars(each).get(name), float)

        for pattern, paths in patterns(side.module, has).items():
            present = getattr(side.module.get_submodule(paths[0]), name)
            for value in (1e-3, 1e-5, 1e-6, 1e-7, 1e-8, 1e-12):
                if value != present:
                    yield f"{name} {value:g} for {present:g} in `{pattern}`", on_modules(paths, _set(name, value))


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


_ACTIVATIONS: dict[str, Callable[[torch.Tensor], torch.Tensor]] = {
    "SiLU": silu,
    "GELU": gelu,
    "GELU by tanh": lambda each: gelu(each, approximate="tanh"),
}
_OTHER = {"none": "tanh", "tanh": "none"}


def _flatten(each: nn.Module) -> None:
    for parameter in each.parameters(recurse=False):
        parameter.fill_(1)


def _set(name: str, value: object) -> Callable[[nn.Module], None]:
    return lambda each: setattr(each, name, value)
