"""Layer skip: a skipped block hands on what it was given, each stream in its place."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from typing import Any

import torch
from diffusers.hooks import LayerSkipConfig, apply_layer_skip
from diffusers.hooks._common import _ALL_TRANSFORMER_BLOCK_IDENTIFIERS
from diffusers.hooks._helpers import TransformerBlockRegistry
from torch import nn

from parity.forwards.observing import watched
from parity.probe.checks.comparing import Broken, Untestable, require_equal
from parity.probe.specimen import Outputs, Specimen, describe, run


def skips_layers(specimen: Specimen, plain: Outputs) -> None:
    """Skips the first block of each list, and compares with a model in which that block gives back its inputs.

    Which input belongs to which output shows in the plain run: what a block returns is what the next one is given, by
    the name under which it is given.
    """
    lists = list(_lists(specimen.make()))
    reasons = [reason for name in lists if (reason := _reason(specimen, name))]
    if reasons:
        raise Broken("; ".join(reasons))
    if not lists:
        raise Untestable("no list of two blocks or more has a name that the hook looks for")


def registers_blocks(model: nn.Module) -> bool:
    """Whether diffusers has an entry for a block of the model: that is what declares whole blocks skippable."""
    TransformerBlockRegistry._register()
    known = TransformerBlockRegistry._registry
    return any(type(each) in known for each in model.modules())


def _lists(model: nn.Module) -> Iterator[str]:
    for name, blocks in model.named_children():
        if name in _ALL_TRANSFORMER_BLOCK_IDENTIFIERS and isinstance(blocks, nn.ModuleList) and len(blocks) > 1:
            yield name


def _reason(specimen: Specimen, name: str) -> str | None:
    """Why skipping the first block of a list is wrong; None if it is right."""
    expected = _given_back(specimen, name)
    model = specimen.make()
    try:
        apply_layer_skip(model, LayerSkipConfig(indices=[0], fqn=name))
        if swapped := _swapped_streams(specimen, model, name):
            return swapped
        outputs = run(model, specimen.inputs())
        if expected is not None:
            require_equal(f"skipping a block of `{name}`", expected, outputs)
    except Broken as difference:
        return str(difference)
    except Exception as error:
        return f"skipping a block of `{name}` raises {describe(error)}"
    return None


def _given_back(specimen: Specimen, name: str) -> Outputs | None:
    """What the model gives when the first block of a list returns its inputs; None where the streams are not seen."""
    model = specimen.make()
    streams = _streams(model, specimen, name)
    if streams is None:
        return None

    def left(path: str, positional: tuple[Any, ...], named: dict[str, Any], result: Any) -> Any:
        given = _by_name(model.get_submodule(path), positional, named)
        kept = tuple(given[stream] for stream in streams)
        return kept if isinstance(result, tuple) else kept[0]

    with watched(model, [f"{name}.0"], left=left):
        return run(model, specimen.inputs())


def _streams(model: nn.Module, specimen: Specimen, name: str) -> list[str] | None:
    """The names under which the second block takes what the first one returned."""
    returned: list[Any] = []
    taken: dict[str, Any] = {}

    def left(path: str, positional: tuple[Any, ...], named: dict[str, Any], result: Any) -> None:
        returned.extend(result if isinstance(result, tuple) else (result,))

    def entered(path: str, positional: tuple[Any, ...], named: dict[str, Any]) -> None:
        taken.update(_by_name(model.get_submodule(path), positional, named))

    with watched(model, [f"{name}.0"], left=left), watched(model, [f"{name}.1"], entered=entered):
        run(model, specimen.inputs())
    found = [next((key for key, value in taken.items() if value is each), None) for each in returned]
    return [each for each in found if each is not None] if all(found) and found else None


def _swapped_streams(specimen: Specimen, skipping: nn.Module, name: str) -> str | None:
    """What a skipped block returns in other places than the block itself, told by the number of tokens."""
    shapes: list[list[int]] = []

    def left(path: str, positional: tuple[Any, ...], named: dict[str, Any], result: Any) -> None:
        items = result if isinstance(result, tuple) else (result,)
        shapes.append([each.shape[1] for each in items if isinstance(each, torch.Tensor) and each.ndim > 2])

    for model in (specimen.make(), skipping):
        seen = len(shapes)
        with watched(model, [f"{name}.0"], left=left):
            try:
                run(model, specimen.inputs())
            except Exception:
                # What comes after a block with the wrong streams may well raise; the hook itself must not.
                if len(shapes) == seen:
                    raise
    whole, skipped = shapes
    if whole == skipped:
        return None
    return (
        f"a skipped block of `{name}` returns the wrong stream: {_join(skipped)} tokens where the block returns "
        f"{_join(whole)}"
    )


def _join(counts: list[int]) -> str:
    return " and ".join(map(str, counts))


def _by_name(block: nn.Module, positional: tuple[Any, ...], named: dict[str, Any]) -> dict[str, Any]:
    return dict(inspect.signature(type(block).forward).bind(block, *positional, **named).arguments)
