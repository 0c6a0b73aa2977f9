"""`linter metadata`: what a model declares, where, and what its wiring lacks once a piece of it is taken away."""

from __future__ import annotations

import json
import os
import subprocess
import sys
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
    "a layer that cannot be fused": (
        (FLUX, "self.use_bias = bias", "self.has_bias = bias"),
        (FLUX, "fuse_qkv_projections", "broken", "MOD019"),
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
def table(run: Any, cache: Path) -> Any:
    """The table of a class, as JSON."""

    def table(*arguments: str | Path) -> dict[str, Any]:
        outcome = run("metadata", *arguments, "--output-format", "json", "--cache-dir", cache)
        assert (outcome.code, outcome.err) == (0, "")
        document: dict[str, Any] = json.loads(outcome.out)
        return document

    return table


@pytest.mark.parametrize("planted", PLANTED)
def test_a_row_says_what_was_taken_away(planted: str, diffusers_copy: Path, table: Any) -> None:
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


TINY = """\
from diffusers.configuration_utils import ConfigMixin, register_to_config
from diffusers.models.modeling_utils import ModelMixin
from torch import nn


class TinyBlock(nn.Module):
    pass


class TinyModel(ModelMixin, ConfigMixin):
    _supports_group_offloading = False
    _no_split_modules = ["TinyBlock"]
    _repeated_blocks = ["TinyBlock"]

    @register_to_config
    def __init__(self, num_layers: int = 2):
        super().__init__()
        self.blocks = nn.ModuleList([TinyBlock() for _ in range(num_layers)])
"""


def test_a_table_names_status_place_and_value(write: Any, run: Any) -> None:
    write({"models/tiny.py": TINY})
    outcome = run("metadata", "TinyModel", "--no-cache")
    assert outcome.code == 0
    assert outcome.out.splitlines() == [
        "What TinyModel declares  models/tiny.py:10",
        "_no_split_modules                 wired     tiny.py:12  TinyBlock",
        "_skip_layerwise_casting_patterns  missing",
        "    models/tiny.py:10: MOD006 `TinyModel` declares no `_skip_layerwise_casting_patterns`: only the default "
        "names are kept",
        "_repeated_blocks                  wired     tiny.py:13  TinyBlock",
        "Absent: _supports_gradient_checkpointing, _supports_group_offloading, _group_offload_block_modules,",
        "        _keep_in_fp32_modules, _skip_keys, _cp_plan, _tp_plan, from_single_file, _weight_mapping, "
        "load_lora_adapter,",
        "        _lora, _load_ip_adapter_weights, enable_cache, _available_processors, set_attention_backend,",
        "        fuse_qkv_projections, kv_cache_mode",
        "2 wired, 1 missing.",
    ]


def test_a_class_that_is_handed_in_may_be_any(write: Any, table: Any) -> None:
    named = TINY.replace('["TinyBlock"]', '["OtherBlock"]')
    write({"tiny.py": named})
    assert table("TinyModel")["capabilities"]["_no_split_modules"]["status"] == "broken"
    write({"tiny.py": named.replace("num_layers: int = 2", "block=TinyBlock").replace("TinyBlock()", "block()")})
    assert table("TinyModel")["capabilities"]["_no_split_modules"]["status"] == "declared"


def test_a_row_in_json_holds_what_the_table_shows_and_more(write: Any, table: Any) -> None:
    write({"tiny.py": TINY.replace('_repeated_blocks = ["TinyBlock"]', '_repeated_blocks = ["TinyBlok"]')})
    document = table("TinyModel")
    assert {key: document[key] for key in ("schema", "model", "path", "line")} == {
        "schema": 1,
        "model": "TinyModel",
        "path": "tiny.py",
        "line": 10,
    }
    row = document["capabilities"]["_repeated_blocks"]
    (finding,) = row.pop("findings")
    assert row == {
        "status": "broken",
        "value": ["TinyBlok"],
        "path": "tiny.py",
        "line": 13,
        "doc": "Blocks that are compiled once and reused: compile_repeated_blocks().",
        "rules": ["MOD005", "MOD019"],
    }
    assert (finding["code"], finding["path"], finding["line"]) == ("MOD005", "tiny.py", 13)
    absent = document["capabilities"]["_cp_plan"]
    assert (absent["status"], absent["value"], absent["path"], absent["line"]) == ("absent", None, None, None)


def test_a_suppressed_finding_is_not_lacking(write: Any, table: Any) -> None:
    reason = "  # lint: ignore[MOD005] made by a plugin"
    write({"tiny.py": TINY.replace('_repeated_blocks = ["TinyBlock"]', f'_repeated_blocks = ["TinyBlok"]{reason}')})
    assert table("TinyModel")["capabilities"]["_repeated_blocks"]["findings"] == []


def test_a_class_is_found_by_each_of_its_names(write: Any, table: Any) -> None:
    lazy = '_import_structure = {"tiny": ["TinyModel"]}\n'
    write({"src/tinylib/__init__.py": lazy, "src/tinylib/tiny.py": TINY, "src/tinylib/dummies.py": DUMMY})
    for name in (
        "TinyModel",
        "tinylib.TinyModel",
        "tinylib.tiny.TinyModel",
        "tiny.TinyModel",
        "src/tinylib/tiny.py:TinyModel",
    ):
        assert table(name)["path"] == "src/tinylib/tiny.py", name
    assert table("TinyModel", "src/tinylib")["path"] == "src/tinylib/tiny.py"
    assert table("TinyModel", "src/tinylib/tiny.py")["path"] == "src/tinylib/tiny.py"


DUMMY = """\
class TinyModel(metaclass=DummyObject):
    _backends = ["torch"]
"""


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["TinyModle"], "No class `TinyModle` in 4 files; did you mean `TinyModel`?"),
        (["Nothing"], "No class `Nothing` in 4 files; name the folder that it is in as the second argument."),
        (["TinyBlock"], "`TinyBlock` (b/tiny.py:6) is no model: it does not inherit `ModelMixin`."),
        (
            ["TinyModel"],
            "There are several models `TinyModel`. Name one of them by its file: a/tiny.py:TinyModel, "
            "b/tiny.py:TinyModel.",
        ),
        (["nowhere.py:TinyModel"], "nowhere.py:TinyModel: no such file."),
        (["a/tiny.py:"], "a/tiny.py:: no class is named."),
        (["a/tiny.py:TinyModle"], "No class `TinyModle` in 1 file; did you mean `TinyModel`?"),
        (["TinyModel", "nowhere"], "nowhere: no such file or folder."),
        (["TinyModel", "empty"], "There is no Python file to look for `TinyModel` in."),
        (["Broken"], "broken.py has a class `Broken` and cannot be read. `linter check` says why."),
    ],
)
def test_a_class_that_cannot_be_shown_is_told_why(
    arguments: list[str], message: str, write: Any, run: Any, folder: Path
) -> None:
    (folder / "empty").mkdir()
    write({"b/tiny.py": TINY, "broken.py": "class Broken:\n    def", "other.py": "x = 1\n"})
    write({"a/tiny.py": TINY.replace("TinyBlock", "SmallBlock")})
    outcome = run("metadata", *arguments, "--no-cache")
    assert (outcome.code, outcome.out) == (2, "")
    assert outcome.err.startswith(f"Error: {message}")
    assert outcome.err.count("\n") == 1


