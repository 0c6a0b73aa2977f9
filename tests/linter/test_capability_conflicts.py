"""Capabilities that a class declares twice and differently, or declares and does not have."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest


@pytest.mark.parametrize(
    ("module", "name", "arguments", "fuses"),
    [
        ("transformer_prx", "PRXAttention", {"query_dim": 8, "heads": 2, "dim_head": 4}, False),
        ("transformer_anyflow", "AnyFlowAttention", {"dim": 8, "heads": 2, "dim_head": 4}, False),
        ("transformer_kandinsky", "Kandinsky5Attention", {"num_channels": 8, "head_dim": 4}, False),
        ("transformer_flux", "FluxAttention", {"query_dim": 8, "heads": 2, "dim_head": 4}, True),
        # One that fuses by methods of its own, and one that declares that it cannot.
        ("transformer_wan", "WanAttention", {"dim": 8, "heads": 2, "dim_head": 4}, True),
        ("transformer_flux2", "Flux2ParallelSelfAttention", {"query_dim": 8, "heads": 2, "dim_head": 4}, True),
    ],
)
def test_what_is_said_of_a_layer_is_what_fusing_it_does(
    module: str,
    name: str,
    arguments: dict[str, int],
    fuses: bool,
    check: Callable[..., Any],
    installed_diffusers: Path,
) -> None:
    path = installed_diffusers / "models" / "transformers" / f"{module}.py"
    found = [item["symbol"] for item in check("--select", "MOD019", path).findings]
    assert (name not in found) is fuses
    layer = getattr(import_module(f"diffusers.models.transformers.{module}"), name)(**arguments)
    if fuses:
        layer.fuse_projections()
    else:
        with pytest.raises(AttributeError):
            layer.fuse_projections()


MODEL = """
from diffusers.models.modeling_utils import ModelMixin


class TinyBase(ModelMixin):
    _supports_group_offloading = False
    _repeated_blocks = ["TinyBlock"]


class TinyModel(TinyBase):
    _no_split_modules = ["TinyBlock"]
"""
METADATA = """
    @classmethod
    def metadata(cls):
"""


@pytest.mark.parametrize(
    ("addition", "line", "message"),
    [
        (
            '    _no_split_modules = ["TinyBlock", "OtherBlock"]\n',
            12,
            "`_no_split_modules` of `TinyModel` has another value on line 11",
        ),
        (
            "\n    def __init__(self):\n        self._supports_group_offloading = True\n",
            14,
            "`__init__` sets `_supports_group_offloading` to True, and the class says False",
        ),
        (
            METADATA.replace("metadata", "_metadata")
            + '        return {"_repeated_blocks": (["Tiny"], "Tiny", "")}\n',
            15,
            "this row tells another `_repeated_blocks` than `TinyModel` declares; read it from the class",
        ),
        (
            METADATA + '        rows = {}\n        rows["_supports_group_offloading"] = True\n',
            16,
            "this row tells another `_supports_group_offloading` than `TinyModel` declares; read it from the class",
        ),
        (
            METADATA + '        return {"_repeated_blocks": cls._no_split_modules}\n',
            15,
            "the row `_repeated_blocks` tells `_no_split_modules`",
        ),
        (
            '\n\nROWS = {\n    "_cp_plan": Row(of("_cp_plan")),\n    "_tp_plan": Row(of("_cp_plan")),\n}\n',
            16,
            "the row `_tp_plan` tells `_cp_plan`",
        ),
    ],
)
def test_two_places_that_disagree_are_found(
    addition: str, line: int, message: str, write: Callable[..., None], check: Callable[..., Any]
) -> None:
    write({"tiny.py": MODEL + addition})
    found = check("--select", "MOD019", "tiny.py").findings
    assert [(item["line"], item["message"]) for item in found] == [(line, message)]


@pytest.mark.parametrize(
    "addition",
    [
        '    _repeated_blocks = ["OtherBlock"]\n',
        '    _no_split_modules = ["TinyBlock"]\n',
        "    _no_split_modules = blocks()\n",
        "\n    def __init__(self, on):\n        self._supports_group_offloading = on\n",
        METADATA + '        return {"_repeated_blocks": ["TinyBlock"], "_lora": True}\n',
        METADATA + '        return {"_repeated_blocks": list(cls._repeated_blocks)}\n',
        "\n    @classmethod\n    def metadata(cls):\n        rows = {}\n        if cls._supports_group_offloading:\n"
        '            rows["_supports_group_offloading"] = (True, "True", "Offloads.")\n        return rows\n',
        '\n\nROWS = {"_cp_plan": Row(plan), "_tp_plan": Row(lambda model: model._tp_plan)}\n',
    ],
    ids=range(8),
)
def test_what_agrees_or_cannot_be_read_is_let_be(
    addition: str, write: Callable[..., None], check: Callable[..., Any]
) -> None:
    write({"tiny.py": MODEL + addition})
    assert check("--select", "MOD019", "tiny.py").findings == []
