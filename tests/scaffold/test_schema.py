"""The JSON Schema accepts what `scaffold` accepts, and refuses what an editor can know to be wrong."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import jsonschema
import msgspec
import pytest
from click.testing import CliRunner
from ruamel.yaml import YAML

from scaffold.cli import main
from scaffold.loading import preset_names
from scaffold.parts import Declaration
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


PAGE = (Path(__file__).resolve().parents[2] / "docs" / "scaffold" / "specs.md").read_text()
# The heading under which the page tells the keys of each mapping.
HEADINGS = {
    "Spec": "## The parts of a spec",
    "ConfigEntry": "### config",
    "Argument": "### forward",
    "Draw": "### forward",
    "Tiny": "### tiny",
    "Stage": "### stages",
    "Stream": "### stages",
    "Features": "### features",
    "ContextParallel": "### context_parallel",
    "Split": "### context_parallel",
    "Gather": "### context_parallel",
    "Shard": "### tensor_parallel",
    "Weights": "### weights",
    "KeyRule": "### weights",
    "Measure": "### weights",
    "Telling": "### weights",
    "Published": "### published",
    "Lora": "### lora",
    "FlowTraining": "### training",
    "ListFlowTraining": "### training",
    "DiffusionTraining": "### training",
    "Pipeline": "### pipeline",
    "ImageToImage": "### pipeline",
    "ImageToVideo": "### pipeline",
    "Distilled": "### pipeline",
    "Declaration": "### component.yaml",
    "Parameter": "### component.yaml",
    "Requirement": "### component.yaml",
    "Module": "### component.yaml",
    "Setting": "### component.yaml",
    "CallParameter": "### component.yaml",
    "Offer": "### component.yaml",
}


def test_the_page_has_every_key(validator):
    definitions = validator.schema["$defs"] | msgspec.json.schema(Declaration)["$defs"]
    assert definitions.keys() == HEADINGS.keys()
    for name, definition in definitions.items():
        section = PAGE.partition(f"\n{HEADINGS[name]}\n")[2].partition("\n#")[0]
        missing = [key for key in definition["properties"] if f"`{key}`" not in section]
        assert not missing, f"{HEADINGS[name]} leaves out {', '.join(missing)}"
