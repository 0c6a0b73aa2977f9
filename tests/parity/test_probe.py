"""`parity probe` as its user sees it, and what its checks see in models of diffusers."""

from __future__ import annotations

import json
from dataclasses import replace
from importlib.resources import files
from pathlib import Path
from typing import Any, ClassVar

import diffusers
import pytest
import torch
from click.testing import Result
from diffusers import FluxTransformer2DModel, QwenImage21Transformer2DModel
from ruamel.yaml import YAML

from parity.probe.checks.adapters import ip_adapter
from parity.probe.checks.attending import native_backend
from parity.probe.checks.caching import cache
from parity.probe.checks.comparing import Broken
from parity.probe.checks.parallel import shares_layers
from parity.probe.checks.remembering import kv_cache
from parity.probe.checks.skipping import skips_layers
from parity.probe.results import Recipe
from parity.probe.specimen import Specimen, find_specimen
from tests.parity.conftest import faulty, refused, run_here


@pytest.fixture
def _in_the_models_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(Path(__file__).parent)


def run(*arguments: str) -> Result:
    return run_here("probe", *arguments)


def outcomes(result: Result) -> dict[str, dict]:
    (model,) = json.loads(result.stdout)["models"]
    return {outcome["name"]: outcome for outcome in model["outcomes"]}


def broken(result: Result) -> dict[str, str]:
    return {name: each["reason"] for name, each in outcomes(result).items() if each["verdict"] == "broken"}


@pytest.mark.usefixtures("_in_the_models_folder")
def test_a_model_that_does_what_it_declares_passes() -> None:
    result = run("probed_models:Honest")
    assert result.exit_code == 0
    lines = [" ".join(line.split()) for line in result.stdout.splitlines()]
    assert 'config {"dim": 64, "num_layers": 2}' in lines
    assert "gradient checkpointing yes yes yes" in lines
    assert "save and load yes - yes" in lines
    assert lines[-1] == "PASS 9 verified"


@pytest.mark.usefixtures("_in_the_models_folder")
@pytest.mark.parametrize(
    ("model", "reasons"),
    [
        ("ForgetsCheckpoints", {"gradient checkpointing": "nothing is computed again in the backward"}),
        (
            "ReadsWeightsFromOutside",
            {
                "gradient checkpointing": "nothing is computed again",
                "offload leaves": "the offloaded model has NaN or infinity in 2048 of 2048 values",
            },
        ),
        ("BreaksGraph", {"compile": "Unsupported: Data-dependent branching"}),
    ],
)
def test_what_a_model_does_not_do_is_named(model: str, reasons: dict[str, str]) -> None:
    result = run(f"probed_models:{model}", "--json")
    assert result.exit_code == 1
    found = broken(result)
    assert found.keys() == reasons.keys()
    assert not [name for name, reason in reasons.items() if reason not in found[name]], found


@pytest.mark.usefixtures("_in_the_models_folder")
def test_a_crash_and_a_hang_cost_one_line_each() -> None:
    result = run("probed_models:Misbehaves", "--limit", "15", "--json")
    assert broken(result) == {
        "compile": "not done after 15 s",
        "layerwise casting": "crashed the process (SIGSEGV)",
    }
    assert outcomes(result)["save and load"]["verdict"] == "verified"


