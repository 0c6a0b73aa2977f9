"""The page that `make presets` writes speaks of every preset, and of no difference."""

from __future__ import annotations

from pathlib import Path

import pytest

from scaffold.loading import load_spec, preset_names


PAGE = Path(__file__).resolve().parents[2] / "docs" / "scaffold" / "presets.md"


@pytest.mark.parametrize("name", preset_names())
def test_a_preset_has_its_row_on_the_page(name):
    rows = [line.strip("| ").split(" | ") for line in PAGE.read_text(encoding="utf-8").splitlines()]
    (row,) = [row for row in rows if row[0] == name]
    assert row[1] == f"`{load_spec(name).counterpart}`"
    assert row[2] == "0, 0"
    ours, theirs = map(int, row[4].split(", "))
    assert ours <= theirs
    seen, planted = row[5].split(" of ")
    assert seen == planted
