"""What the rules of a family say of more code than their pages show: every line that breaks one, and no other.

A module below `cases/<family>` holds `CASES`: for each case, said in words, a file's text or the texts of several.
A line ends in `#!` and the codes of the family's rules that must name it; none of them may name another. `FIXES` holds
what fixes make of files: a code or several, the texts before, the texts after, or None where nothing may change.
`MESSAGES` holds what findings say: a code, the texts, and the messages in the order of their places, each behind its
severity, as in `warning: ...`, where that is not the rule's own.
"""

from __future__ import annotations

import re
import runpy
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from linter.documentation import example_files
from linter.rules import FAMILIES, rules_by_code


MARKS = re.compile(r"[ \t]*#!((?: [A-Z]{3}\d{3})+)$", re.MULTILINE)


def modules() -> Iterator[tuple[str, str, dict[str, Any]]]:
    for family, name in FAMILIES.items():
        for path in sorted((Path(__file__).parent / "cases" / name).glob("*.py")):
            yield family, path.stem, runpy.run_path(str(path))


CASES = [
    pytest.param(family, files, id=f"{name}: {words}")
    for family, name, module in modules()
    for words, files in module.get("CASES", {}).items()
]
FIXES = [
    pytest.param(*fix, id=f"{name}: {words}")
    for _, name, module in modules()
    for words, fix in module.get("FIXES", {}).items()
]
MESSAGES = [
    pytest.param(*said, id=f"{name}: {words}")
    for _, name, module in modules()
    for words, said in module.get("MESSAGES", {}).items()
]


@pytest.mark.parametrize(("family", "files"), CASES)
def test_each_rule_of_the_family_names_the_lines_that_it_should(
    family: str, files: str | dict[str, str], write: Callable[..., None], check: Callable[..., Any]
) -> None:
    texts = example_files(files)
    expected = {
        (code, path, number)
        for path, text in texts.items()
        for number, line in enumerate(text.split("\n"), start=1)
        if (marks := MARKS.search(line))
        for code in marks[1].split()
    }
    write({path: MARKS.sub("", text) for path, text in texts.items()})
    findings = [item for item in check(".").findings if item["code"].startswith(family)]
    assert {(item["code"], item["path"], item["line"]) for item in findings} == expected
    assert all(findings.count(item) == 1 for item in findings)


@pytest.mark.parametrize(("code", "before", "after"), FIXES)
def test_a_fix_makes_of_a_file_what_is_meant_and_nothing_else(
    code: str,
    before: str | dict[str, str],
    after: str | dict[str, str] | None,
    write: Callable[..., None],
    run: Callable[..., Any],
    picture: Callable[[], dict[str, bytes]],
) -> None:
    write(example_files(before))
    expected = {**example_files(before), **(example_files(after) if after is not None else {})}
    run("fix", "--no-cache", "--unsafe-fixes", "--select", code, ".")
    assert {path: content.decode() for path, content in picture().items()} == expected


@pytest.mark.parametrize(("code", "files", "messages"), MESSAGES)
def test_a_finding_says_what_is_meant(
    code: str,
    files: str | dict[str, str],
    messages: tuple[str, ...],
    write: Callable[..., None],
    check: Callable[..., Any],
) -> None:
    write(example_files(files))
    usual = rules_by_code()[code].severity.value
    said = [
        item["message"] if item["severity"] == usual else f"{item['severity']}: {item['message']}"
        for item in check(".").findings
        if item["code"] == code
    ]
    assert said == list(messages)
