"""Checkpoints save, stop and load, in pipelines that have them and in others; and nothing else changes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import nn

from parity.errors import ParityError
from parity.pipelines.running import component_modules, run_pipeline
from parity.pipelines.stages import Checkpoint
from tests.parity import tiny_pipelines
from tests.parity.tiny_pipelines import FLUX_CALL, Pipeline, tiny_flux


def save_at(pipeline: Any, *places: str, **arguments: Any) -> dict[str, dict[str, Any]]:
    checkpoints = {place: Checkpoint(save=True) for place in places}
    run_pipeline(pipeline, arguments, checkpoints)
    return {place: checkpoint.data for place, checkpoint in checkpoints.items()}


def test_every_place_is_saved_and_the_result_is_the_same() -> None:
    checkpoints = {place: Checkpoint(save=True) for place in ("preloop", "step_0", "step_7", "decode")}
    result = run_pipeline(Pipeline(), {}, checkpoints)
    assert torch.equal(result, run_pipeline(Pipeline(), {}, {}))
    assert list(checkpoints["preloop"].data) == ["latents", "sigmas", "prompt_embeds"]
    assert not torch.equal(checkpoints["step_0"].data["latents"], checkpoints["step_7"].data["latents"])
    assert torch.equal(checkpoints["step_7"].data["latents"], checkpoints["decode"].data["latents"])


def test_a_stop_ends_the_run_there() -> None:
    checkpoints = {"step_1": Checkpoint(save=True, stop=True), "step_2": Checkpoint(save=True)}
    assert run_pipeline(Pipeline(), {}, checkpoints) is None
    assert checkpoints["step_1"].data
    assert not checkpoints["step_2"].data


def test_what_one_side_starts_from_can_be_put_into_the_other() -> None:
    expected = run_pipeline(Pipeline(), {}, start := {"preloop": Checkpoint(save=True)})
    for other in (tiny_pipelines.RoundedNoise(), tiny_pipelines.OtherSchedule()):
        assert not torch.equal(run_pipeline(other, {}, {}), expected)
        injected = {"preloop": Checkpoint(load=True, data=start["preloop"].data)}
        assert torch.equal(run_pipeline(other, {}, injected), expected)


def test_half_an_injection_is_refused_with_the_names_that_are_missing() -> None:
    data = save_at(Pipeline(), "preloop")["preloop"]
    half = {"preloop": Checkpoint(load=True, data={"latents": data["latents"]})}
    with pytest.raises(ParityError, match="`preloop` lacks `sigmas`, `prompt_embeds`"):
        run_pipeline(Pipeline(), {}, half)
    whole = {"preloop": Checkpoint(load=True, data=data)}
    with pytest.raises(ParityError, match="lacks `x`"):
        run_pipeline(tiny_pipelines.OtherNames(), {}, whole)
    more = {"preloop": Checkpoint(load=True, data=data | {"mask": torch.ones(1)})}
    with pytest.raises(ParityError, match="has `mask`, which nothing reads there"):
        run_pipeline(Pipeline(), {}, more)
    wide = {"preloop": Checkpoint(load=True, data=data | {"latents": torch.ones(2, 9)})}
    with pytest.raises(ParityError, match=r"`latents` is \(2, 9\) and \(2, 8\) is needed"):
        run_pipeline(Pipeline(), {}, wide)


def test_a_second_save_leaves_nothing_of_the_first() -> None:
    checkpoint = Checkpoint(save=True, data={"stale": 1})
    run_pipeline(Pipeline(), {}, {"decode": checkpoint})
    assert list(checkpoint.data) == ["latents"]


def test_a_place_that_is_never_passed_is_reported() -> None:
    with pytest.raises(ParityError, match="never passed `step_9`"):
        run_pipeline(Pipeline(), {"steps": 8}, {"step_9": Checkpoint(save=True)})
    with pytest.raises(ParityError, match="never passed `preloop`"):
        run_pipeline(tiny_pipelines.Forgetful(), {}, {"preloop": Checkpoint(save=True)})


def test_a_pipeline_without_checkpoints_is_seen_from_outside() -> None:
    pipeline = tiny_flux()
    expected = run_pipeline(pipeline, FLUX_CALL, {})[0]
    saved = {place: Checkpoint(save=True) for place in ("preloop", "step_0", "step_3", "decode")}
    assert torch.equal(run_pipeline(pipeline, FLUX_CALL, saved)[0], expected)
    inputs = saved["preloop"].data
    assert {"hidden_states", "timestep", "encoder_hidden_states", "img_ids", "txt_ids"} <= set(inputs)
    assert saved["step_0"].data["latents"].shape == inputs["hidden_states"].shape
    assert run_pipeline(pipeline, FLUX_CALL, {"preloop": Checkpoint(stop=True)}) is None
    other = {"step_0": Checkpoint(load=True, data={"latents": saved["step_0"].data["latents"] + 1})}
    assert not torch.equal(run_pipeline(pipeline, FLUX_CALL, other)[0], expected)
    decoded = {"decode": Checkpoint(load=True, data={"latents": saved["decode"].data["latents"] + 1})}
    assert not torch.equal(run_pipeline(pipeline, FLUX_CALL, decoded)[0], expected)


def test_the_callback_of_the_caller_is_called_too() -> None:
    seen: list[int] = []

    def callback(pipeline: Any, step: int, timestep: Any, tensors: dict[str, Any]) -> dict[str, Any]:
        seen.append(step)
        return tensors

    call = FLUX_CALL | {"callback_on_step_end": callback}
    run_pipeline(tiny_flux(), call, {"step_1": Checkpoint(save=True)})
    assert seen == [0, 1, 2, 3]


@pytest.mark.parametrize(
    ("place", "checkpoint", "words"),
    [
        ("preloop", Checkpoint(load=True), "not loaded: the latents of the loop"),
        ("loop", Checkpoint(save=True), "There is no place `loop`"),
    ],
)
def test_what_cannot_be_done_from_outside_is_refused(place: str, checkpoint: Checkpoint, words: str) -> None:
    with pytest.raises(ParityError, match=words):
        run_pipeline(tiny_flux(), FLUX_CALL, {place: checkpoint})


def traces_of(pipeline: Any) -> list[Any]:
    """All that a measurement could leave behind."""
    found: list[Any] = [torch.get_rng_state().tolist(), torch.is_grad_enabled()]
    for module in component_modules(pipeline).values():
        for each in module.modules():
            found += [each.training, len(each._forward_hooks), len(each._forward_pre_hooks), sorted(vars(each))]
        found += [tensor.tolist() for tensor in module.state_dict().values()]
        found += [parameter.grad is None for parameter in module.parameters()]
    return found


@pytest.mark.parametrize("make", [Pipeline, tiny_flux])
@pytest.mark.parametrize("ends", ["well", "stopped", "refused"])
def test_a_run_leaves_nothing_behind(make: Callable[[], Any], ends: str) -> None:
    pipeline = make()
    arguments = FLUX_CALL if make is tiny_flux else {}
    for module in component_modules(pipeline).values():
        module.train()
    before = traces_of(pipeline)
    checkpoints = {
        "well": {"decode": Checkpoint(save=True), "step_0": Checkpoint(save=True)},
        "stopped": {"preloop": Checkpoint(stop=True)},
        "refused": {"decode": Checkpoint(load=True)},
    }[ends]
    try:
        run_pipeline(pipeline, arguments, checkpoints)
    except ParityError:
        assert ends == "refused"
    assert traces_of(pipeline) == before


def test_an_interruption_leaves_nothing_behind() -> None:
    pipeline = tiny_pipelines.Raising()
    before = traces_of(pipeline)
    with pytest.raises(KeyboardInterrupt):
        run_pipeline(pipeline, {}, {"decode": Checkpoint(save=True)})
    assert traces_of(pipeline) == before


def test_a_model_that_writes_into_its_weights_is_not_measured() -> None:
    pipeline = Pipeline()

    class Drifting(nn.Linear):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            self.weight.add_(1)
            return super().forward(x)

    pipeline.decoder = Drifting(8, 3)
    with pytest.raises(RuntimeError, match="A weight was written to"):
        run_pipeline(pipeline, {}, {})
