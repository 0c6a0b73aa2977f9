"""The JSON Schema accepts what `scaffold` accepts, and refuses what an editor can know to be wrong."""

from __future__ import annotations

import copy
import json
from typing import Any

import jsonschema
import pytest
from click.testing import CliRunner
from ruamel.yaml import YAML

from scaffold.cli import main
from scaffold.loading import preset_names
from scaffold.resources import templates_root


@pytest.fixture(scope="module")
def validator() -> jsonschema.Draft202012Validator:
    schema = json.loads(CliRunner().invoke(main, ["schema"]).stdout)
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(schema)


def preset(name: str) -> dict[str, Any]:
    return YAML(typ="safe", pure=True).load((templates_root() / "specs" / f"{name}.yaml").read_text())


@pytest.mark.parametrize("name", preset_names())
def test_every_preset_is_valid(validator, name):
    validator.validate(preset(name))


def rename(mapping: dict[str, Any], old: str, new: str) -> None:
    mapping[new] = mapping.pop(old)


MISTAKES = {
    "key at the top": lambda spec: rename(spec, "title", "titel"),
    "slot": lambda spec: rename(spec["components"], "time", "times"),
    "kind": lambda spec: spec["components"]["position"].update(kind="ropes"),
    "parameter of a component": lambda spec: rename(spec["components"]["position"], "theta", "base"),
    "operation": lambda spec: spec["stages"][0]["program"][0].update(op="attention"),
    "norm": lambda spec: spec["stages"][0]["program"][1]["norms"]["image"].update(affin=True),
    "type": lambda spec: spec["components"]["time"].update(scale="fast"),
    "layout": lambda spec: spec.update(layout="double"),
}


@pytest.mark.parametrize("mistake", MISTAKES.values(), ids=MISTAKES)
def test_a_mistake_is_refused(validator, mistake):
    spec = copy.deepcopy(preset("flux2"))
    mistake(spec)
    assert not validator.is_valid(spec)
