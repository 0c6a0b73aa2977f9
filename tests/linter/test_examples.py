"""Each rule keeps what its documentation promises: its examples, its fix, its sections, its place in the guides."""

from __future__ import annotations

import inspect
import json
import re
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

from linter.documentation import example_files, marked_lines
from linter.rules import all_rules
from linter.rules.base import Rule
from scaffold.resources import skill_pack_root


RULES = all_rules()
FIXED = [rule for rule in RULES if rule.fixes is not None]
SECTIONS = ("What it does", "Why is this bad?", "Fix safety", "Exceptions")
"""The sections that a rule's page may have, in this order."""


@pytest.fixture
def found_by(check: Callable[..., Any], run: Callable[..., Any]) -> Callable[[type[Rule]], list[dict[str, Any]]]:
    """What a rule finds in the folder, by the command that runs it."""

    def found_by(rule: type[Rule]) -> list[dict[str, Any]]:
        if rule.family() == "SKL":
            findings = json.loads(run("skills", "--output-format", "json", ".").out)["findings"]
        else:
            findings = check(".").findings
        return [finding for finding in findings if finding["code"] == rule.code]

    return found_by


def named(rules: Any) -> Any:
    return pytest.mark.parametrize("rule", rules, ids=lambda rule: rule.code)


@named(RULES)
def test_the_bad_example_is_found_at_its_marks_and_nowhere_else(
    rule: type[Rule], write: Callable[..., None], found_by: Callable[..., Any]
) -> None:
    marked = {path: marked_lines(text) for path, text in example_files(rule.bad).items()}
    write({path: text for path, (text, _) in marked.items()})
    expected = [(path, line) for path, (_, lines) in marked.items() for line in lines]
    assert expected, "the bad example marks no line"
    found = [(finding["path"], finding["line"]) for finding in found_by(rule)]
    assert sorted(found) == sorted(expected)


@named(RULES)
def test_the_good_example_is_silent(
    rule: type[Rule], write: Callable[..., None], found_by: Callable[..., Any]
) -> None:
    write(example_files(rule.good))
    assert found_by(rule) == []


@named(FIXED)
def test_the_fix_mends_the_bad_example_and_has_nothing_to_do_after_that(
    rule: type[Rule],
    write: Callable[..., None],
    check: Callable[..., Any],
    run: Callable[..., Any],
    picture: Callable[[], dict[str, bytes]],
) -> None:
    write({path: marked_lines(text)[0] for path, text in example_files(rule.bad).items()})
    # Unused suppressions are judged only where the rule that they name is selected.
    selection = "ALL" if rule.family() == "LNT" else rule.code
    before = picture()
    assert all(finding["fix"] for finding in check(".").findings if finding["code"] == rule.code)
    run("fix", "--no-cache", "--unsafe-fixes", "--select", selection, ".")
    mended = picture()
    assert mended != before
    assert [finding for finding in check(".").findings if finding["code"] == rule.code] == []
    again = run("fix", "--no-cache", "--unsafe-fixes", "--select", selection, ".")
    assert picture() == mended
    assert "mended" not in again.out


@named([rule for rule in RULES if rule.fixes is None])
def test_a_rule_that_claims_no_fix_offers_none(
    rule: type[Rule], write: Callable[..., None], found_by: Callable[..., Any]
) -> None:
    write({path: marked_lines(text)[0] for path, text in example_files(rule.bad).items()})
    assert all(finding["fix"] is None for finding in found_by(rule))


@named(RULES)
def test_the_rule_is_documented(rule: type[Rule]) -> None:
    assert re.fullmatch(r"[A-Z]{3}\d{3}", rule.code)
    assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", rule.name)
    assert re.fullmatch(r"\d+\.\d+", rule.since)
    assert rule.summary().endswith(".")
    assert len(rule.summary()) <= 120
    page = inspect.getdoc(rule) or ""
    titles = re.findall(r"^## (.+)$", page, re.MULTILINE)
    assert "Why is this bad?" in titles
    assert titles == [title for title in SECTIONS if title in titles]
    assert all(body.strip() for body in re.split(r"^## .+$", page, flags=re.MULTILINE))


@named(RULES)
def test_the_guide_has_the_section_that_the_rule_points_to(rule: type[Rule]) -> None:
    name, _, anchor = rule.guide.partition("#")
    headings = re.findall(r"^#+ (.+)$", (skill_pack_root() / name).read_text(encoding="utf-8"), re.MULTILINE)
    assert anchor in [re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-") for heading in headings]


def test_codes_and_names_are_unique() -> None:
    for attribute in ("code", "name"):
        counts = Counter(getattr(rule, attribute) for rule in RULES)
        assert [value for value, count in counts.items() if count > 1] == []


def test_every_rule_that_the_first_version_promises_is_there() -> None:
    promised = {
        *(f"ATT{number:03}" for number in (1, 2, 3, 4, 5, 7, 16)),
        *(f"CPY{number:03}" for number in (1, 2, 3)),
        *(f"REG{number:03}" for number in (1, 2, 3, 4, 5)),
        *(f"FWD{number:03}" for number in (1, 2, 5, 8)),
        *(f"MOD{number:03}" for number in (1, 2, 3, 4, 5, 7)),
        *(f"LNT{number:03}" for number in (1, 2, 3, 5)),
    }
    assert promised <= {rule.code for rule in RULES}
