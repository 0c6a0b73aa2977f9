"""The generated FLUX.2 transformer against diffusers' own: same names, same numbers, on every path."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import diffusers
import pytest
import torch
from diffusers.models.transformers import transformer_flux2 as upstream
from peft import LoraConfig
from torch import nn

from scaffold.resources import templates_root


TINY: dict[str, Any] = {
    "in_channels": 4,
    "num_layers": 3,
    "num_single_layers": 3,
    "attention_head_dim": 16,
    "num_attention_heads": 2,
    "joint_attention_dim": 32,
    "timestep_guidance_channels": 32,
    "axes_dims_rope": (4, 4, 4, 4),
}
CONFIGS: dict[str, dict[str, Any]] = {
    "guidance": {},
    "no-guidance": {"guidance_embeds": False},
    "other-sizes": {
        "patch_size": 2,
        "out_channels": 6,
        "mlp_ratio": 2.5,
        "eps": 1e-3,
        "rope_theta": 500,
        "axes_dims_rope": (2, 6, 8),
        "num_attention_heads": 3,
    },
}
REFERENCE_TOKENS = 4


@dataclass(frozen=True)
class Pair:
    """Two models with equal weights: the generated one and diffusers'."""

    ours: nn.Module
    theirs: nn.Module

    def each(self, act: Callable[[Any], Any]) -> None:
        act(self.ours)
        act(self.theirs)

    def to(self, dtype: torch.dtype) -> Pair:
        self.each(lambda model: model.to(dtype))
        return self


def make_pair(package: ModuleType, **config: Any) -> Pair:
    """Every parameter is drawn at random, norms too: ones and zeros would hide what is swapped or left out."""
    theirs = diffusers.Flux2Transformer2DModel(**TINY | config).eval()
    ours = package.Flux2Transformer2DModel(**TINY | config).eval()
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for parameter in theirs.parameters():
            parameter.copy_(torch.randn(parameter.shape, generator=generator) / 4)
    ours.load_state_dict(theirs.state_dict())
    return Pair(ours, theirs)


def make_inputs(pair: Pair, dtype: torch.dtype = torch.float32, references: int = 0) -> dict[str, Any]:
    generator = torch.Generator().manual_seed(1)
    config = pair.theirs.config
    axes = len(config.axes_dims_rope)
    image, text = references + 16, 7
    return {
        "hidden_states": torch.randn(2, image, config.in_channels, generator=generator).to(dtype),
        "encoder_hidden_states": torch.randn(2, text, config.joint_attention_dim, generator=generator).to(dtype),
        "timestep": torch.tensor([0.9, 0.3], dtype=dtype),
        "guidance": torch.tensor([4.0, 2.5], dtype=dtype),
        "img_ids": torch.randint(0, 20, (2, image, axes), generator=generator),
        "txt_ids": torch.randint(0, 20, (2, text, axes), generator=generator),
    }


def run(model: nn.Module, inputs: dict[str, Any], **arguments: Any) -> dict[str, torch.Tensor]:
    """The output and the gradient of every parameter that has one."""
    model.zero_grad()
    sample = model(**inputs, **arguments, return_dict=False)[0]
    sample.float().square().mean().backward()
    gradients = {name: each.grad.clone() for name, each in model.named_parameters() if each.grad is not None}
    return {"sample": sample.detach(), **gradients}


def largest_difference(ours: dict[str, torch.Tensor], theirs: dict[str, torch.Tensor]) -> float:
    assert ours.keys() == theirs.keys()
    assert theirs["sample"].float().std() > 0
    assert not any(tensor.isnan().any() for tensor in theirs.values())
    return max((ours[name].double() - theirs[name].double()).abs().max().item() for name in theirs)


def use_kv_processors(pair: Pair, package: ModuleType) -> None:
    for model, source in ((pair.ours, package), (pair.theirs, upstream)):
        for block in model.transformer_blocks:
            block.attn.set_processor(source.Flux2KVAttnProcessor())
        for block in model.single_transformer_blocks:
            block.attn.set_processor(source.Flux2KVParallelSelfAttnProcessor())


