"""Every command leaves what it measures, random generators and grad mode: when it ends, fails, or is stopped."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from click.testing import CliRunner

from parity.cli import main
from parity.diagnosis.models import diagnose
from parity.diagnosis.pipelines import diagnose_pipelines
from parity.errors import ParityError
from parity.pipelines.trace import Runnable, trace
from tests.parity import tiny_pipelines
from tests.parity.test_bisect import Interrupted, Plain, Spoiled, Stumbling, Tower, specimens
from tests.parity.test_stages import traces_of


def surroundings() -> list[Any]:
    """What belongs to nobody and a measurement could change."""
    generators = [random.getstate(), np.random.get_state()[1].tolist(), torch.get_rng_state().tolist()]
    return [*generators, torch.is_grad_enabled(), len(torch.overrides._get_current_function_mode_stack())]


@pytest.mark.parametrize("candidate", [Tower, Stumbling, Spoiled, Interrupted])
@pytest.mark.parametrize("grad", [True, False])
def test_diagnose_leaves_both_models(candidate: type[torch.nn.Module], grad: bool) -> None:
    one, two = specimens(Plain, candidate)
    one.module.train()
    with torch.set_grad_enabled(grad):
        before = [surroundings(), traces_of(one.module), traces_of(two.module)]
        try:
            diagnose(one, two, torch.float32)
        except ParityError:
            assert candidate in (Stumbling, Spoiled)
        except KeyboardInterrupt:
            assert candidate is Interrupted
        assert [surroundings(), traces_of(one.module), traces_of(two.module)] == before


@pytest.mark.parametrize("examine", [trace, diagnose_pipelines])
@pytest.mark.parametrize("candidate", ["RoundedNoise", "Longer", "Raising"])
def test_both_pipelines_are_left(examine: Callable[..., Any], candidate: str) -> None:
    sides = [Runnable(name, getattr(tiny_pipelines, name)(), {}) for name in ("Pipeline", candidate)]
    sides[0].pipeline.transformer.train()
    before = [surroundings(), *(traces_of(side.pipeline) for side in sides)]
    try:
        examine(*sides, 8)
    except ParityError:
        assert candidate == "Longer"
    except KeyboardInterrupt:
        assert candidate == "Raising"
    assert [surroundings(), *(traces_of(side.pipeline) for side in sides)] == before


@pytest.mark.parametrize("command", ["compare", "bisect", "diagnose"])
@pytest.mark.parametrize("candidate", ["SwappedModulation", "DrawsNoise", "Raising", "Stopped"])
def test_the_commands_that_make_both_sides_leave_the_rest(
    command: str, candidate: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(Path(__file__).parent)
    before = surroundings()
    sides = ("compared_models:Reference", f"compared_models:{candidate}")
    result = CliRunner().invoke(main, [command, *sides, "--input", "x=2x5x8", "--input", "condition=2x8"])
    assert result.exit_code in (1, 2)
    assert surroundings() == before
