"""Experiments with what the two sides were made from: config values, and numbers that their modules keep."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from torch import nn

from parity.bisection.bisect import Specimen
from parity.diagnosis.experiments.variant import Change, on_modules, without_numbers
from parity.forwards.observing import watchable
from parity.forwards.seeding import seeded


def override_config(side: Specimen, other: Specimen) -> Iterator[tuple[str, Change]]:
    """Values of the other side's config, each alone and all together; the weights stay."""
    differing = {
        key: other.config[key]
        for key, value in side.config.items()
        if key in other.config and not _are_equal(value, other.config[key])
    }
    chosen = [{key: value} for key, value in differing.items()] + ([differing] if len(differing) > 1 else [])
    for values in chosen:
        words = (f"`{key}` {value!r} for {side.config[key]!r}" for key, value in values.items())
        yield ", ".join(words), _rebuild({**side.config, **values})


def copy_attributes(side: Specimen, other: Specimen) -> Iterator[tuple[str, Change]]:
    """Plain numbers and flags that modules of the same path keep, and that differ."""
    theirs = watchable(other.module)
    found: dict[tuple[str, str, str], tuple[list[str], Any]] = {}
    for path, each in watchable(side.module).items():
        for name, value in vars(each).items():
            same = vars(theirs[path]).get(name, value) if path in theirs else value
            is_setting = name != "training" and not name.startswith("_") and _is_plain(value) and _is_plain(same)
            if is_setting and not _are_equal(value, same):
                key = without_numbers(path), name, repr((value, same))
                found.setdefault(key, ([], same))[0].append(path)
    for (pattern, name, _), (paths, value) in found.items():

        def act(module: nn.Module, name: str = name, value: Any = value) -> None:
            setattr(module, name, value)

        yield f"`{name}` of `{pattern or 'the model'}` {value!r} as on the other side", on_modules(paths, act)


def _rebuild(config: Mapping[str, Any]) -> Change:
    def change(module: nn.Module, inputs: dict[str, Any]) -> nn.Module:
        with seeded(0):
            made = type(module)(**config).eval()
        made.load_state_dict(module.state_dict(), strict=True)
        kinds = {name: each.dtype for name, each in module.named_parameters()}
        for name, parameter in made.named_parameters():
            parameter.data = parameter.data.to(kinds[name])
        buffers = {name: each.dtype for name, each in module.named_buffers()}
        for name, buffer in made.named_buffers():
            buffer.data = buffer.data.to(buffers.get(name, buffer.dtype))
        return made

    return change


def _is_plain(value: object) -> bool:
    return isinstance(value, (bool, int, float, str)) or (isinstance(value, tuple) and all(map(_is_plain, value)))


def _are_equal(one: Any, other: Any) -> bool:
    if isinstance(one, (list, tuple)) and isinstance(other, (list, tuple)):
        return list(one) == list(other)
    return isinstance(one, bool) == isinstance(other, bool) and bool(one == other)
