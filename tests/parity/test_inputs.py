"""What the descriptions of inputs turn into."""

from __future__ import annotations

import re

import pytest
import torch

from parity.errors import ParityError
from parity.forwards.execution import own_inputs
from parity.sides.inputs import describe_inputs, draw_inputs, parse_shorthand


def drawn(descriptions: dict, dtype: torch.dtype = torch.float32, seed: int = 0) -> dict:
    return draw_inputs(describe_inputs(descriptions, "inputs"), dtype, seed)


def test_floats_follow_the_run_unless_they_name_a_dtype() -> None:
    made = drawn(
        {"a": {"shape": [2]}, "b": {"shape": [2], "dtype": "float32"}, "c": {"value": [0.5]}, "d": {"value": [3]}},
        torch.bfloat16,
    )
    assert [made[name].dtype for name in "abcd"] == [torch.bfloat16, torch.float32, torch.bfloat16, torch.int64]


def test_kinds_hold_what_they_say() -> None:
    made = drawn(
        {
            "ids": {"shape": [1, 50, 4], "kind": "ids"},
            "steps": {"shape": [200], "kind": "integers", "low": 5, "high": 9},
            "mask": {"shape": [8, 40], "kind": "mask"},
            "uniform": {"shape": [200], "kind": "uniform"},
            "ones": {"shape": [3], "kind": "ones"},
            "zeros": {"shape": [3], "kind": "zeros"},
        }
    )
    assert made["ids"].dtype is torch.int64
    assert made["ids"].min() >= 0
    assert 40 < made["ids"].max() < 50
    assert set(made["steps"].tolist()) == {5, 6, 7, 8}
    assert made["mask"].dtype is torch.bool
    assert made["mask"][:, 0].all()
    assert not made["mask"].all()
    assert 0 <= made["uniform"].min() < made["uniform"].max() < 1
    assert made["ones"].tolist() == [1, 1, 1]
    assert made["zeros"].tolist() == [0, 0, 0]


def test_plain_values_are_passed_as_written() -> None:
    made = drawn({"mode": "extract", "count": 0, "flag": False, "extra": {"kind": "plain", "value": {"scale": 0.5}}})
    assert made == {"mode": "extract", "count": 0, "flag": False, "extra": {"scale": 0.5}}


def test_one_argument_more_leaves_the_others_as_they_were() -> None:
    alone = drawn({"x": {"shape": [5]}})["x"]
    together = drawn({"w": {"shape": [9]}, "x": {"shape": [5]}})["x"]
    assert torch.equal(alone, together)
    assert not torch.equal(alone, drawn({"x": {"shape": [5]}}, seed=1)["x"])


def test_arguments_of_one_shape_differ() -> None:
    made = drawn({"x": {"shape": [5]}, "y": {"shape": [5]}})
    assert not torch.equal(made["x"], made["y"])


def test_a_shorthand_takes_a_dtype_or_a_kind() -> None:
    made = draw_inputs(
        dict(parse_shorthand(text) for text in ("x=1x2", "y=3:float64", "ids=6x2:ids", "m=4:bool")), torch.float32, 0
    )
    assert {name: (tuple(tensor.shape), tensor.dtype) for name, tensor in made.items()} == {
        "x": ((1, 2), torch.float32),
        "y": ((3,), torch.float64),
        "ids": ((6, 2), torch.int64),
        "m": ((4,), torch.bool),
    }


def test_a_mapping_holds_tensors_of_their_own() -> None:
    made = drawn({"x": {"mapping": {"a": {"shape": [4]}, "b": {"list": [{"shape": [4]}]}}}})["x"]
    assert made["a"].shape == made["b"][0].shape == (4,)
    assert not torch.equal(made["a"], made["b"][0])


def test_a_list_holds_tensors_of_their_own() -> None:
    made = drawn({"x": {"list": [{"shape": [4, 8]}, {"shape": [4, 8]}, {"list": [{"value": [1]}]}, 3]}})["x"]
    assert [made[0].shape, made[1].shape] == [(4, 8), (4, 8)]
    assert not torch.equal(made[0], made[1])
    assert [made[2][0].tolist(), made[3]] == [[1], 3]


def test_an_object_is_made_anew_from_its_class_and_arguments() -> None:
    described = {
        "cache": {"object": "collections:Counter", "arguments": {"layers": 2}},
        "empty": {"object": "builtins:list"},
    }
    first, second = drawn(described), drawn(described)
    assert first == {"cache": {"layers": 2}, "empty": []}
    assert first["cache"] is not second["cache"]
    assert own_inputs(first)["cache"] is not first["cache"]


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ({"object": "collections:Countre"}, "`collections` has no `Countre`. Did you mean `Counter`?"),
        ({"object": "collections:Counter", "arguments": 2}, "`arguments` a mapping"),
        ({"object": "collections:Counter", "shape": [2]}, "`object` is the import path of a class"),
        ({"object": "fractions:Fraction", "arguments": {"over": 2}}, "cannot be made from these arguments: TypeError"),
    ],
)
def test_an_object_that_cannot_be_made_gets_one_message(entry: dict, message: str) -> None:
    with pytest.raises(ParityError, match=re.escape(message)):
        drawn({"cache": entry})
