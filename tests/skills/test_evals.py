"""What skills are measured by: evals in the specification's form, and trigger cases, ranked by a retrieval proxy."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from benchmarks.triggers import descriptions, ranked, triggers
from linter.pack.commands import fault_of
from linter.pack.pages import read_pack
from scaffold.resources import skill_pack_root


PACK = skill_pack_root()
SKILLS = [page.path.parent for page in read_pack(PACK).skills]
EACH = pytest.mark.parametrize("skill", SKILLS, ids=lambda skill: skill.name)
RIGHT = 0.9
"""What share of the trigger cases the proxy has to get right: some near misses share all their words."""


def load(skill: Path, name: str) -> Any:
    return json.loads((skill / "evals" / name).read_text(encoding="utf-8"))


@EACH
def test_evals_have_the_form_of_the_specification(skill: Path) -> None:
    document = load(skill, "evals.json")
    assert document.keys() == {"skill_name", "evals"}
    assert document["skill_name"] == skill.name
    assert len(document["evals"]) >= 2
    for number, case in enumerate(document["evals"], start=1):
        assert case.keys() == {"id", "prompt", "expected_output", "assertions"}
        assert case["id"] == number
        assert all(isinstance(text, str) and text for text in (case["prompt"], case["expected_output"]))
        assert len(case["assertions"]) >= 2


@EACH
def test_commands_among_the_assertions_exist(skill: Path) -> None:
    assertions = [text for case in load(skill, "evals.json")["evals"] for text in case["assertions"]]
    commands = re.findall(r"`((?:linter|scaffold|parity) [^`]+)`", "\n".join(assertions))
    assert [fault for fault in map(fault_of, commands) if fault] == []
    if skill.name != "parity-testing":
        assert any(command.startswith("linter ") for command in commands)


@EACH
def test_trigger_cases_have_near_misses_that_belong_to_another_skill(skill: Path) -> None:
    cases = load(skill, "triggers.json")
    near = [case for case in cases if not case["should_trigger"]]
    assert len(cases) - len(near) >= 4
    assert len(near) >= 3
    assert all("instead" not in case for case in cases if case["should_trigger"])
    assert all(case["instead"] in {one.name for one in SKILLS} - {skill.name} for case in near)


def share_right(texts: dict[str, str]) -> float:
    cases = triggers(PACK)
    return sum(ranked(case.query, texts)[0] == case.wanted for case in cases) / len(cases)


def test_descriptions_bring_up_the_skill_that_a_request_is_for() -> None:
    assert share_right(descriptions(PACK)) >= RIGHT


@EACH
def test_a_description_that_says_nothing_is_noticed(skill: Path) -> None:
    texts = descriptions(PACK)
    assert share_right(texts | {skill.name: "Helps with things."}) < RIGHT
