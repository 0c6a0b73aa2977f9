"""Conversions of weights: what the way back loses, formats never met, keys that go in silence, swapped chunks."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from scaffold.cli import main as scaffold


@pytest.fixture
def found(folder: Path, check: Callable[..., Any]) -> Callable[[str, str], list[tuple[int, str]]]:
    """The lines and messages of what a rule finds in a text."""

    def found(code: str, text: str) -> list[tuple[int, str]]:
        (folder / "weights.py").write_text(text)
        return [(item["line"], item["message"]) for item in check("--select", code, "weights.py").findings]

    return found


@pytest.fixture(scope="module")
def flux2(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that scaffold made."""
    out = tmp_path_factory.mktemp("made")
    result = CliRunner().invoke(scaffold, ["model", "flux2", "--out", str(out)])
    assert result.exit_code == 0, result.output
    return out / "flux2"


TABLE = 'NAMES = {\n    "img_in": "embedder",\n    "txt_in": "embedder",\n}\n'


@pytest.mark.parametrize(
    "turned",
    [
        "BACK = {new: old for old, new in NAMES.items()}",
        "BACK = dict((new, old) for old, new in NAMES.items())",
        "BACK = dict(zip(NAMES.values(), NAMES.keys()))",
        "BACK = dict(zip(NAMES.values(), NAMES))",
        "BACK = dict(map(reversed, NAMES.items()))",
    ],
)
def test_a_table_that_is_turned_round_must_have_each_name_once(
    turned: str, found: Callable[[str, str], list[tuple[int, str]]]
) -> None:
    message = "`embedder` is already the name of another key: the inverse of `NAMES` loses one"
    assert found("WGT001", f"{TABLE}{turned}\n") == [(3, message)]
    assert found("WGT001", TABLE.replace('"txt_in": "e', '"txt_in": "text_e') + turned) == []
    assert found("WGT001", f"{TABLE}SAME = {{old: new for old, new in NAMES.items()}}\n") == []


def test_a_table_of_a_class_is_found_at_its_own_place(found: Callable[[str, str], list[tuple[int, str]]]) -> None:
    text = "class Handler:\n    names = {'a': 'c', 'b': 'c'}\n\n    def back(self):\n"
    text += "        return {new: old for old, new in self.names.items()}\n"
    assert [line for line, _ in found("WGT001", text)] == [2]


def test_names_that_are_put_back_one_after_the_other_must_not_hold_an_earlier_one(
    found: Callable[[str, str], list[tuple[int, str]]],
) -> None:
    table = 'NAMES = {{\n    "double": "{}",\n    "single": "{}",\n}}\n'
    loop = "def map_from_diffusers(key):\n    for old, new in NAMES.items():\n        key = key.replace({})\n"
    short, long = "transformer_blocks", "single_transformer_blocks"
    message = f"`{long}` holds `{short}`, which the way back replaces in it first"
    assert found("WGT001", table.format(short, long) + loop.format("new, old")) == [(3, message)]
    assert found("WGT001", table.format(long, short) + loop.format("new, old")) == []
    assert found("WGT001", table.format(short, long) + loop.format("old, new")) == []


def test_a_rule_of_a_made_folder_whose_name_another_rule_has_is_found(
    flux2: Path, folder: Path, check: Callable[..., Any]
) -> None:
    shutil.copytree(flux2, folder / "flux2")
    mapping = folder / "flux2/weight_mapping.py"
    assert check("--select", "WGT", "flux2").findings == []
    text = mapping.read_text()
    for old, new in (
        ('("context_embedder.weight",)', '("x_embedder.weight",)'),
        ('Rule("txt_in.weight"', 'Rule("img_in.weight"'),
        ("attn.to_k.weight", "attn.to_q.weight"),
    ):
        assert text.count(old) == 1
        mapping.write_text(text.replace(old, new))
        (finding,) = check("--select", "WGT", "flux2").findings
        name = new.rpartition("(")[2].strip('",)').removeprefix("Rule(")
        assert finding["code"] == "WGT001"
        assert name in finding["message"]
        assert new in text.replace(old, new).split("\n")[finding["line"] - 1]


FIRST = 'if any("lora_A" in key for key in state_dict):\n        return 1\n'
BEGINS = '    if any(k.startswith("a.") for k in sd):\n        return 1\n'
CHAIN = 'if any("lora_A" in key for key in state_dict):\n        pass\n'