@pytest.mark.parametrize("config", CONFIGS.values(), ids=CONFIGS)
def test_names_shapes_and_order_are_equal(flux2, config):
    pair = make_pair(flux2, **config)
    ours, theirs = pair.ours.state_dict(), pair.theirs.state_dict()
    assert list(ours) == list(theirs)
    assert {name: each.shape for name, each in ours.items()} == {name: each.shape for name, each in theirs.items()}


def test_the_same_seed_draws_the_same_weights(flux2):
    torch.manual_seed(3)
    ours = flux2.Flux2Transformer2DModel(**TINY).state_dict()
    torch.manual_seed(3)
    theirs = diffusers.Flux2Transformer2DModel(**TINY).state_dict()
    assert all(torch.equal(ours[name], theirs[name]) for name in theirs)


def test_config_keys_and_defaults_are_equal(flux2):
    ours = inspect.signature(flux2.Flux2Transformer2DModel.__init__).parameters
    theirs = inspect.signature(diffusers.Flux2Transformer2DModel.__init__).parameters
    assert list(ours) == list(theirs)
    assert {name: each.default for name, each in ours.items()} == {name: each.default for name, each in theirs.items()}
    pair = make_pair(flux2)
    assert dict(pair.ours.config) == dict(pair.theirs.config)


def test_forward_takes_the_same_arguments(flux2):
    ours = inspect.signature(flux2.Flux2Transformer2DModel.forward).parameters
    theirs = inspect.signature(diffusers.Flux2Transformer2DModel.forward).parameters
    assert [(each.name, each.default) for each in ours.values()] == [
        (each.name, each.default) for each in theirs.values()
    ]


def test_class_attributes_are_equal(flux2):
    for name in (
        "_no_split_modules",
        "_repeated_blocks",
        "_skip_layerwise_casting_patterns",
        "_skip_keys",
        "_cp_plan",
    ):
        assert getattr(flux2.Flux2Transformer2DModel, name) == getattr(diffusers.Flux2Transformer2DModel, name), name


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16], ids=str)
@pytest.mark.parametrize("config", CONFIGS.values(), ids=CONFIGS)
def test_plain_forward(flux2, config, dtype):
    pair = make_pair(flux2, **config).to(dtype)
    inputs = make_inputs(pair, dtype)
    assert largest_difference(run(pair.ours, inputs), run(pair.theirs, inputs)) == 0


def test_ids_without_a_batch_and_no_guidance_scale(flux2):
    pair = make_pair(flux2)
    inputs = make_inputs(pair)
    inputs |= {"img_ids": inputs["img_ids"][0], "txt_ids": inputs["txt_ids"][0], "guidance": None}
    assert largest_difference(run(pair.ours, inputs), run(pair.theirs, inputs)) == 0


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16], ids=str)
def test_fused_projections(flux2, dtype):
    pair = make_pair(flux2).to(dtype)
    inputs = make_inputs(pair, dtype)
    pair.each(lambda model: model.fuse_qkv_projections())
    assert list(pair.ours.state_dict()) == list(pair.theirs.state_dict())
    assert largest_difference(run(pair.ours, inputs), run(pair.theirs, inputs)) == 0
    pair.each(lambda model: model.unfuse_qkv_projections())
    assert largest_difference(run(pair.ours, inputs), run(pair.theirs, inputs)) == 0


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16], ids=str)
def test_gradient_checkpointing(flux2, dtype):
    pair = make_pair(flux2).to(dtype)
    inputs = make_inputs(pair, dtype)
    pair.each(lambda model: model.train())
    plain = run(pair.ours, inputs)
    pair.each(lambda model: model.enable_gradient_checkpointing())
    checkpointed = run(pair.ours, inputs)
    assert largest_difference(checkpointed, run(pair.theirs, inputs)) == 0
    assert largest_difference(checkpointed, plain) == 0


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16], ids=str)
@pytest.mark.parametrize("fused", [False, True], ids=["split", "fused"])
def test_kv_extract(flux2, dtype, fused):
    pair = make_pair(flux2).to(dtype)
    use_kv_processors(pair, flux2)
    if fused:
        pair.each(lambda model: model.fuse_qkv_projections())
    inputs = make_inputs(pair, dtype, references=REFERENCE_TOKENS)
    mode = {"kv_cache_mode": "extract", "num_ref_tokens": REFERENCE_TOKENS, "ref_fixed_timestep": 0.1}
    ours, theirs = run(pair.ours, inputs, **mode), run(pair.theirs, inputs, **mode)
    assert theirs["sample"].shape[1] == inputs["hidden_states"].shape[1] - REFERENCE_TOKENS
    assert largest_difference(ours, theirs) == 0


