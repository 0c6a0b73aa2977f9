"""Plans for context parallelism: what the plans of diffusers' models may not say of those models."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One cache for all runs, so that the files around the changed one are read once."""
    return tmp_path_factory.mktemp("cache")


@pytest.mark.parametrize(
    ("name", "old", "new", "at", "message"),
    [
        (
            "flux",
            '"img_ids": Context',
            '"image_ids": Context',
            '"image_ids"',
            "`_cp_plan` splits `image_ids`, which `FluxTransformer2DModel.forward` does not take",
        ),
        (
            "flux",
            '"hidden_states": ContextParallelInput(split_dim=1, expected_dims=3',
            '"hidden_states": ContextParallelInput(split_dim=1, expected_dims=4',
            '"hidden_states": ContextParallelInput(split_dim=1, expected_dims=4',
            "`hidden_states` has not 4 dimensions: `FluxTransformer2DModel.forward` says "
            "`(batch_size, image_sequence_length, in_channels)`",
        ),
        (
            "flux2",
            '"encoder_hidden_states": ContextParallelInput(split_dim=1, expected_dims=3',
            '"encoder_hidden_states": ContextParallelInput(0, 1',
            '"encoder_hidden_states": ContextParallelInput(0, 1',
            "`encoder_hidden_states` has not 1 dimensions: `Flux2Transformer2DModel.forward` says "
            "`(batch_size, text_sequence_length, joint_attention_dim)`",
        ),
        (
            "flux2",
            '"proj_out": ContextParallelOutput(gather_dim=1',
            '"proj_out": ContextParallelOutput(gather_dim=3',
            "gather_dim=3",
            "a tensor of 3 dimensions has no dimension 3",
        ),
        (
            "qwenimage",
            '"transformer_blocks.*": {',
            '"blocks.*": {',
            '"blocks.*"',
            "`_cp_plan` names `blocks.*`, and `QwenImageTransformer2DModel` has no `blocks`",
        ),
        (
            "qwenimage",
            '"transformer_blocks.0": {',
            '"transformer_blocks.0.attention": {',
            '"transformer_blocks.0.attention"',
            "`_cp_plan` names `transformer_blocks.0.attention`, and `QwenImageTransformerBlock` has no `attention`",
        ),
        (
            "qwenimage",
            '"transformer_blocks.*": {',
            '"transformer_blocks.attn": {',
            '"transformer_blocks.attn"',
            "`_cp_plan` names `transformer_blocks.attn`, and `ModuleList` has no `attn`",
        ),
        (
            "qwenimage",
            '"modulate_index": Context',
            '"modulation_index": Context',
            '"modulation_index"',
            "`_cp_plan` splits `modulation_index`, which `QwenImageTransformerBlock.forward` does not take",
        ),
        (
            "wan",
            "            1: ContextParallelInput",
            "            2: ContextParallelInput",
            "2: ContextParallelInput",
            "`WanRotaryPosEmbed.forward` returns 2 tensors: there is none at 2",
        ),
        (
            "wan",
            '"rope": {',
            '"rope": ContextParallelOutput(gather_dim=1, expected_dims=4),\n        "rope": {',
            '"rope": ContextParallelOutput',
            "`WanRotaryPosEmbed.forward` returns 2 tensors, and the plan gathers 1",
        ),
        (
            "ltx2",
            "0: ContextParallelInput(split_dim=1, expected_dims=3, split_output=True)",
            "0: ContextParallelInput(split_dim=1, expected_dims=3)",
            "0: ContextParallelInput",
            "0 is a place among the outputs, which needs `split_output=True`",
        ),
        (
            "ltx2",
            '"encoder_hidden_states": ContextParallelInput(split_dim=1, expected_dims=3, split_output=False)',
            '"encoder_hidden_states": ContextParallelInput(split_dim=1, expected_dims=3, split_output=True)',
            "split_output=True",
            "`split_output=True` needs the place of the output, and `encoder_hidden_states` is an argument",
        ),
        (
            "helios",
            'f"blocks.{i}.attn2"',
            'f"blocks.{i}.cross"',
            'f"blocks.{i}.cross"',
            "`_cp_plan` names `blocks.0.cross`, and `HeliosTransformerBlock` has no `cross`",
        ),
        (
            "helios",
            '"blocks.*.attn2": {',
            '"blocks.*.*": {',
            '"blocks.*.*"',
            "`blocks.*.*` of `_cp_plan` has more than one `*`, which the hooks do not follow",
        ),
        (
            "helios",
            '"blocks.*.attn2": {',
            '"rope.*": {',
            '"rope.*"',
            "`*` in `rope.*` of `_cp_plan` stands behind `HeliosRotaryPosEmbed`, which is no `ModuleList`",
        ),
        (
            "minimax_h3",
            '"adaln_indices": Context',
            '"adaln": Context',
            '"adaln"',
            "`_cp_plan` splits `adaln`, which `MiniMaxH3TransformerBlock.forward` does not take",
        ),
    ],
)
def test_a_plan_is_held_against_its_model(
    name: str,
    old: str,
    new: str,
    at: str,
    message: str,
    run: Callable[..., Any],
    diffusers_copy: Path,
    cache: Path,
) -> None:
    path = diffusers_copy / "models" / "transformers" / f"transformer_{name}.py"
    original = path.read_text(encoding="utf-8")
    begin = original.index("    _cp_plan = {")
    text = original[:begin] + original[begin:].replace(old, new, 1)
    assert text != original, "the plan has changed: plant the fault elsewhere"
    options = ("--output-format", "json", "--cache-dir", cache, "--select", "MOD008")
    try:
        assert run("check", *options, path).findings == []
        path.write_text(text, encoding="utf-8")
        (found,) = run("check", *options, path).findings
    finally:
        path.write_text(original, encoding="utf-8")
    assert found["message"] == message
    assert at in text.split("\n")[found["line"] - 1]


