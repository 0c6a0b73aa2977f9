"""Two processes that share a model's tokens or layers give the numbers of one and its gradients, or say why not."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import diffusers
import pytest
import torch

from scaffold.loading import load_spec, preset_names
from scaffold.rendering import make_environment, render
from scaffold.resources import templates_root
from scaffold.spec import Spec
from scaffold.trial import sized
from scaffold.trial.program import draw, import_model
from tests.scaffold.ranks import RANKS, Share, run_rank


DIVIDES = "must be divisible by mesh size"


@dataclass(frozen=True)
class Case:
    """A forward of a preset's tiny model: what differs from it, how it is shared, and the message if it is refused."""

    preset: str
    how: str = "tokens"
    config: Mapping[str, Any] = field(default_factory=dict)
    inputs: Mapping[str, Any] = field(default_factory=dict)
    refused: str | None = None


def drawn(*shape: int) -> torch.Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(6))


def shortened(mask: str) -> dict[str, Any]:
    """Seven text tokens, of which the mask of the second picture keeps five."""
    return {"encoder_hidden_states": drawn(2, 7, 20), mask: torch.tensor([[1] * 7, [1] * 5 + [0] * 2])}


# A text mask with holes.
HOLES = torch.eye(8)[:2] + torch.eye(8)[3:5]
LAYERED = ("flux", "flux2", "qwenimage")
CASES = {
    **{f"{name}-tokens": Case(name) for name in preset_names()},
    **{f"{name}-layers": Case(name, "layers") for name in LAYERED},
    "chroma-mask": Case("chroma", inputs={"attention_mask": torch.cat([HOLES[:, :6], torch.ones(2, 16)], dim=1) > 0}),
    "chroma-mask-of-numbers": Case(
        "chroma", inputs={"attention_mask": torch.cat([HOLES[:, :6], torch.ones(2, 16)], dim=1)}
    ),
    "hunyuanvideo-holes": Case("hunyuanvideo", inputs={"encoder_attention_mask": HOLES}),
    "hunyuanvideo-uneven": Case("hunyuanvideo", "uneven tokens", inputs=shortened("encoder_attention_mask")),
    "hunyuanvideo-uneven-refused": Case("hunyuanvideo", inputs=shortened("encoder_attention_mask"), refused=DIVIDES),
    "hunyuanvideo-first-frame": Case(
        "hunyuanvideo",
        config={"image_condition_type": "token_replace"},
        refused='Context parallelism does not work with `image_condition_type="token_replace"`',
    ),
    "pixart-mask": Case("pixart", inputs={"attention_mask": torch.tensor([[1.0] * 16, [1.0] * 11 + [0.0] * 5])}),
    "qwenimage-holes": Case("qwenimage", inputs={"encoder_hidden_states_mask": HOLES}),
    "qwenimage-no-mask": Case("qwenimage", inputs={"encoder_hidden_states_mask": None}),
    "qwenimage-clean-references": Case(
        "qwenimage", config={"zero_cond_t": True}, inputs={"img_shapes": [[(1, 2, 3), (1, 1, 2)]] * 2}
    ),
    "sana-mask": Case("sana", inputs={"encoder_attention_mask": torch.tensor([[1.0] * 7, [0.0, 1.0] * 3 + [0.0]])}),
    "sana-norms-and-positions": Case("sana", config={"qk_norm": "rms_norm_across_heads", "interpolation_scale": 2}),
    "sana-training": Case("sana", "training"),
    "sana-uneven": Case("sana", "uneven tokens", inputs={"hidden_states": drawn(2, 4, 6, 3)}),
    "sana-uneven-refused": Case(
        "sana", inputs={"hidden_states": drawn(2, 4, 3, 4)}, refused="their number does not divide 3 rows"
    ),
    "sd3-layers": Case("sd3", "layers", refused="`_tp_plan` must be set"),
    "wan-timestep-per-token": Case(
        "wan", inputs={"timestep": torch.tensor([[0.0] * 4 + [900.0] * 4, [0.0] * 4 + [300.0] * 4])}
    ),
}


def share_of(case: Case, spec: Spec, root: Path) -> Share:
    config = {**spec.tiny.config, **case.config}
    config = {key: tuple(value) if isinstance(value, list) else value for key, value in config.items()}
    sizes = {**{key: entry.default for key, entry in spec.config.items()}, **config, **spec.tiny.sizes}
    generator = torch.Generator().manual_seed(1)
    inputs = {
        name: draw(*sized(argument.draw, sizes), torch.float32, generator)
        for name, argument in spec.arguments.items()
        if argument.draw is not None
    }
    return Share(root / spec.package, spec.model, config, inputs | dict(case.inputs), case.how)


@pytest.fixture(scope="module")
def shares(tmp_path_factory) -> dict[str, Share]:
    """All cases, each with the folder of its preset, of which the model and what it imports are enough."""
    root = tmp_path_factory.mktemp("parallel")
    environment = make_environment((templates_root(),), None)
    specs = {name: load_spec(name) for name in preset_names()}
    for spec in specs.values():
        (root / spec.package).mkdir()
        for module in ("capabilities", "lora", "model", "weight_mapping"):
            text = render(environment, f"folder/{module}.py.j2", spec=spec)
            (root / spec.package / f"{module}.py").write_text(text)
    return {name: share_of(case, specs[case.preset], root) for name, case in CASES.items()}


@pytest.fixture(scope="module")
def outputs(shares, tmp_path_factory) -> list[dict[str, torch.Tensor | str]]:
    """What each process says to each case."""
    target = tmp_path_factory.mktemp("ranks")
    torch.save(shares, target / "shares.pt")
    # Copies of one process that has imported all that they take.
    torch.multiprocessing.set_forkserver_preload([run_rank.__module__])
    torch.multiprocessing.start_processes(run_rank, (target,), RANKS, start_method="forkserver")
    return [torch.load(target / f"outputs{rank}.pt", weights_only=True) for rank in range(RANKS)]


@pytest.mark.parametrize("name", [name for name, case in CASES.items() if case.how != "training"])
def test_two_processes_give_the_numbers_of_one(shares, outputs, name):
    share, case = shares[name], CASES[name]
    for output in outputs:
        if case.refused:
            assert case.refused in output[name]
        else:
            alone = share.run(share.build())
            torch.testing.assert_close(output[name], alone, atol=1e-6 * alone.abs().max().item(), rtol=0)
            # A mask that changed nothing would hide that devices take it for another.
            if case.inputs or case.config:
                assert not torch.equal(output[name], output[f"{case.preset}-tokens"])


def test_the_gradients_of_two_processes_add_up_to_those_of_one(shares, outputs):
    share = shares["sana-training"]
    alone = share.run(share.build())
    together = sum(output["sana-training"] for output in outputs)
    torch.testing.assert_close(together, alone, atol=1e-6 * alone.abs().max().item(), rtol=0)


@pytest.mark.parametrize("name", LAYERED)
def test_the_layers_are_shared_as_diffusers_shares_them(shares, name):
    share = shares[f"{name}-layers"]
    ours = share.build()
    theirs = getattr(diffusers, share.model)(**share.config)
    resolve = diffusers.hooks.tensor_parallel.resolve_tp_shard_specs
    assert resolve(ours, ours._tp_plan, RANKS) == resolve(theirs, theirs._tp_plan, RANKS)


def test_what_the_metadata_declares(shares):
    for name, share in shares.items():
        case = CASES[name]
        metadata = getattr(import_model(share.folder), share.model).metadata()
        assert "_cp_plan" in metadata
        assert ("_tp_plan" in metadata) == (case.preset in LAYERED)
