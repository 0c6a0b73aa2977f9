"""The command: exit codes, selection, configuration, places, formats, and what a run loads and never runs."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from linter.rules import all_rules, rules_by_code
from linter.selection import ALWAYS


EINOPS = """\
from einops import rearrange
from torch import nn


class TinyAttention(nn.Module):
    def forward(self, hidden_states):
        return rearrange(hidden_states, self.pattern)
"""
SEVERAL = """\
import numpy as np
from einops import rearrange
from torch import nn


class TinyAttention(nn.Module):
    def forward(self, hidden_states):
        print(np.exp(hidden_states.item()))
        return rearrange(hidden_states, self.pattern)
"""


BROKEN = {"FWD001", "FWD002", "FWD008"}


def codes(outcome: Any) -> list[str]:
    """Which of the rules that `SEVERAL` is written to break were found to be broken."""
    return sorted({finding["code"] for finding in outcome.findings} & BROKEN)


def test_exit_codes_tell_clean_from_found(write: Callable[..., None], run: Callable[..., Any]) -> None:
    write({"clean/a.py": "x = 1\n", "found/a.py": EINOPS})
    assert run("check", "clean").code == 0
    assert run("check", "found").code == 1
    assert run("check", "clean", "found").code == 1
    assert run("fix", "clean").code == 0
    assert run("fix", "found").code == 1
    assert run("check", "--no-such-option").code == 2
    assert run("check", "--output-format", "xml", "clean").code == 2


def test_without_a_path_the_working_directory_is_checked(
    write: Callable[..., None], check: Callable[..., Any]
) -> None:
    write({"a.py": EINOPS, "deep/er/b.py": EINOPS})
    assert check().places == [("FWD008", "a.py", 7), ("FWD008", "deep/er/b.py", 7)]


def test_each_file_is_checked_once(write: Callable[..., None], check: Callable[..., Any]) -> None:
    write({"a/a.py": EINOPS})
    outcome = check("a", "a/a.py", "./a", "a/../a/a.py", ".")
    assert outcome.places == [("FWD008", "a/a.py", 7)]
    assert json.loads(outcome.out)["summary"]["files"] == 1


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ((), ["FWD001", "FWD002", "FWD008"]),
        (("--select", "ALL"), ["FWD001", "FWD002", "FWD008"]),
        (("--select", "FWD"), ["FWD001", "FWD002", "FWD008"]),
        (("--select", "fwd001"), ["FWD001"]),
        (("--select", "FWD001,FWD008"), ["FWD001", "FWD008"]),
        (("--select", " FWD001 , FWD008 "), ["FWD001", "FWD008"]),
        (("--select", "FWD001", "--select", "FWD008"), ["FWD001", "FWD008"]),
        (("--select", "ATT"), []),
        (("--ignore", "FWD001"), ["FWD002", "FWD008"]),
        (("--ignore", "FWD"), []),
        (("--ignore", "ALL"), []),
        (("--select", "FWD", "--ignore", "FWD002"), ["FWD001", "FWD008"]),
        (("--select", "FWD001", "--ignore", "FWD"), ["FWD001"]),
        (("--select", "FWD001", "--ignore", "FWD001"), []),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_select_and_ignore(
    arguments: tuple[str, ...], expected: list[str], write: Callable[..., None], run: Callable[..., Any]
) -> None:
    write({"a.py": SEVERAL})
    assert codes(run("check", "--no-cache", "--output-format", "json", *arguments, ".")) == expected


@pytest.mark.parametrize(
    ("toml", "arguments", "expected"),
    [
        ('select = ["FWD008"]', (), ["FWD008"]),
        ('select = ["FWD008"]', ("--select", "FWD001"), ["FWD001"]),
        ('select = ["FWD"]\nignore = ["FWD001"]', (), ["FWD002", "FWD008"]),
        ('ignore = ["FWD001"]', ("--ignore", "FWD002"), ["FWD008"]),
        ('per-file-ignores = {"*.py" = ["FWD"]}', (), []),
        ('per-file-ignores = {"models/*" = ["FWD001"]}', (), ["FWD002", "FWD008"]),
        ('per-file-ignores = {"a.py" = ["FWD001"], "models/a.py" = ["FWD002"]}', (), ["FWD008"]),
        ('per-file-ignores = {"other/*" = ["ALL"]}', (), ["FWD001", "FWD002", "FWD008"]),
        ('exclude = ["models"]', (), []),
        ('exclude = ["models/"]', (), []),
        ('exclude = ["models/a.py"]', (), []),
        ('exclude = ["a.py"]', (), []),
        ('exclude = ["b.py"]', (), ["FWD001", "FWD002", "FWD008"]),
    ],
)
@pytest.mark.parametrize("below", [False, True], ids=["at-the-root", "in-a-subfolder"])
def test_configuration(
    toml: str,
    arguments: tuple[str, ...],
    expected: list[str],
    below: bool,
    folder: Path,
    write: Callable[..., None],
    run: Callable[..., Any],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    write({"models/a.py": SEVERAL, "pyproject.toml": f"[tool.linter]\n{toml}\n"})
    if below and 'exclude = ["models' not in toml:
        monkeypatch.chdir(folder / "models")
    assert codes(run("check", "--no-cache", "--output-format", "json", *arguments)) == expected


def test_the_nearest_configuration_counts(
    folder: Path, write: Callable[..., None], run: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    write(
        {
            "pyproject.toml": '[tool.linter]\nignore = ["FWD"]\n',
            "inner/pyproject.toml": "[tool.other]\n",
            "inner/a.py": EINOPS,
        }
    )
    assert run("check", ".").code == 0
    monkeypatch.chdir(folder / "inner")
    assert run("check", ".").code == 1


def test_a_file_that_is_named_is_checked_though_it_is_excluded(
    write: Callable[..., None], run: Callable[..., Any]
) -> None:
    write({"models/a.py": EINOPS, "pyproject.toml": '[tool.linter]\nexclude = ["models"]\n'})
    assert run("check", "models/a.py").code == 1


def test_folders_that_hold_no_source_of_the_project_are_passed_by(
    write: Callable[..., None], check: Callable[..., Any]
) -> None:
    write({f"{name}/a.py": EINOPS for name in (".git", ".venv", "venv", "__pycache__", "node_modules", "src")})
    assert check(".").places == [("FWD008", "src/a.py", 7)]
    assert check("venv").places == [("FWD008", "venv/a.py", 7)]


@pytest.mark.parametrize(
    ("before", "after", "line", "column"),
    [
        ("", "", 7, 16),
        ("\ufeff", "", 7, 16),
        ("# 😀 é\n", "", 8, 16),
        ("\f\n", "", 8, 16),
        ("x = '''\n\n'''\n", "", 10, 16),
        ("x = 'a\\\nb'\n", "", 9, 16),
        ("'\u2028\u0085\x1c\x0b'\n", "", 8, 16),
        ("", '"😀" + ', 7, 22),
        ("", '"é" and ', 7, 24),
        ("", "Ткань + ", 7, 24),
        ("", "\f \t", 7, 19),
    ],
    ids=range(11),
)
@pytest.mark.parametrize("line_end", ["\n", "\r\n", "\r"], ids=["LF", "CRLF", "CR"])
def test_places_count_lines_and_characters(
    before: str,
    after: str,
    line: int,
    column: int,
    line_end: str,
    write: Callable[..., None],
    check: Callable[..., Any],
    run: Callable[..., Any],
) -> None:
    text = before + EINOPS.replace("return ", f"return {after}")
    write({"a.py": text.replace("\n", line_end)})
    found = check("a.py").findings
    assert [(item["code"], item["line"], item["column"]) for item in found] == [("FWD008", line, column)]
    assert (found[0]["end_line"], found[0]["end_column"]) == (
        line,
        column + len("rearrange(hidden_states, self.pattern)"),
    )
    assert f"a.py:{line}:{column}: FWD008" in run("check", "--no-cache", "a.py").out


def test_a_coding_line_says_how_to_read_a_file(write: Callable[..., None], check: Callable[..., Any]) -> None:
    text = "# -*- coding: latin-1 -*-\n" + EINOPS.replace("return ", 'return "é" and ')
    write({"a.py": text.encode("latin-1")})
    assert [(item["code"], item["line"], item["column"]) for item in check("a.py").findings] == [("FWD008", 8, 24)]


@pytest.mark.parametrize("name", ["s", "def_", "ClassClass", "e"])
@pytest.mark.parametrize(
    "definition", ["class {}(ModelMixin):", "class  {} (ModelMixin):", "@decorated\nclass {}(ModelMixin):"]
)
def test_a_finding_about_a_class_marks_its_name(
    name: str, definition: str, write: Callable[..., None], check: Callable[..., Any]
) -> None:
    header = definition.format(name)
    write({"a.py": f"from diffusers.models.modeling_utils import ModelMixin\n\n\n{header}\n    pass\n"})
    (found,) = check("a.py", "--select", "MOD001").findings
    last = header.split("\n")[-1]
    column = len(last) - len(last.removeprefix("class").lstrip()) + 1
    assert (found["line"], found["column"]) == (4 + header.count("\n"), column)
    assert found["end_column"] == column + len(name)


def test_json_has_exactly_the_keys_that_it_promises(write: Callable[..., None], check: Callable[..., Any]) -> None:
    write({"a.py": SEVERAL + "x = 1  # lint: ignore[FWD001] old\n", "b.py": "def f(:\n"})
    outcome = check(".")
    report = json.loads(outcome.out)
    assert list(report) == ["schema", "findings", "summary"]
    assert report["schema"] == 1
    assert list(report["summary"]) == ["files", "findings", "by_severity", "by_code", "fixable"]
    assert report["summary"]["files"] == 2
    assert report["summary"]["findings"] == len(report["findings"]) == 6
    assert report["summary"]["by_severity"] == {"error": 6, "warning": 0, "advice": 0}
    assert report["summary"]["by_code"] == {"FWD001": 1, "FWD002": 2, "FWD008": 1, "LNT001": 1, "LNT002": 1}
    assert report["summary"]["fixable"] == 1
    for finding in report["findings"]:
        assert list(finding) == [
            *("code", "name", "severity", "message", "path", "line", "column", "end_line", "end_column"),
            *("symbol", "guide", "fix"),
        ]
    (fixable,) = [finding for finding in report["findings"] if finding["fix"]]
    assert fixable["fix"] == {
        "safety": "safe",
        "edits": [{"path": "a.py", "line": 10, "column": 6, "end_line": 10, "end_column": 34, "text": ""}],
    }
    first = report["findings"][0]
    assert (first["symbol"], first["severity"]) == ("TinyAttention.forward", "error")
    assert first["guide"] == rules_by_code()[first["code"]].guide


def test_json_is_sorted_and_the_same_at_every_run(write: Callable[..., None], run_process: Callable[..., Any]) -> None:
    write({"b.py": SEVERAL, "a/z.py": EINOPS, "a.py": EINOPS, "c.py": EINOPS + "\n\n" + EINOPS.replace("Tiny", "Big")})
    arguments = ("check", "--no-cache", "--output-format", "json")
    outcomes = [
        run_process(*arguments, *paths, PYTHONHASHSEED=seed)
        for seed, paths in (("0", ["."]), ("1", ["."]), ("2", ["c.py", "b.py", "a.py", "a"]))
    ]
    assert len({outcome.out for outcome in outcomes}) == 1
    order = [(item["path"], item["line"], item["column"], item["code"]) for item in outcomes[0].findings]
    assert order == sorted(order)
    assert len(order) == 8


def test_concise_is_a_line_a_finding(write: Callable[..., None], run: Callable[..., Any]) -> None:
    write({"a.py": EINOPS, "b.py": "x = 1  # lint: ignore[FWD001] old\n"})
    assert run("check", "--no-cache", ".").out.split("\n") == [
        "a.py:7:16: FWD008 `rearrange` is einops; write it with `reshape`, `permute` or `unflatten` (einops)",
        "b.py:1:8: LNT002 [fix] nothing here breaks FWD001; take the suppression out (unused-suppression)",
        "2 files checked: 2 errors. `linter fix` mends 1.",
        "",
    ]
    write({"a.py": EINOPS.replace("self.pattern", "'b s -> s b'")})
    assert run("check", "--no-cache", "a.py").out.startswith("a.py:7:16: FWD008 [unsafe fix] `rearrange` is einops")
    assert run("check", "--no-cache", "--select", "ATT", ".").out == "2 files checked, nothing found.\n"


def test_full_shows_the_source_and_marks_the_place(write: Callable[..., None], run: Callable[..., Any]) -> None:
    write({"a.py": EINOPS, "broken.py": "x = '\0'\n"})
    assert run("check", "--no-cache", "--output-format", "full", ".").out.split("\n") == [
        "a.py:7:16: FWD008 `rearrange` is einops; write it with `reshape`, `permute` or `unflatten` (einops)",
        "6 |     def forward(self, hidden_states):",
        "7 |         return rearrange(hidden_states, self.pattern)",
        "  |                ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^",
        "8 |",
        "   = in TinyAttention.forward; convention: models.md#forward-and-torchcompile; "
        "`linter rules FWD008` explains",
        "   = Rewrite einops calls with `reshape`, `permute`, `flatten` and `unflatten`.",
        "",
        "broken.py:1:1: LNT005 contains null bytes (unreadable-file)",
        "   = convention: review-rules.md#linter-findings; `linter rules LNT005` explains",
        "   = Keep sources readable: UTF-8 or a declared encoding, no null bytes, and permission to read.",
        "",
        "2 files checked: 2 errors.",
        "",
    ]


def test_rules_lists_and_explains(run: Callable[..., Any]) -> None:
    listed = run("rules").out.strip().split("\n")
    assert [line.split()[0] for line in listed] == [rule.code for rule in all_rules()]
    page = run("rules", "att001").out
    assert page.startswith("# ATT001 dispatch-attention\n")
    assert all(f"\n## {title}\n" in page for title in ("What it does", "Why is this bad?", "Bad", "Good"))
    family = run("rules", "ATT").out
    assert all(f"# {rule.code} {rule.name}\n" in family for rule in all_rules() if rule.family() == "ATT")
    assert "# FWD001" not in family


def test_rules_as_json(run: Callable[..., Any]) -> None:
    report = json.loads(run("rules", "--output-format", "json").out)
    assert list(report) == ["schema", "rules"]
    assert [rule["code"] for rule in report["rules"]] == [rule.code for rule in all_rules()]
    assert all(
        list(rule) == ["code", "name", "severity", "fix", "since", "guide", "summary"] for rule in report["rules"]
    )
    (one,) = json.loads(run("rules", "CPY001", "--output-format", "json").out)["rules"]
    assert (one["name"], one["severity"], one["fix"]) == ("out-of-sync", "error", "safe")


def test_what_is_always_said_are_rules() -> None:
    assert set(rules_by_code()) >= ALWAYS


LOADED = """
import sys
from linter.cli import main
try:
    main(sys.argv[1:])