def test_kv_extract_without_reference_tokens(flux2):
    pair = make_pair(flux2)
    use_kv_processors(pair, flux2)
    inputs, mode = make_inputs(pair), {"kv_cache_mode": "extract"}
    assert largest_difference(run(pair.ours, inputs, **mode), run(pair.theirs, inputs, **mode)) == 0
    assert pair.ours(**inputs, **mode).kv_cache is pair.theirs(**inputs, **mode).kv_cache is None


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16], ids=str)
def test_kv_cached(flux2, dtype):
    pair = make_pair(flux2).to(dtype)
    use_kv_processors(pair, flux2)
    with_references = make_inputs(pair, dtype, references=REFERENCE_TOKENS)
    mode = {"kv_cache_mode": "extract", "num_ref_tokens": REFERENCE_TOKENS}
    results = []
    for model in (pair.ours, pair.theirs):
        with torch.no_grad():
            cache = model(**with_references, **mode).kv_cache
        layers = (*cache.double_block_caches, *cache.single_block_caches)
        kept = {
            f"{index}.{side}": tensor for index, layer in enumerate(layers) for side, tensor in enumerate(layer.get())
        }
        results.append(kept | run(model, make_inputs(pair, dtype), kv_cache_mode="cached", kv_cache=cache))
        cache.clear()
        with pytest.raises(RuntimeError):
            layers[0].get()
    assert largest_difference(*results) == 0


def test_kv_processors_without_a_mode(flux2):
    pair = make_pair(flux2)
    inputs = make_inputs(pair)
    plain = run(pair.ours, inputs)
    use_kv_processors(pair, flux2)
    assert largest_difference(run(pair.ours, inputs), run(pair.theirs, inputs)) == 0
    assert largest_difference(run(pair.ours, inputs), plain) == 0


@pytest.mark.parametrize("scale", [1.0, 0.4, 0.0])
def test_lora_scale(flux2, scale):
    pair = make_pair(flux2)
    config = LoraConfig(
        r=3, lora_alpha=5, target_modules=["to_q", "add_k_proj", "to_qkv_mlp_proj", "linear_in", "proj_out"]
    )
    for model in (pair.ours, pair.theirs):
        model.add_adapter(config)
        torch.manual_seed(0)
        for name, parameter in model.named_parameters():
            if "lora_" in name:
                nn.init.normal_(parameter, std=0.1)
    inputs = make_inputs(pair)
    arguments = {"joint_attention_kwargs": {"scale": scale}}
    ours, theirs = run(pair.ours, inputs, **arguments), run(pair.theirs, inputs, **arguments)
    assert any("lora_" in name for name in theirs)
    assert largest_difference(ours, theirs) == 0


def test_attention_mask_reaches_the_processors(flux2):
    pair = make_pair(flux2)
    inputs = make_inputs(pair)
    tokens = inputs["hidden_states"].shape[1] + inputs["encoder_hidden_states"].shape[1]
    mask = torch.rand(2, 1, tokens, tokens, generator=torch.Generator().manual_seed(2)) > 0.3
    arguments = {"joint_attention_kwargs": {"attention_mask": mask}}
    masked = run(pair.ours, inputs, **arguments)
    assert largest_difference(masked, run(pair.theirs, inputs, **arguments)) == 0
    assert largest_difference(masked, run(pair.ours, inputs)) > 0.01


def test_checkpoints_load_both_ways(flux2, tmp_path):
    pair = make_pair(flux2)
    pair.ours.save_pretrained(tmp_path / "ours")
    pair.theirs.save_pretrained(tmp_path / "theirs")
    theirs_from_ours = diffusers.Flux2Transformer2DModel.from_pretrained(tmp_path / "ours")
    ours_from_theirs = flux2.Flux2Transformer2DModel.from_pretrained(tmp_path / "theirs")
    inputs = make_inputs(pair)
    expected = pair.theirs(**inputs).sample
    assert torch.equal(theirs_from_ours(**inputs).sample, expected)
    assert torch.equal(ours_from_theirs(**inputs).sample, expected)

    def arguments(model: Any) -> dict[str, Any]:
        # JSON knows no tuples.
        config = {key: list(value) if isinstance(value, tuple) else value for key, value in model.config.items()}
        return {key: config[key] for key in dict(pair.theirs.config) if not key.startswith("_")}

    assert arguments(theirs_from_ours) == arguments(ours_from_theirs) == arguments(pair.ours)


