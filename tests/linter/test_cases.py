"""What the rules of a family say of more code than their pages show: every line that breaks one, and no other.

A module below `cases/<family>` holds `CASES`: for each case, said in words, a file's text or the texts of several.
A line ends in `#!` and the codes of the family's rules that must name it; none of them may name another.
"""

from __future__ import annotations

import re
import runpy
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from linter.documentation import example_files
from linter.rules import FAMILIES


MARKS = re.compile(r"[ \t]*#!((?: [A-Z]{3}\d{3})+)$", re.MULTILINE)


def cases() -> Iterator[Any]:
    for family, name in FAMILIES.items():
        for path in sorted((Path(__file__).parent / "cases" / name).glob("*.py")):
            for words, files in runpy.run_path(str(path))["CASES"].items():
                yield pytest.param(family, files, id=f"{path.stem}: {words}")


@pytest.mark.parametrize(("family", "files"), list(cases()))
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
    found = {place for place in check(".").places if place[0].startswith(family)}
    assert found == expected
