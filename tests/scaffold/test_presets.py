"""Every preset against the class of diffusers that it equals: same names, same numbers, on every path."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Any

import diffusers
import pytest
import torch

from scaffold.loading import load_spec, preset_names
from scaffold.plan import Plan
from scaffold.rendering import render_folder
from scaffold.spec import Spec
from tests.scaffold.pairs import Pair, import_folder, largest_difference, make_inputs, make_pair, run


@pytest.fixture(scope="module", params=preset_names())
def preset(request, tmp_path_factory) -> Iterator[tuple[Spec, ModuleType]]:
    """A preset's spec, and the folder that it makes, imported."""
    spec = load_spec(request.param)
    folder = tmp_path_factory.mktemp("presets") / f"{spec.package}_preset"
    Plan(folder, render_folder(spec)).apply()
    package = import_folder(folder)
    yield spec, next(package)
    next(package, None)


def residuals(count: int, tokens: int) -> Callable[[Pair], list[torch.Tensor]]:
    """As many ControlNet residuals of the model's width."""

    def draw(pair: Pair) -> list[torch.Tensor]:
        generator = torch.Generator().manual_seed(5)
        return [torch.randn(2, tokens, pair.theirs.inner_dim, generator=generator) for _ in range(count)]

    return draw


# The optional paths of each preset beside those that all have: other inputs, made from the pair where they need it.
PATHS: dict[str, dict[str, dict[str, Any]]] = {
    "flux": {
        "controlnet": {
            "controlnet_block_samples": residuals(2, 16),
            "controlnet_single_block_samples": residuals(2, 16),
        },
        "controlnet-repeat": {"controlnet_block_samples": residuals(2, 16), "controlnet_blocks_repeat": True},
    },
}
# Configurations beside the tiny one.
CONFIGS: dict[str, dict[str, tuple[dict[str, Any], dict[str, Any]]]] = {
    "flux": {"no-guidance": ({"guidance_embeds": False}, {"guidance": None})},
}


def test_names_and_shapes_are_equal(preset):
    pair = make_pair(*preset)
    ours, theirs = pair.ours.state_dict(), pair.theirs.state_dict()
    assert {name: each.shape for name, each in ours.items()} == {name: each.shape for name, each in theirs.items()}


def test_config_keys_and_defaults_are_equal(preset):
    spec, package = preset
    ours = inspect.signature(getattr(package.model, spec.model).__init__).parameters
    theirs = inspect.signature(getattr(diffusers, spec.counterpart).__init__).parameters
    assert [(each.name, each.default) for each in ours.values()] == [
        (each.name, each.default) for each in theirs.values()
    ]
    pair = make_pair(spec, package)
    assert dict(pair.ours.config) == dict(pair.theirs.config)


def test_forward_takes_the_same_arguments(preset):
    spec, package = preset
    ours = inspect.signature(getattr(package.model, spec.model).forward).parameters
    theirs = inspect.signature(getattr(diffusers, spec.counterpart).forward).parameters
    assert [(each.name, each.default) for each in ours.values()] == [
        (each.name, each.default) for each in theirs.values()
    ]


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16], ids=str)
def test_plain_forward(preset, dtype):
    pair = make_pair(*preset).to(dtype)
    inputs = make_inputs(pair, dtype)
    assert largest_difference(run(pair.ours, inputs), run(pair.theirs, inputs)) == 0


def test_other_configurations(preset):
    spec, package = preset
    for name, (config, changes) in CONFIGS.get(spec.name, {}).items():
        pair = make_pair(spec, package, **config)
        inputs = make_inputs(pair) | changes
        assert pair.ours.state_dict().keys() == pair.theirs.state_dict().keys(), name
        assert largest_difference(run(pair.ours, inputs), run(pair.theirs, inputs)) == 0, name


def test_optional_paths(preset):
    pair = make_pair(*preset)
    inputs = make_inputs(pair)
    plain = run(pair.ours, inputs)
    for name, path in PATHS.get(pair.spec.name, {}).items():
        changes = {key: value(pair) if callable(value) else value for key, value in path.items()}
        ours = run(pair.ours, inputs, **changes)
        assert largest_difference(ours, run(pair.theirs, inputs, **changes)) == 0, name
        assert not torch.equal(ours["sample"], plain["sample"]), name


def test_gradient_checkpointing(preset):
    pair = make_pair(*preset)
    inputs = make_inputs(pair)
    pair.each(lambda model: model.train())
    plain = run(pair.ours, inputs)
    pair.each(lambda model: model.enable_gradient_checkpointing())
    checkpointed = run(pair.ours, inputs)
    assert largest_difference(checkpointed, run(pair.theirs, inputs)) == 0
    assert largest_difference(checkpointed, plain) == 0


def test_fused_projections(preset):
    pair = make_pair(*preset)
    inputs = make_inputs(pair)
    pair.each(lambda model: model.fuse_qkv_projections())
    assert pair.ours.state_dict().keys() == pair.theirs.state_dict().keys()
    assert largest_difference(run(pair.ours, inputs), run(pair.theirs, inputs)) == 0
