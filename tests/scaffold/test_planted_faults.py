"""Faults that a person could make in any architecture: planted into every preset, each is seen."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Iterator
from pathlib import Path

import diffusers
import pytest

from scaffold.applying import write_folder
from scaffold.loading import load_spec, preset_names
from scaffold.rendering import render_folder
from scaffold.spec import Spec
from tests.scaffold.faults import FAULTS, is_seen
from tests.scaffold.pairs import import_folder, make_inputs, make_pair


@pytest.fixture(scope="module", params=preset_names())
def rendered(request) -> tuple[Spec, dict[str, str]]:
    """A preset's spec and the files of its folder."""
    spec = load_spec(request.param)
    return spec, render_folder(spec)


@pytest.fixture
def imported(tmp_path: Path) -> Iterator:
    """Writes a folder and imports it, and forgets it afterwards."""
    imports = []

    def load(spec: Spec, files: dict[str, str]):
        folder = tmp_path / f"{spec.package}_with_fault"
        write_folder(folder, files)
        imports.append(import_folder(folder))
        return next(imports[-1])

    yield load
    for each in imports:
        next(each, None)


@pytest.mark.parametrize("fault", FAULTS)
def test_a_planted_fault_is_seen(rendered, imported, fault):
    spec, files = rendered
    plant, word = FAULTS[fault]
    altered = plant(files["model.py"], spec)
    if altered is None:
        module = sys.modules[getattr(diffusers, spec.counterpart).__module__]
        assert word not in inspect.getsource(module)
        return
    package = imported(spec, files | {"model.py": altered})
    pair = make_pair(spec, package)
    assert is_seen(pair, make_inputs(pair))


def test_without_a_fault_nothing_is_seen(rendered, imported):
    spec, files = rendered
    pair = make_pair(spec, imported(spec, files))
    assert not is_seen(pair, make_inputs(pair))