HEAD = """
import torch
from diffusers.configuration_utils import ConfigMixin, register_to_config
from diffusers.models._modeling_parallel import ContextParallelInput as Split
from diffusers.models import _modeling_parallel as parallel
from diffusers.models.modeling_utils import ModelMixin
from torch import nn


class TinyBase(nn.Module):
    def __init__(self):
        super().__init__()
        self.norm = nn.LayerNorm(8)

    def forward(self, hidden_states):
        batch_size, tokens, width = hidden_states.shape
        return hidden_states.reshape(batch_size, tokens, width)


class TinyBlock(TinyBase):
    pass


class TinyModel(ModelMixin, ConfigMixin):
    _cp_plan = PLAN

    @register_to_config
    def __init__(self, kind: str = "a", blocks=None):
        super().__init__()
        self.blocks = nn.ModuleList([TinyBlock() for _ in range(2)])
        self.given = blocks
        self.appended = nn.ModuleList()
        for _ in range(2):
            self.appended.append(TinyBlock())
        self.chosen = TinyBlock() if kind == "a" else nn.Identity()
        for name in ("left", "right"):
            setattr(self, f"{name}_block", TinyBlock())

    def forward(self, hidden_states, ids, **kwargs):
        if ids.ndim == 3:
            ids = ids[0]
        tokens, axes = ids.shape
        return self.blocks[0](hidden_states)
"""


@pytest.mark.parametrize(
    "plan",
    [
        # What is inherited is there.
        '{"blocks.*.norm": parallel.ContextParallelOutput(1, 3), "blocks.0": {"hidden_states": Split(1, 3)}}',
        # What cannot be followed is let be.
        '{"given.0.attn": {"x": Split(1, 3)}}',
        '{"appended.*.attn": {"x": Split(1, 3)}}',
        '{"chosen": {"x": Split(1, 3)}}',
        '{"left_block": {"x": Split(1, 3)}}',
        '{"blocks.0.norm": {"x": Split(1, 3)}}',
        # A keyword among all others; a name that stands for another tensor before it is unpacked.
        '{"": {"mask": Split(1, 2), "ids": Split(0, 3)}}',
        # Numbers from elsewhere.
        '{"": {"ids": Split(AXIS, expected_dims=DIMS, split_output=FLAG)}}',
        '{"": {0: Split(0, 3, FLAG)}, NAME: {}, **OTHERS}',
        "other_plan()",
        "{**{key: parallel.ContextParallelOutput(1, 3) for key in NAMES}}",
    ],
)
def test_a_plan_is_not_doubted_where_it_may_be_right(
    plan: str, write: Callable[..., None], check: Callable[..., Any]
) -> None:
    write({"tiny.py": HEAD.replace("PLAN", plan)})
    assert check("--select", "MOD008", "tiny.py").findings == []


@pytest.mark.parametrize(
    ("plan", "count"),
    [
        ('{"blocks.*.norms": parallel.ContextParallelOutput(1, 3)}', 1),
        ('{"blocks.0": {"x": Split(1, 3)}}', 1),
        ('{"": {"ids": Split(3, 3), "hidden_states": Split(-4, 3)}}', 2),
        ('{**{f"blocks.{i}.norms": parallel.ContextParallelOutput(1, 3) for i in range(2)}}', 1),
        ('{**{"blocks.norm": parallel.ContextParallelOutput(1, 3)}}', 1),
        ('{"": {1: Split(0, 3)}}', 1),
        ('{"blocks.0": {"hidden_states": Split(1, 4)}}', 1),
    ],
)
def test_an_alias_and_an_inherited_layer_are_followed(
    plan: str, count: int, write: Callable[..., None], check: Callable[..., Any]
) -> None:
    write({"tiny.py": HEAD.replace("PLAN", plan)})
    assert len(check("--select", "MOD008", "tiny.py").findings) == count
