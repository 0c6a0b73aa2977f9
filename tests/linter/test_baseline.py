"""The baseline: a project takes the linter up with its debt, which is known wherever it moves and only shrinks."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest


EINOPS = """\
from einops import rearrange
from torch import nn


class TinyAttention(nn.Module):
    def forward(self, hidden_states):
        return rearrange(hidden_states, "b s -> s b")
"""
KNOWN = '[tool.linter]\nbaseline = "known.json"\n'


def entries(folder: Path, name: str = ".linter-baseline.json") -> list[tuple[str, str, int]]:
    document = json.loads((folder / name).read_text())
    return [(item["code"], item["symbol"], item["count"]) for item in document["findings"]]


def test_what_it_lists_is_not_shown_and_what_is_new_is(
    write: Callable[..., None], run: Callable[..., Any], folder: Path
) -> None:
    write({"a.py": EINOPS, "b.py": "x = 1  # lint: ignore[FWD001] old\n"})
    assert run("baseline").out == ".linter-baseline.json: 2 findings.\n"
    assert entries(folder) == [("FWD008", "TinyAttention.forward", 1), ("LNT002", "", 1)]
    known = ("check", "--no-cache", "--baseline", ".linter-baseline.json")
    assert run(*known).out == "2 files checked, nothing found.\n"
    assert run("check", "--no-cache").code == 1
    write({"c.py": EINOPS.replace("Tiny", "Other")})
    outcome = run(*known)
    assert outcome.code == 1
    assert outcome.out.startswith("c.py:7:16: FWD008 ")
    assert outcome.out.endswith("3 files checked: 1 error.\n")


def test_the_configuration_names_it_for_check_fix_and_baseline(
    write: Callable[..., None], run: Callable[..., Any], folder: Path
) -> None:
    write({"a.py": EINOPS, "pyproject.toml": KNOWN, "sub/b.py": "x = 1\n"})
    missing = run("check")
    assert missing.code == 2
    assert missing.err == f"Error: {folder}/known.json: there is no such baseline. `linter baseline` writes it.\n"
    assert run("baseline", "--check").code == 2
    assert run("baseline").code == 0
    assert (run("check").code, run("fix").code, run("check", "sub").code) == (0, 0, 0)
    assert run("check", "--isolated").code == 1


def test_code_that_is_moved_stays_known_and_a_second_of_a_kind_is_new(
    write: Callable[..., None], run: Callable[..., Any], folder: Path
) -> None:
    write({"a.py": EINOPS, "pyproject.toml": KNOWN})
    run("baseline")
    moved = "# more\n\n" + EINOPS.replace("return rearrange(", "return  rearrange(")
    (folder / "a.py").rename(folder / "b.py")
    write({"b.py": moved})
    assert run("check", "--no-cache").code == 0
    write({"b.py": moved + "\n        # again\n        return rearrange(hidden_states, 'b s -> s b')\n"})
    assert run("check", "--no-cache").code == 1
    write({"b.py": moved, "c.py": EINOPS})
    outcome = run("check", "--no-cache", "--output-format", "json")
    assert [item["path"] for item in outcome.findings] == ["c.py"]
    write({"c.py": EINOPS.replace("b s -> s b", "s b -> b s")})
    assert run("check", "--no-cache").code == 1


def test_it_only_shrinks_unless_it_is_asked_to_grow(
    write: Callable[..., None], run: Callable[..., Any], folder: Path
) -> None:
    write({"a.py": EINOPS, "b.py": EINOPS, "c.py": "x = 1  # lint: ignore[FWD001] old\n", "pyproject.toml": KNOWN})
    run("baseline")
    write({"b.py": "", "c.py": "x = 1\n", "d.py": EINOPS.replace("Tiny", "Other")})
    stale = run("baseline", "--check")
    assert stale.code == 1
    assert stale.out.splitlines() == [
        'FWD008 TinyAttention.forward: 1 no longer found: return rearrange(hidden_states, "b s -> s b")',
        "LNT002 module: 1 no longer found: x = 1 # lint: ignore[FWD001] old",
        "known.json: 2 of 3 stale.",
    ]
    assert len(entries(folder, "known.json")) == 2
    assert run("baseline").out == (
        "known.json: 1 finding, 2 fewer and 0 more than before; 1 finding not in it (`--grow` adds).\n"
    )
    assert entries(folder, "known.json") == [("FWD008", "TinyAttention.forward", 1)]
    assert run("baseline", "--check").code == 0
    assert run("check").code == 1
    run("baseline", "--grow")
    assert [symbol for _, symbol, _ in entries(folder, "known.json")] == [
        "OtherAttention.forward",
        "TinyAttention.forward",
    ]
    assert run("check").code == 0


def test_a_file_that_cannot_be_read_is_never_known(write: Callable[..., None], run: Callable[..., Any]) -> None:
    write({"a.py": "x = (\n", "pyproject.toml": KNOWN})
    assert run("baseline").out == "known.json: 0 findings.\n"
    assert "LNT001" in run("check", "--no-cache").out


def test_it_keeps_to_the_paths_that_it_is_of(
    write: Callable[..., None], run: Callable[..., Any], folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write({"lib/a.py": EINOPS, "lib/b.py": EINOPS.replace("Tiny", "B"), "c.py": EINOPS.replace("Tiny", "C")})
    run("baseline", "lib")
    assert [symbol for _, symbol, _ in entries(folder)] == ["BAttention.forward", "TinyAttention.forward"]
    before = (folder / ".linter-baseline.json").read_bytes()
    refused = run("baseline", "lib/a.py")
    assert refused.code == 2
    assert "is of lib, not of lib/a.py. Name no path to keep to that" in refused.err
    monkeypatch.chdir(folder / "lib")
    assert run("baseline").code == 0
    assert (folder / ".linter-baseline.json").read_bytes() == before


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("{", "Input data was truncated"),
        ("[]", "Expected `object`, got `array`"),
        ('{"schema": 2, "paths": [], "findings": []}', "its schema is 2, and this linter reads 1"),
        ('{"schema": 1, "paths": []}', "Object missing required field `findings`"),
        (
            '{"schema": 1, "paths": [], "findings": [{"code": "A", "symbol": "", "line": "", "count": -1}]}',
            "it lists A -1 times",
        ),
        (b"\xff", "Input data was truncated"),
    ],
)
def test_a_broken_file_is_one_message_and_stays_as_it_is(
    content: str | bytes, reason: str, write: Callable[..., None], run: Callable[..., Any], folder: Path
) -> None:
    write({"a.py": EINOPS, "pyproject.toml": KNOWN, "known.json": content})
    before = (folder / "known.json").read_bytes()
    for command in (["check"], ["baseline"], ["baseline", "--check"], ["baseline", "--grow"]):
        outcome = run(*command)
        assert (outcome.code, outcome.out) == (2, "")
        assert outcome.err.startswith(f"Error: {folder}/known.json: not a baseline: ")
        assert len(outcome.err.splitlines()) == 1
        if isinstance(content, str):
            assert reason in outcome.err
    assert (folder / "known.json").read_bytes() == before


def test_the_file_is_sorted_an_entry_a_line(write: Callable[..., None], run: Callable[..., Any], folder: Path) -> None:
    write({"b.py": EINOPS, "a.py": EINOPS.replace("Tiny", "\u00dc")})
    run("baseline")
    lines = (folder / ".linter-baseline.json").read_text("ascii").splitlines()
    assert lines[:4] == ["{", '  "schema": 1,', '  "paths": ["."],', '  "findings": [']
    assert [json.loads(line.strip().rstrip(","))["symbol"] for line in lines[4:-2]] == [
        "TinyAttention.forward",
        "\u00dcAttention.forward",
    ]
