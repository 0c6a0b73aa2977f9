"""Conventions broken on purpose in the real library: a fixed part of the catalogue is planted, found, and mended."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest


def benchmark() -> ModuleType:
    """The program of `make mutations`, which is in no package."""
    path = Path(__file__).parents[2] / "benchmarks" / "mutations.py"
    spec = importlib.util.spec_from_file_location("mutations", path)
    assert spec is not None
    assert spec.loader is not None
    module = sys.modules["mutations"] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


MUTATIONS: Any = benchmark()
CATALOGUE = MUTATIONS.catalogue()
FIRST_OF_THEIR_RULES = {item.code: item for item in reversed(CATALOGUE) if item.fix}.values()
"""One of each rule that mends: the whole takes minutes, and `make mutations` tries it."""


@pytest.fixture(scope="module")
def tree(installed_diffusers: Path, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A copy of the library, checked once as it is."""
    return MUTATIONS.Tree(installed_diffusers, tmp_path_factory.mktemp("mutations"))


def test_at_least_95_of_100_are_expected_to_be_found() -> None:
    assert len(CATALOGUE) >= 60
    assert sum(not item.missed for item in CATALOGUE) >= MUTATIONS.ENOUGH * len(CATALOGUE)
    assert len({item.id for item in CATALOGUE}) == len(CATALOGUE)


def test_each_can_be_planted(tree: Any) -> None:
    assert [f"{item.id}: {problem}" for item in CATALOGUE for problem in tree.problems(item)] == []


@pytest.mark.parametrize("mutation", FIRST_OF_THEIR_RULES, ids=lambda mutation: f"{mutation.code}-{mutation.id}")
def test_a_break_is_found_at_its_place_and_mended_as_the_catalogue_says(mutation: Any, tree: Any) -> None:
    result = tree.attempt(mutation)
    assert result.found, result.besides
    assert result.faults == ()
