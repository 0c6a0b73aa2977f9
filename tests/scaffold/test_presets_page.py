"""What `make presets` writes speaks of every preset, and of no difference."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from scaffold.cli import main
from scaffold.loading import load_spec, preset_names


PAGE = Path(__file__).resolve().parents[2] / "docs" / "scaffold" / "presets.md"


@pytest.mark.parametrize("name", preset_names())
def test_a_preset_has_its_row_on_the_page(name):
    rows = [line.strip("| ").split(" | ") for line in PAGE.read_text(encoding="utf-8").splitlines()]
    (row,) = [row for row in rows if row[0] == name]
    assert row[1] == f"`{load_spec(name).counterpart}`"
    assert row[2] == "0, 0"
    for cost in row[4:6]:
        ours, theirs = map(float, cost.split(", "))
        assert ours <= theirs
    seen, planted = row[6].split(" of ")
    assert seen == planted


@pytest.mark.parametrize("name", preset_names())
def test_a_preset_is_listed_with_what_was_verified(name):
    spec = load_spec(name)
    listed = CliRunner().invoke(main, ["list"]).stdout
    assert f"{name} " in listed
    compared = (
        PAGE.read_text(encoding="utf-8").partition(f"- **{name}**: ")[2].partition("- **")[0].partition("\n\n")[0]
    )
    cases = compared.count(",") + compared.count(";") + 1
    assert f"{spec.counterpart}: equal in {cases} cases;" in listed


def test_the_list_says_when_and_with_which_diffusers_presets_were_compared():
    page = PAGE.read_text(encoding="utf-8")
    last = CliRunner().invoke(main, ["list"]).stdout.splitlines()[-1]
    date, version = last.removeprefix("Compared on ").partition(",")[0].split(" with diffusers ")
    assert f"\n{date}, diffusers {version}, torch " in page