@pytest.mark.parametrize(
    ("body", "lines"),
    [
        (f'    {FIRST}    if any("attn.lora_A" in k for k in state_dict.keys()):\n        return 2\n', [4]),
        (f'    {FIRST}    if any(k.startswith("lora_A_") for k in state_dict):\n        return 2\n', [4]),
        (f'    {CHAIN}    elif any("attn.lora_A" in k for k in state_dict):\n        return 2\n', [4]),
        (f'    {FIRST}    late = any("x.lora_A" in k for k in state_dict)\n    if late:\n        return 2\n', [4]),
        # Both are asked, and both answers count.
        (f'    {CHAIN}    if any("attn.lora_A" in key for key in state_dict):\n        return 2\n', []),
        # Other keys by then.
        (
            f'    {FIRST}    state_dict = f()\n    if any("x.lora_A" in k for k in state_dict):\n        return 2\n',
            [],
        ),
        (f'    {FIRST}    if any("attn.lora_A" in k for k in other):\n        return 2\n', []),
        (f'    {FIRST}    if any("lora_B" in k for k in state_dict):\n        return 2\n', []),
        (f"    {FIRST}    if any(k.startswith(x) for k in state_dict):\n        return 2\n", []),
        (
            f'{BEGINS}    if any("a.b" in k for k in sd):\n        return\n',
            [],
        ),
        (f'{BEGINS}    if any(k.startswith("a.b") for k in sd):\n        return\n', [4]),
    ],
)
def test_a_format_whose_marker_holds_an_earlier_one_is_never_met(
    body: str, lines: list[int], found: Callable[[str, str], list[tuple[int, str]]]
) -> None:
    text = f"def convert_lora_to_diffusers(state_dict, sd, other, f, x):\n{body}"
    assert [line for line, _ in found("WGT002", text)] == lines


def test_a_table_of_markers_is_read_in_its_order(found: Callable[[str, str], list[tuple[int, str]]]) -> None:
    text = 'LORA_FORMATS = {{\n    "{}": ("{}", "unique"),\n    "{}": "{}",\n}}\n'
    assert [line for line, _ in found("WGT002", text.format("peft", "lora_A", "bfl", "img.lora_A"))] == [3]
    assert found("WGT002", text.format("bfl", "img.lora_A", "peft", "lora_A")) == []
    assert found("WGT002", text.format("peft", "lora_A", "bfl", "img.lora_A").replace("FORMATS", "NAMES")) == []


@pytest.mark.parametrize(
    ("body", "lines"),
    [
        ('state_dict.pop("logvar")', [2]),
        ('state_dict.pop("logvar")  # The loss alone reads it.', []),
        ("# The loss alone reads it.\n    state_dict.pop('logvar')", []),
        ('value = state_dict.pop("logvar")', []),
        ('new["a"] = state_dict["a"]\n    state_dict.pop("a")', []),
        ("for key in list(state_dict):\n        if key in new:\n            state_dict.pop(key)", [4]),
        ("# They are in `new`.\n    for key in list(state_dict):\n        state_dict.pop(key)", []),
        ("def remove_key(key):\n        state_dict.pop(key)", []),
        ("if gone:\n        logger.warning('Left out: %s', gone)\n        state_dict.pop(gone)", []),
        ("kwargs.pop('config')", []),
        ("for k, v in state_dict.items():\n        if 'ema' in k:\n            continue\n        new[k] = v", [3]),
        ("for k, v in state_dict.items():\n        if not k.startswith('unet'):\n            continue", []),
        ("for old, name in NAMES.items():\n        if old in new:\n            continue", []),
    ],
)
def test_a_key_that_a_conversion_drops_is_accounted_for(
    body: str, lines: list[int], found: Callable[[str, str], list[tuple[int, str]]]
) -> None:
    text = f"def convert_tiny_to_diffusers(state_dict, new, gone, **kwargs):\n    {body}\n    return new\n"
    assert [line for line, _ in found("WGT003", text)] == lines
    assert found("WGT003", text.replace("convert_tiny_to_diffusers", "load")) == []


def test_a_layer_of_diffusers_that_unpacks_the_other_way_round_is_found_in_each_model_whose_weights_are_swapped(
    diffusers_copy: Path, run: Callable[..., Any]
) -> None:
    models = diffusers_copy / "models/transformers"
    paths = [models / f"transformer_{name}.py" for name in ("flux", "sd3", "mochi", "wan")]
    layers = diffusers_copy / "models/normalization.py"

    def found() -> list[tuple[str, str]]:
        arguments = ("check", "--select", "WGT005", "--output-format", "json", "--cache-dir", "kept", *paths)
        return [(Path(item["path"]).stem, item["message"]) for item in run(*arguments).findings]

    assert found() == []
    text, order = layers.read_text(), "scale, shift = torch.chunk(emb, 2, dim=1)"
    assert order in text
    layers.write_text(text.replace(order, "shift, scale = torch.chunk(emb, 2, dim=1)"))
    said = "`AdaLayerNormContinuous` unpacks shift before scale, and the conversion swaps the two in `{}`"
    assert found() == [
        (f"transformer_{name}", said.format(f"norm_out.linear.{part}"))
        for name in ("flux", "mochi", "sd3")
        for part in ("bias", "weight")
    ]
    layers.write_text(text)
    assert found() == []