def test_the_table_of_a_generated_folder_agrees_with_what_its_class_says(folder: Path, table: Any) -> None:
    scaffold = [sys.executable, "-m", "scaffold", "model", "flux2"]
    subprocess.run(scaffold, cwd=folder, check=True, capture_output=True)
    shown = subprocess.run(
        [sys.executable, "-c", "import flux2; print(flux2.Flux2Transformer2DModel.metadata().to_json())"],
        cwd=folder,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        check=True,
        capture_output=True,
        text=True,
    )
    running = json.loads(shown.stdout)["capabilities"]
    read = table("Flux2Transformer2DModel", "flux2")["capabilities"]
    assert {name for name in running if read[name]["status"] in ("absent", "broken", "missing")} == set()
    assert {name: read[name]["doc"] for name in running} == {name: row["doc"] for name, row in running.items()}
    # What is worked out by running: the entries of tables, and the caches that a block's registration lets through.
    worked_out = {"_weight_mapping", "_lora", "enable_cache", "kv_cache_mode"}
    same = set(running) - worked_out
    assert {name: read[name]["value"] for name in same} == {name: running[name]["value"] for name in same}


def test_a_table_of_its_own_that_tells_another_value_is_a_row_s_conflict(write: Any, table: Any) -> None:
    own = """
    @classmethod
    def metadata(cls):
        return {"_no_split_modules": cls._no_split_modules, "_repeated_blocks": ["OtherBlock"]}
"""
    write({"tiny.py": TINY + own})
    rows = table("TinyModel")["capabilities"]
    assert [name for name, row in rows.items() if row["status"] == "broken"] == ["_repeated_blocks"]
    assert [finding["code"] for finding in rows["_repeated_blocks"]["findings"]] == ["MOD019"]


def test_a_mapping_whose_way_back_is_not_its_inverse_is_broken(folder: Path, table: Any) -> None:
    subprocess.run([sys.executable, "-m", "scaffold", "model", "flux2"], cwd=folder, check=True, capture_output=True)
    before = table("Flux2Transformer2DModel", "flux2")["capabilities"]
    assert (before["_weight_mapping"]["status"], before["_lora"]["status"]) == ("wired", "wired")
    mapping = folder / "flux2" / "weight_mapping.py"
    text = mapping.read_text("utf-8")
    assert '"context_embedder.weight"' in text
    mapping.write_text(text.replace('"context_embedder.weight"', '"x_embedder.weight"'), "utf-8")
    after = table("Flux2Transformer2DModel", "flux2")["capabilities"]
    assert after["_weight_mapping"]["status"] == "broken"
    assert {finding["code"] for finding in after["_weight_mapping"]["findings"]} == {"WGT001"}
    assert after["_lora"]["status"] == "wired"


def test_an_installed_class_is_found_by_its_package(table: Any, installed_diffusers: Path) -> None:
    document = table("diffusers.FluxTransformer2DModel")
    assert document["path"] == (installed_diffusers / FLUX).as_posix()
    assert document["capabilities"]["_no_split_modules"]["value"] == [
        "FluxTransformerBlock",
        "FluxSingleTransformerBlock",
    ]


def test_a_default_processor_that_the_model_replaces_is_no_concern_of_its(table: Any) -> None:
    # Both build the same attention layer, whose default calls torch itself; one gives it a processor that dispatches.
    replaced = table("diffusers.QwenImageTransformer2DModel")["capabilities"]["set_attention_backend"]
    kept = table("diffusers.AutoencoderKL")["capabilities"]["set_attention_backend"]
    assert (replaced["status"], replaced["findings"]) == ("wired", [])
    assert (kept["status"], [finding["symbol"] for finding in kept["findings"]]) == (
        "missing",
        ["AttnProcessor2_0.__call__"],
    )
