"""`--mapping names.yaml`: the rules of a spec turn one state dict into the other as the generated mapping does."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from ruamel.yaml import YAML

from parity.sides.renaming import read_renaming
from scaffold.applying import write_folder
from scaffold.loading import load_spec, spec_path
from scaffold.rendering import render_folder
from tests.parity.conftest import MAPPED, parity
from tests.scaffold.pairs import import_folder, make_pair


# The last has rules for its last block alone, the one before deals the parts of a tensor out in turn.
@pytest.mark.parametrize("preset", ["flux", "cogvideox", "sd3"])
def test_the_rules_of_a_preset_do_what_its_generated_mapping_does(preset: str, tmp_path: Path) -> None:
    rules = YAML(typ="safe").load(spec_path(preset))["weights"]["rules"]
    with (tmp_path / "names.yaml").open("w", encoding="utf-8") as file:
        YAML().dump({"rules": rules}, file)
    spec = load_spec(preset)
    folder = tmp_path / f"{spec.package}_renamed"
    write_folder(folder, {**render_folder(spec)})
    for package in import_folder(folder):
        (mapping,) = (each for name, each in vars(package.weight_mapping).items() if name.endswith("_WEIGHT_MAPPING"))
        ours = make_pair(spec, package).ours.state_dict()
        original = mapping.map_from_diffusers(ours)
        assert original.keys() != ours.keys()
        renamed = read_renaming(str(tmp_path / "names.yaml")).apply(original)
        assert renamed.keys() == ours.keys()
        assert all(torch.equal(renamed[name], ours[name]) for name in ours)


def test_a_comparison_takes_rules_from_a_file(place: Path) -> None:
    weights = YAML(typ="safe").load(spec_path("flux2"))["weights"]
    with (place / "names.yaml").open("w", encoding="utf-8") as file:
        YAML().dump({"rules": weights["rules"], "prefix": weights["prefix"]}, file)
    arguments = [*MAPPED[:-1], "names.yaml", "--dtype", "float32", "--tolerance", "1e-4"]
    result = parity(place, "compare", *arguments)
    assert result.returncode == 0, result.stderr
    assert "mapping    names.yaml\n" in result.stdout
    assert "71 tensors drawn with seed 0 and shared" in result.stdout
