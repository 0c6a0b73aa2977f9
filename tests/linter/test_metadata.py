"""`linter metadata`: what a model declares, where, and what its wiring lacks once a piece of it is taken away."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest


FLUX = "models/transformers/transformer_flux.py"
FLUX2 = "models/transformers/transformer_flux2.py"
WAN = "models/transformers/transformer_wan.py"
HOOKS = "hooks/_helpers.py"
MODELS = {FLUX: "FluxTransformer2DModel", FLUX2: "Flux2Transformer2DModel", WAN: "WanTransformer3DModel"}

IMAGE_SECOND = """        model_class=FluxTransformerBlock,
        metadata=TransformerBlockMetadata(
            return_hidden_states_index=1,
            return_encoder_hidden_states_index=0,"""
IMAGE_FIRST = IMAGE_SECOND.replace("index=1", "index=2").replace("index=0", "index=1").replace("index=2", "index=0")

PLANTED = {
    "no checkpointing branch": (
        (WAN, "torch.is_grad_enabled() and self.gradient_checkpointing", "torch.is_grad_enabled() and False"),
        (WAN, "_supports_gradient_checkpointing", "broken", "MOD007"),
    ),
    "other arguments when checkpointing": (
        (
            WAN,
            "block, hidden_states, encoder_hidden_states, timestep_proj, rotary_emb",
            "block, hidden_states, encoder_hidden_states, timestep_proj",
        ),
        (WAN, "_supports_gradient_checkpointing", "broken", "FWD014"),
    ),
    "no such block": (
        (WAN, '_no_split_modules = ["WanTransformerBlock"', '_no_split_modules = ["WanBlock"'),
        (WAN, "_no_split_modules", "broken", "MOD004"),
    ),
    "no list of whole blocks": (
        (FLUX, "    _no_split_modules = ", "    no_split_modules = "),
        (FLUX, "_no_split_modules", "missing", "MOD004"),
    ),
    "no such repeated block": (
        (WAN, '_repeated_blocks = ["WanTransformerBlock"', '_repeated_blocks = ["WanBlock"'),
        (WAN, "_repeated_blocks", "broken", "MOD005"),
    ),
    "no such layer to spare": (
        (FLUX, '_skip_layerwise_casting_patterns = ["pos_embed"', '_skip_layerwise_casting_patterns = ["rope_table"'),
        (FLUX, "_skip_layerwise_casting_patterns", "broken", "MOD006"),
    ),
    "no such layer to keep": (
        (WAN, '_keep_in_fp32_modules = ["rope"', '_keep_in_fp32_modules = ["rotary_table"'),
        (WAN, "_keep_in_fp32_modules", "broken", "MOD006"),
    ),
    "no such argument to leave alone": (
        (FLUX2, '_skip_keys = ["kv_cache"]', '_skip_keys = ["kv_caches"]'),
        (FLUX2, "_skip_keys", "broken", "MOD009"),
    ),
    "no such submodule to gather": (
        (FLUX2, '"proj_out": ContextParallelOutput', '"projection": ContextParallelOutput'),
        (FLUX2, "_cp_plan", "broken", "MOD008"),
    ),
    "no entry for single files": (
        ("loaders/single_file_model.py", '"FluxTransformer2DModel": {', '"FluxTransformer3DModel": {'),
        (FLUX, "from_single_file", "broken", "REG017"),
    ),
    "no mixin for single files": (
        (FLUX, "    FromOriginalModelMixin,\n", ""),
        (FLUX, "from_single_file", "missing", "REG017"),
    ),
    "no scale for LoRA": (
        (FLUX, '    @apply_lora_scale("joint_attention_kwargs")\n', ""),
        (FLUX, "load_lora_adapter", "broken", "MOD015"),
    ),
    "no LoRA": ((FLUX, "    PeftAdapterMixin,\n", ""), (FLUX, "load_lora_adapter", "absent", None)),
    "the adapters of another model": (
        (WAN, "FromOriginalModelMixin", "FromOriginalModelMixin, FluxTransformer2DLoadersMixin"),
        (WAN, "_load_ip_adapter_weights", "broken", "MOD016"),
    ),
    "no entry for caches": (
        (HOOKS, "model_class=FluxTransformerBlock,", "model_class=FluxSingleTransformerBlock,"),
        (FLUX, "enable_cache", "broken", "REG013"),
    ),
    "the streams changed places": (
        (HOOKS, IMAGE_SECOND, IMAGE_FIRST),
        (FLUX, "enable_cache", "broken", "REG014"),
    ),
    "a list where no hook looks": (
        (WAN, "self.blocks", "self.double_stack"),
        (WAN, "enable_cache", "broken", "REG016"),
    ),
    "a default that is not available": (
        (FLUX, "_available_processors = [\n        FluxAttnProcessor,", "_available_processors = ["),
        (FLUX, "_available_processors", "broken", "ATT003"),
    ),
    "attention called directly": (
        (FLUX, "hidden_states = dispatch_attention_fn(", "hidden_states = F.scaled_dot_product_attention("),
        (FLUX, "set_attention_backend", "broken", "ATT001"),
    ),
    "no place for the backend": (
        (FLUX, "class FluxAttnProcessor:\n    _attention_backend = None\n", "class FluxAttnProcessor:\n"),
        (FLUX, "set_attention_backend", "broken", "ATT004"),
    ),
    "the backend not handed on": (
        (FLUX, "            backend=self._attention_backend,\n", ""),
        (FLUX, "set_attention_backend", "broken", "ATT005"),
    ),
    "a processor that is not asked": (
        (WAN, "return self.processor(", "return WanAttnProcessor()("),
        (WAN, "set_attention_backend", "broken", "ATT007"),
    ),
    "no mixin for attention": (
        (FLUX, "    AttentionMixin,\n", ""),
        (FLUX, "fuse_qkv_projections", "missing", "ATT016"),
    ),
}
"""What is planted where (file, text, other text), and the row of which model says what about it, by which rule."""


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


@pytest.fixture
def table(run: Callable[..., Any], cache: Path) -> Callable[..., dict[str, Any]]:
    """The table of a class, as JSON."""

    def table(*arguments: str | Path) -> dict[str, Any]:
        outcome = run("metadata", *arguments, "--output-format", "json", "--cache-dir", cache)
        assert (outcome.code, outcome.err) == (0, "")
        document: dict[str, Any] = json.loads(outcome.out)
        return document

    return table


@pytest.mark.parametrize("planted", PLANTED)
def test_a_row_says_what_was_taken_away(
    planted: str, diffusers_copy: Path, table: Callable[..., dict[str, Any]]
) -> None:
    (name, text, other), (home, row, status, code) = PLANTED[planted]
    model = f"{diffusers_copy / home}:{MODELS[home]}"
    file = diffusers_copy / name
    before = file.read_text("utf-8")
    assert text in before
    whole = table(model)["capabilities"]
    try:
        file.write_text(before.replace(text, other), "utf-8")
        broken = table(model)["capabilities"]
    finally:
        file.write_text(before, "utf-8")
    assert broken[row]["status"] == status
    assert whole[row]["status"] != status
    added = {finding["code"] for finding in broken[row]["findings"]} - {
        item["code"] for item in whole[row]["findings"]
    }
    assert added == ({code} if code else set())
