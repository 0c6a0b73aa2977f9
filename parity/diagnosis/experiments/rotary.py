"""Experiments with rotary positions: the base of the frequencies, and the tables of cosines and sines."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import torch
from torch import nn

from parity.bisection.bisect import Specimen
from parity.diagnosis.experiments.heads import exchange_channels
from parity.diagnosis.experiments.variant import Change, all_of, on_modules, on_outputs, patterns
from parity.forwards.execution import execute
from parity.forwards.observing import watchable, watched


_BASES = (256, 500, 1000, 2000, 5000, 10000, 100000, 500000, 1000000)
_NAMES_OF_BASES = ("theta", "rope_theta", "base", "max_period")
_Tables = tuple[torch.Tensor, torch.Tensor]


def change_base(side: Specimen, other: Specimen) -> Iterator[tuple[str, Change]]:
    """Another base of the frequencies, where a module keeps it as a number or has made tables of it."""
    for name in _NAMES_OF_BASES:

        def has(each: nn.Module, name: str = name) -> bool:
            return isinstance(vars(each).get(name), (int, float))

        for pattern, paths in patterns(side.module, has).items():
            present = getattr(side.module.get_submodule(paths[0]), name)
            for value in _BASES:
                if value != present:

                    def act(each: nn.Module, name: str = name, value: int = value) -> None:
                        setattr(each, name, value)

                    where = f"`{pattern}`" if pattern else "the model"
                    yield f"{name} {value} for {present:g} in {where}", on_modules(paths, act)
    for pattern, paths in patterns(side.module, lambda each: _kept_tables(each) is not None).items():
        for present in _BASES:
            for value in _BASES:
                # The tables tell frequencies, and not what they are powers of: only the ratio of two bases counts.
                if value != present == 10000 or (value == 10000 != present):
                    power = math.log(value) / math.log(present)
                    text = f"the tables of `{pattern}` for base {value} in place of {present}"
                    yield text, on_modules(paths, lambda each, power=power: _remake(each, power))  # type: ignore[misc]


def change_tables(side: Specimen, other: Specimen) -> Iterator[tuple[str, Change]]:
    """Rotations the other way round, with exchanged tables, or of other pairs of channels."""
    for path in _table_makers(side):
        for text, act in (
            ("the sines negated", lambda cosine, sine: (cosine, -sine)),
            ("cosines and sines exchanged", lambda cosine, sine: (sine, cosine)),
            ("the channels interleaved", lambda cosine, sine: (_interleaved(cosine), _interleaved(sine))),
            ("the channels split into halves", lambda cosine, sine: (_halved(cosine), _halved(sine))),
        ):
            yield f"in the tables of `{path}` {text}", on_outputs([path], _on_tables(act))
        for text, act, is_interleaved in (
            ("interleaved", lambda cosine, sine: (_interleaved(cosine), _interleaved(sine)), True),
            ("split into halves", lambda cosine, sine: (_halved(cosine), _halved(sine)), False),
        ):
            channels = exchange_channels(side.module, interleave=is_interleaved)
            yield (
                f"the channels of the tables of `{path}` and of all queries and keys {text}",
                all_of(on_outputs([path], _on_tables(act)), *channels.values()),
            )


def round_tables(side: Specimen, other: Specimen) -> Iterator[tuple[str, Change]]:
    """Cosines and sines in half precision."""
    for path in _table_makers(side):
        for kind in (torch.bfloat16, torch.float16):

            def act(cosine: torch.Tensor, sine: torch.Tensor, kind: torch.dtype = kind) -> _Tables:
                return cosine.to(kind).to(cosine.dtype), sine.to(kind).to(sine.dtype)

            name = str(kind).removeprefix("torch.")
            yield f"the tables of `{path}` rounded to {name}", on_outputs([path], _on_tables(act))


def move_tables(side: Specimen, other: Specimen) -> Iterator[tuple[str, Change]]:
    """Tables whose first row stands for another position."""
    for pattern, paths in patterns(side.module, lambda each: _kept_tables(each) is not None).items():
        for text, step in (("on", -1), ("back", 1)):

            def act(each: nn.Module, step: int = step) -> None:
                for table in _kept_tables(each) or ():
                    table.copy_(table.roll(step, 0))

            yield f"the tables of `{pattern}` moved {text} by one position", on_modules(paths, act)


def _table_makers(side: Specimen) -> list[str]:
    """Submodules that return cosines and sines: two tensors whose squares add up to one."""
    module, found = copy.deepcopy(side.module), dict[str, None]()

    def left(path: str, arguments: tuple[Any, ...], named: Mapping[str, Any], result: Any) -> None:
        if path and _are_tables(result):
            found[path] = None

    with watched(module, list(watchable(module)), left=left):
        execute(module, side.inputs, 0, gradients=False)
    return [path for path in found if not any(path.startswith(f"{each}.") for each in found)]


def _are_tables(result: Any) -> bool:
    if not (isinstance(result, (tuple, list)) and len(result) == 2):
        return False
    cosine, sine = result
    if not (isinstance(cosine, torch.Tensor) and isinstance(sine, torch.Tensor) and cosine.shape == sine.shape):
        return False
    if not (cosine.is_floating_point() and cosine.ndim > 1):
        return False
    return torch.allclose(cosine.float() ** 2 + sine.float() ** 2, torch.ones(()), atol=2e-2)


def _on_tables(act: Callable[[torch.Tensor, torch.Tensor], _Tables]) -> Callable[[nn.Module, Any, Any], Any]:
    return lambda _module, _given, result: act(*result) if _are_tables(result) else result


def _kept_tables(module: nn.Module) -> _Tables | None:
    """A module's own buffers of cosines and sines, a row for each position."""
    buffers = [each for each in module.buffers(recurse=False) if each.ndim == 2]
    for cosine in buffers:
        for sine in buffers:
            # Position 0 is not turned.
            if cosine is not sine and _are_tables((cosine, sine)) and bool((sine[0] == 0).all()):
                return cosine, sine
    return None


def _remake(module: nn.Module, power: float) -> None:
    tables = _kept_tables(module)
    assert tables is not None
    cosine, sine = tables
    frequencies = torch.atan2(sine[1].double(), cosine[1].double()) ** power
    angles = torch.arange(len(cosine), dtype=torch.float64, device=cosine.device)[:, None] * frequencies
    cosine.copy_(angles.cos())
    sine.copy_(angles.sin())


def _interleaved(table: torch.Tensor) -> torch.Tensor:
    """Channel i of the first half and channel i of the second become neighbours."""
    return table.reshape(*table.shape[:-1], 2, -1).transpose(-1, -2).flatten(-2)


def _halved(table: torch.Tensor) -> torch.Tensor:
    return table.reshape(*table.shape[:-1], -1, 2).transpose(-1, -2).flatten(-2)