def test_the_published_defaults_have_the_published_size(flux2):
    with torch.device("meta"):
        ours, theirs = flux2.Flux2Transformer2DModel(), diffusers.Flux2Transformer2DModel()
    assert ours.num_parameters() == theirs.num_parameters()


# One fault a line: the file of the templates, what it says, what it says then.
FAULTS = {
    "swapped shift and scale": ("specs/flux2.yaml", "slots: [shift, scale, gate]", "slots: [scale, shift, gate]"),
    "swapped in the template": (
        "components/stream_modulation/shared/write.j2",
        "(1 + {{ stream.prefix }}scale_{{ step.name }}) * self.{{ norm.attribute }}({{ stream.argument }}) "
        "+ {{ stream.prefix }}shift_{{ step.name }}",
        "(1 + {{ stream.prefix }}shift_{{ step.name }}) * self.{{ norm.attribute }}({{ stream.argument }}) "
        "+ {{ stream.prefix }}scale_{{ step.name }}",
    ),
    "text after image": (
        "components/sublayer/joint_attention/project.py.j2",
        "torch.cat([attn.norm_added_k(text_key), attn.norm_k(key)], dim=1)",
        "torch.cat([attn.norm_k(key), attn.norm_added_k(text_key)], dim=1)",
    ),
    "no qk-norm": (
        "components/sublayer/parallel_attention/project.py.j2",
        "attn.norm_q(query.unflatten",
        "(query.unflatten",
    ),
    "another rotary base": ("components/position/rope/classes.py.j2", "theta=self.theta,", "theta=self.theta + 1,"),
    "lost gate": (
        "components/stream_modulation/shared/write.j2",
        "+ {{ stream.prefix }}gate_{{ step.name }} * {{ stream.prefix }}{{ step.name }}_output",
        "+ {{ stream.prefix }}{{ step.name }}_output",
    ),
    "another time scale": ("specs/flux2.yaml", "scale: 1000", "scale: 999"),
    "halves of the activation swapped": (
        "components/activation/swiglu/classes.py.j2",
        "gate, hidden_states = hidden_states.chunk(2, dim=-1)",
        "hidden_states, gate = hidden_states.chunk(2, dim=-1)",
    ),
}


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)
def test_a_planted_fault_is_seen(altered, fault):
    pair = make_pair(altered("flux2", fault))
    inputs = make_inputs(pair)
    ours, theirs = run(pair.ours, inputs), run(pair.theirs, inputs)
    # A layer that is left out shows by its missing gradient.
    assert ours.keys() != theirs.keys() or largest_difference(ours, theirs) > 0
    assert not torch.equal(ours["sample"], theirs["sample"])


# All that the spec says about several devices.
FLUX2 = (templates_root() / "specs" / "flux2.yaml").read_text()
PLANS = re.search(r"^context_parallel:\n(?: .*\n)+\ntensor_parallel:\n(?: .*\n)+", FLUX2, re.MULTILINE).group()


def test_a_spec_without_a_feature_leaves_no_trace_of_it(altered):
    package = altered(
        "flux2",
        ("specs/flux2.yaml", "kv_cache: true", "kv_cache: false"),
        ("specs/flux2.yaml", PLANS, ""),
    )
    source = Path(package.model.__file__).read_text()
    traces = ("kv_cache", "ref_", "index", "ContextParallel", "_tp_", "Packed")
    assert [line for line in source.splitlines() if any(trace in line for trace in traces)] == []
    assert not {"kv_cache_mode", "_cp_plan", "_tp_plan"} & package.Flux2Transformer2DModel.metadata().keys()
    assert not (Path(package.__path__[0]) / "tests" / "test_parallel.py").exists()
    pair = make_pair(package)
    inputs = make_inputs(pair)
    assert largest_difference(run(pair.ours, inputs), run(pair.theirs, inputs)) == 0