except SystemExit:
    pass
print("loaded:", *sorted({name.partition(".")[0] for name in sys.modules}), file=sys.stderr)
"""


@pytest.mark.parametrize(
    "arguments",
    [("--help",), ("check", "--help"), ("rules",), ("rules", "ATT001"), ("check", "."), ("fix", ".")],
    ids=" ".join,
)
def test_nothing_heavy_is_loaded_before_it_is_needed(
    arguments: tuple[str, ...], folder: Path, write: Callable[..., None]
) -> None:
    write({"a.py": EINOPS.replace("rearrange(", "print("), "b/__init__.py": "from torch import nn\n"})
    result = subprocess.run([sys.executable, "-c", LOADED, *arguments], cwd=folder, capture_output=True, text=True)
    assert result.stdout
    loaded = set(result.stderr.partition("loaded:")[2].split())
    assert "linter" in loaded
    assert loaded & {"torch", "diffusers", "transformers", "numpy", "rich", "libcst", "jinja2", "scaffold"} == set()


def test_what_is_checked_is_never_run(
    folder: Path, write: Callable[..., None], run_process: Callable[..., Any]
) -> None:
    trap = f"open({str(folder / 'trap')!r}, 'w').close()\n"
    write(
        {
            "tinylib/__init__.py": trap + "from .a import *\n",
            "tinylib/a.py": trap + EINOPS,
            "conftest.py": trap,
            "setup.py": trap,
            "sitecustomize.py": trap,
            "linter.toml": "",
            "tinylib/b.py": trap + "# Copied from tinylib.a.TinyAttention\nclass TinyAttention:\n    pass\n",
        }
    )
    script = "import os, sys; sys.path.remove(''); from linter.cli import main; main(sys.argv[1:])"
    for command in ("check", "fix"):
        result = subprocess.run(
            [sys.executable, "-c", script, command, "."], cwd=folder, capture_output=True, text=True
        )
        assert "FWD008" in result.stdout, result.stderr
    assert not (folder / "trap").exists()


def test_the_diff_of_a_file_elsewhere_can_be_applied_from_the_root(run: Callable[..., Any], folder: Path) -> None:
    path = folder.parent / "elsewhere.py"
    path.write_text("x = 1  # lint: ignore[FWD008]\n")
    shown = run("fix", "--no-cache", "--diff", "--select", "ALL", path).out
    assert shown.split("\n")[:2] == [f"--- a{path.as_posix()}", f"+++ b{path.as_posix()}"]