def test_a_generated_model_says_what_works(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(place)
    result = run("flux2.Flux2Transformer2DModel", "--json")
    report = json.loads(result.stdout)
    assert [report["command"], report["schema"]] == ["probe", 1]
    assert report["versions"]["diffusers"] == diffusers.__version__
    assert report["models"][0]["recipe"]["origin"] == "derived"
    found = outcomes(result)
    # The hook of diffusers hands the two streams on in an order of its own.
    assert broken(result).keys() == {"layer skip"}
    assert found["first-block cache"]["verdict"] == "verified"
    assert found["context parallel"] == {
        "name": "context parallel",
        "declared": True,
        "wiring": {"status": "wired", "findings": []},
        "verdict": "verified",
        "reason": None,
    }
    # From the original's names, by the folder's own mapping.
    assert found["single file"]["verdict"] == "verified"
    assert found["single file"]["reason"] is None
    assert found["tensor parallel"]["verdict"] == "verified"
    assert found["KV cache"]["verdict"] == "verified"
    assert found["kept in float32"]["verdict"] == "absent"
    assert found["IP-adapter"]["verdict"] == "absent"


def specimen(name: str) -> Specimen:
    return find_specimen(name, getattr(diffusers, name), None, None)


def test_skipping_a_block_of_flux_returns_the_wrong_stream() -> None:
    flux = specimen("FluxTransformer2DModel")
    wrong = (
        "a skipped block of `transformer_blocks` returns the wrong stream: 16 and 8 tokens where the block returns 8"
    )
    with pytest.raises(Broken, match=wrong):
        skips_layers(flux, flux.plain())


def test_skipping_a_block_of_wan_hands_its_input_on() -> None:
    wan = specimen("WanTransformer3DModel")
    skips_layers(wan, wan.plain())


def test_a_first_block_cache_raises_in_flux2_and_works_in_flux() -> None:
    flux, flux2 = specimen("FluxTransformer2DModel"), specimen("Flux2Transformer2DModel")
    cache("first-block cache")(flux, flux.plain())
    with pytest.raises(TypeError, match="'Tensor' and 'list'"):
        cache("first-block cache")(flux2, flux2.plain())


def test_every_layer_that_takes_a_softmax_has_to_call_the_kernel_and_a_linear_one_need_not() -> None:
    sana, hunyuan = specimen("SanaVideoTransformer3DModel"), specimen("HunyuanVideoTransformer3DModel")
    native_backend(sana, sana.plain())
    first = "context_embedder.token_refiner.refiner_blocks.0.attn"
    with pytest.raises(Broken, match=f"2 of 6 attention layers keep their kernel: `{first}` first"):
        native_backend(hunyuan, hunyuan.plain())


def test_an_ip_adapter_reaches_flux_and_sd3_and_not_flux2() -> None:
    flux, sd3, flux2 = (specimen(f"{name}Transformer2DModel") for name in ("Flux", "SD3", "Flux2"))
    ip_adapter(flux, flux.plain())
    ip_adapter(sd3, sd3.plain())
    with pytest.raises(Broken, match="an adapter loads, and forward with an image raises TypeError"):
        ip_adapter(flux2, flux2.plain())


class LooksAway(FluxTransformer2DModel):
    """Takes an adapter's images, and does not look at them."""

    def forward(self, joint_attention_kwargs: dict[str, Any] | None = None, **inputs: Any) -> Any:
        images = (joint_attention_kwargs or {}).get("ip_adapter_image_embeds", [])
        black = {"ip_adapter_image_embeds": [torch.zeros_like(each) for each in images]}
        return super().forward(**inputs, joint_attention_kwargs=black if images else None)


def test_an_ip_adapter_whose_images_are_not_looked_at_is_broken() -> None:
    flux = specimen("FluxTransformer2DModel")
    with pytest.raises(Broken, match="another image gives the same"):
        ip_adapter(replace(flux, module_class=LooksAway), flux.plain())


class Uncut(FluxTransformer2DModel):
    _tp_plan: ClassVar = {}


class SumsNowhere(FluxTransformer2DModel):
    """Cuts the layer that comes first in a feed-forward, and not the one that would put the parts together."""

    _tp_plan: ClassVar = {"transformer_blocks.*.ff.net.0.proj": "colwise"}


@pytest.mark.parametrize(("model", "reason"), [(Uncut, "the plan cuts no layer of the model"), (SumsNowhere, "shape")])
def test_a_plan_that_does_not_share_the_layers_is_broken(model: type, reason: str) -> None:
    flux = specimen("FluxTransformer2DModel")
    with pytest.raises(Broken, match=reason):
        shares_layers(replace(flux, module_class=model), flux.plain())


@pytest.mark.parametrize(
    "name", ["GlmImageTransformer2DModel", "QwenImage21Transformer2DModel", "SanaWMLTX2RefinerTransformer3DModel"]
)
def test_a_cache_of_keys_stands_for_what_it_was_filled_with(name: str) -> None:
    each = specimen(name)
    kv_cache(each, each.plain())


def test_a_chunk_that_reads_its_cache_attends_to_padding_unless_its_tokens_fill_their_blocks() -> None:
    far = specimen("AnyFlowFARTransformer3DModel")
    with pytest.raises(Broken, match="a chunk that reads the cache differs by"):
        kv_cache(far, far.plain())
    # 64 tokens a frame: the 128 of two frames need no padding, with which attention has no mask.
    larger = {**far.recipe.inputs, "hidden_states": {"shape": [2, 3, 16, 16, 16]}}
    far = replace(far, recipe=Recipe(far.recipe.config, larger, "given"))
    kv_cache(far, far.plain())


def test_a_model_that_runs_with_a_cache_only_is_probed_too() -> None:
    wan = specimen("WanAnimate2Transformer3DModel")
    assert kv_cache(wan, wan.plain()) == "no step runs without its cache, so there is none to compare with"


class ForgetsPrefix(QwenImage21Transformer2DModel):
    """Takes a cache, and computes everything again."""

    def forward(self, img_mask: Any, kv_cache: Any = None, kv_cache_mode: str | None = None, **inputs: Any) -> Any:
        return super().forward(img_mask=img_mask, **inputs)


def test_a_cache_that_is_not_read_is_broken(generated: Path, tmp_path: Path) -> None:
    qwen = specimen("QwenImage21Transformer2DModel")
    with pytest.raises(Broken, match="a step that reads the cache computes all tokens again"):
        kv_cache(replace(qwen, module_class=ForgetsPrefix), qwen.plain())
    package = faulty(
        generated, tmp_path, "key_ref, value_ref = kv_cache.get()", "key_ref, value_ref = key[:, :0], value[:, :0]"
    )
    flux2 = find_specimen("flux2", package.Flux2Transformer2DModel, None, None)
    with pytest.raises(Broken, match="a step that reads the cache differs by"):
        kv_cache(flux2, flux2.plain())


def test_every_record_is_of_a_class_that_diffusers_has() -> None:
    text = files("parity.probe").joinpath("recipes.yaml").read_text(encoding="utf-8")
    recorded = YAML(typ="safe").load(text)
    assert recorded
    assert [name for name in recorded if not hasattr(diffusers, name)] == []


@pytest.mark.usefixtures("_in_the_models_folder")
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "Name one MODEL, or give --all."),
        (["probed_models:Honest", "--all"], "Name one MODEL, or give --all."),
        (["--all", "--config", "{}"], "--config and --inputs are of one model"),
        (["diffusers:FluxTransfomer2DModel"], "Did you mean `FluxTransformer2DModel`?"),
        (["torch.nn:Linear"], "does not inherit `ModelMixin`"),
        (["probed_models:Honest", "--config", "{depth: 2}"], "`depth` in the config is none of its arguments."),
        (["probed_models:Honest", "--inputs", "{x: 1}"], "`x` in the inputs is none of its arguments."),
        (
            ["probed_models:Honest", "--inputs", "{hidden_states: {shape: [1, 5]}}"],
            "forward does not run on these inputs: RuntimeError: mat1 and mat2 shapes cannot be multiplied",
        ),
        (["probed_models:NeedsAnImage"], "no inputs were found that forward runs on; the best try ended in"),
        (["probed_models:Honest", "--config", "nowhere.yaml"], "nowhere.yaml: no such file."),
        (["probed_models:Honest", "--page", "nowhere/page.md"], "there is no folder `nowhere`"),
    ],
)
def test_a_wrong_request_is_refused(arguments: list[str], message: str) -> None:
    assert message in refused("probe", *arguments)
