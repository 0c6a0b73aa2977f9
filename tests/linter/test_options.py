"""The options that a ruff user knows, `linter config`, and what a diff touches."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from linter.errors import LinterError
from linter.settings import Overrides, read_settings


if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib


EINOPS = """\
from einops import rearrange
from torch import nn


class TinyAttention(nn.Module):
    def forward(self, hidden_states):
        return rearrange(hidden_states, "b s -> s b")
"""
UNUSED = "x = 1  # lint: ignore[FWD001] old\n"
AS_JSON = ("check", "--no-cache", "--output-format", "json")


@pytest.fixture
def codes(run: Callable[..., Any]) -> Callable[..., set[tuple[str, str]]]:
    """The paths and codes that `linter check` finds."""

    def codes(*arguments: str) -> set[tuple[str, str]]:
        return {(item["path"], item["code"]) for item in run(*AS_JSON, *arguments).findings}

    return codes


def test_selections_extend_and_replace_what_the_file_says(
    write: Callable[..., None], codes: Callable[..., Any]
) -> None:
    write({"a.py": EINOPS, "b.py": UNUSED, "pyproject.toml": '[tool.linter]\nselect = ["FWD"]\n'})
    assert codes() == {("a.py", "FWD008")}
    assert codes("--extend-select", "LNT002,FWD001") == {("a.py", "FWD008"), ("b.py", "LNT002")}
    assert codes("--extend-select", "FWD008", "--extend-ignore", "FWD") == {("a.py", "FWD008")}
    assert codes("--extend-ignore", "FWD008") == set()
    assert codes("--per-file-ignores", "a.py:FWD") == set()
    assert codes("--per-file-ignores", "b.py:FWD") == {("a.py", "FWD008")}


def test_extending_no_selection_adds_to_all_rules(write: Callable[..., None], codes: Callable[..., Any]) -> None:
    write({"a.py": EINOPS, "b.py": UNUSED})
    assert codes("--extend-select", "ATT001") == {("a.py", "FWD008"), ("b.py", "LNT002")}


def test_per_file_ignores_replace_the_files(write: Callable[..., None], codes: Callable[..., Any]) -> None:
    table = '[tool.linter.per-file-ignores]\n"a.py" = ["FWD"]\n'
    write({"a.py": EINOPS, "b.py": UNUSED, "pyproject.toml": table})
    assert codes() == {("b.py", "LNT002")}
    assert codes("--per-file-ignores", "b.py:LNT002") == {("a.py", "FWD008")}


def test_excludes_extend_and_replace_what_the_file_says(write: Callable[..., None], codes: Callable[..., Any]) -> None:
    write(
        {"a.py": EINOPS, "b.py": EINOPS, "sub/c.py": EINOPS, "pyproject.toml": '[tool.linter]\nexclude = ["a.py"]\n'}
    )
    assert {path for path, _ in codes()} == {"b.py", "sub/c.py"}
    assert {path for path, _ in codes("--extend-exclude", "b.py")} == {"sub/c.py"}
    assert {path for path, _ in codes("--exclude", "sub, b.py")} == {"a.py"}


def test_force_exclude_counts_for_named_files_too(write: Callable[..., None], codes: Callable[..., Any]) -> None:
    write({"a.py": EINOPS, "sub/c.py": EINOPS, ".venv/d.py": EINOPS})
    named = ("a.py", "sub/c.py", ".venv/d.py")
    assert {path for path, _ in codes("--exclude", "sub", *named)} == set(named)
    assert {path for path, _ in codes("--exclude", "sub", "--force-exclude", *named)} == {"a.py"}


def test_another_configuration_or_none(write: Callable[..., None], run: Callable[..., Any], codes: Any) -> None:
    write(
        {
            "a.py": EINOPS,
            "pyproject.toml": '[tool.linter]\nignore = ["FWD"]\n',
            "ci/strict.toml": '[tool.linter]\nselect = ["FWD008"]\nexclude = ["sub/*"]\n',
            "sub/b.py": EINOPS,
        }
    )
    assert codes() == set()
    assert codes("--isolated") == {("a.py", "FWD008"), ("sub/b.py", "FWD008")}
    # Its patterns are meant from where it is named.
    assert codes("--config", "ci/strict.toml") == {("a.py", "FWD008")}
    missing = run("check", "--config", "none.toml")
    assert missing.code == 2
    assert "none.toml: not readable as TOML" in missing.err
    both = run("check", "--isolated", "--config", "ci/strict.toml")
    assert both.code == 2
    assert "Leave one of them out" in both.err


def test_statistics_count_by_rule(write: Callable[..., None], run: Callable[..., Any]) -> None:
    write({"a.py": EINOPS, "b.py": EINOPS, "c.py": UNUSED})
    outcome = run("check", "--no-cache", "--statistics")
    assert (outcome.code, outcome.out) == (1, "2  FWD008  einops\n1  LNT002  unused-suppression  [fix 1]\n")
    assert json.loads(run(*AS_JSON, "--statistics").out)["statistics"] == [
        {"code": "FWD008", "name": "einops", "count": 2, "fixable": 0},
        {"code": "LNT002", "name": "unused-suppression", "count": 1, "fixable": 1},
    ]
    assert run("check", "--statistics", "--output-format", "junit").code == 2


def test_exit_zero_hides_findings_from_the_exit_code_but_not_a_wrong_request(
    write: Callable[..., None], run: Callable[..., Any]
) -> None:
    write({"a.py": EINOPS})
    outcome = run("check", "--no-cache", "--exit-zero")
    assert outcome.code == 0
    assert "FWD008" in outcome.out
    assert run("check", "--exit-zero", "none.py").code == 2


@pytest.fixture
def piped(folder: Path) -> Callable[..., tuple[int, str, str]]:
    """Runs `linter check` with a text on its standard input: its exit code, output and errors."""

    def piped(text: str, *arguments: str) -> tuple[int, str, str]:
        command = [sys.executable, "-m", "linter", "check", "--no-cache", *arguments]
        done = subprocess.run(command, cwd=folder, input=text.encode(), capture_output=True, check=False)
        return done.returncode, done.stdout.decode(), done.stderr.decode()

    return piped


def test_standard_input_is_checked_as_a_file_of_the_project(
    write: Callable[..., None], piped: Callable[..., tuple[int, str, str]], folder: Path
) -> None:
    library = {
        "lib/__init__.py": "",
        "lib/origin.py": "def scale(x):\n    return x * 2\n",
        "lib/copy.py": "# Copied from lib.origin.scale\ndef scale(x):\n    return x * 2\n",
    }
    write(library)
    edited = library["lib/copy.py"].replace("* 2", "* 3")
    code, out, _ = piped(edited, "--output-format", "json", "--stdin-filename", "lib/copy.py", "-")
    assert code == 1
    (finding,) = json.loads(out)["findings"]
    assert (finding["path"], finding["code"]) == ("lib/copy.py", "CPY001")
    assert (folder / "lib/copy.py").read_text() == library["lib/copy.py"]
    assert "3 |     return x * 3\n" in piped(edited, "--output-format", "full", "--stdin-filename", "lib/copy.py")[1]
    # A file that is not there yet, and one that is left out.
    assert piped(EINOPS, "--stdin-filename", "lib/new.py")[0] == 1
    assert piped(EINOPS, "--stdin-filename", "lib/new.py", "--exclude", "lib/", "--force-exclude")[0] == 0
    assert "needs `--stdin-filename PATH`" in piped(EINOPS, "-")[2]
    assert "Name no path besides `-`" in piped(EINOPS, "--stdin-filename", "a.py", "b.py")[2]


def test_show_files_and_show_settings_check_nothing(write: Callable[..., None], run: Callable[..., Any]) -> None:
    write({"a.py": EINOPS, "sub/b.py": EINOPS, "notes.txt": ""})
    outcome = run("check", "--show-files")
    assert (outcome.code, outcome.out) == (0, "a.py\nsub/b.py\n")
    outcome = run("check", "--show-settings", "--ignore", "FWD")
    assert outcome.code == 0
    assert 'ignore = ["FWD"]  # command line\n' in outcome.out
    assert outcome.out.replace('["FWD"]  # command line', "[]  # default") == run("config").out


def test_output_goes_whole_into_a_file(write: Callable[..., None], run: Callable[..., Any], folder: Path) -> None:
    write({"a.py": EINOPS, "out.json": "old"})
    outcome = run(*AS_JSON, "--output-file", "out.json")
    assert (outcome.code, outcome.out) == (1, "")
    assert (folder / "out.json").read_text() == run(*AS_JSON).out
    refused = run(*AS_JSON, "--output-file", "none/out.json")
    assert refused.code == 2
    assert "none/out.json: cannot be written" in refused.err
    assert sorted(path.name for path in folder.iterdir()) == ["a.py", "out.json", "pyproject.toml"]


@pytest.mark.parametrize("option", ["lint", "tests/*", ":FWD"])
def test_a_wrong_pair_is_answered_with_the_form(option: str, run: Callable[..., Any]) -> None:
    outcome = run("check", "--per-file-ignores", option)
    assert outcome.code == 2
    assert outcome.err == f"Error: --per-file-ignores takes PATTERN:CODE, such as `tests/*:FWD`, not `{option}`.\n"


def test_config_says_where_each_setting_is_from(
    write: Callable[..., None], run: Callable[..., Any], folder: Path
) -> None:
    write({"pyproject.toml": '[tool.linter]\nselect = ["ATT"]\nbaseline = "known.json"\n'})
    file = folder / "pyproject.toml"
    assert run("config").out.splitlines()[:-1] == [
        f"# relative to {folder}",
        "[tool.linter]",
        f'select = ["ATT"]  # {file}',
        "ignore = []  # default",
        "exclude = []  # default",
        "per-file-ignores = {}  # default",
        f'cache-dir = "{folder}/.linter_cache"  # default',
        f'baseline = "{folder}/known.json"  # {file}',
    ]
    assert "\n# baseline: none  # default\n" in run("config", "--isolated").out


@pytest.mark.parametrize(
    ("table", "is_good"),
    [
        ("", True),
        ('select = ["ALL"]\nignore = ["att", " FWD001 "]\nexclude = ["*x"]\ncache-dir = "c"\nbaseline = "b"', True),
        ('per-file-ignores = {"a.py" = ["LNT002"], "b" = []}', True),
        ('select = "ATT"', False),
        ('select = ["ATT1"]', False),
        ('select = ["XATT001"]', False),
        ("ignore = [1]", False),
        ("exclude = 3", False),
        ("exclude = [3]", False),
        ("per-file-ignores = []", False),
        ('per-file-ignores = {"a.py" = "ATT"}', False),
        ('per-file-ignores = {"a.py" = ["NONE"]}', False),
        ("cache-dir = 1", False),
        ("baseline = false", False),
        ("selects = []", False),
    ],
)
def test_the_schema_accepts_what_the_linter_accepts(
    table: str, is_good: bool, run: Callable[..., Any], folder: Path
) -> None:
    (folder / "pyproject.toml").write_text(f"[tool.linter]\n{table}\n")
    schema = json.loads(run("config", "--schema", "--isolated").out)
    jsonschema.Draft7Validator.check_schema(schema)
    document = tomllib.loads(table)
    try:
        read_settings(folder, Overrides())
        accepted = True
    except LinterError:
        accepted = False
    assert accepted == is_good
    assert jsonschema.Draft7Validator(schema).is_valid(document) == is_good


@pytest.mark.parametrize("arguments", [("--help",), ("check", "--help"), ("baseline", "--help")])
def test_help_loads_nothing_that_it_does_not_need(arguments: tuple[str, ...]) -> None:
    script = (
        "import sys; sys.modules.update(dict.fromkeys(['msgspec', 'libcst', 'rich'])); from linter.cli import main; "
    )
    script += f"main({list(arguments)})"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("Usage:")


@pytest.fixture
def git(folder: Path) -> Callable[..., None]:
    """Runs git in the folder, without the configuration of whoever runs the tests."""
    environment = {**os.environ, "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_SYSTEM": os.devnull}

    def git(*arguments: str) -> None:
        command = ["git", "-c", "user.name=Somebody", "-c", "user.email=somebody@example.org", *arguments]
        subprocess.run(command, cwd=folder, check=True, capture_output=True, env=environment)

    return git


def committed(git: Callable[..., None], message: str = "work") -> None:
    git("add", "--all")
    git("commit", "--quiet", "--message", message)


def test_changed_shows_what_a_branch_and_the_working_tree_touch(
    write: Callable[..., None],
    codes: Callable[..., Any],
    git: Callable[..., None],
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    odd = 'a dir/\u00fc "q".py'
    names = ("kept.py", "gone.py", "old name.py", "touched one.py", odd)
    write(dict.fromkeys(names, EINOPS))
    git("init", "--quiet", "--initial-branch", "main")
    committed(git)
    assert codes("--changed") == set()
    git("checkout", "--quiet", "-b", "work")
    (folder / "gone.py").unlink()
    (folder / "old name.py").rename(folder / "new name.py")
    # Another line of the file than the finding's.
    write({"kept.py": EINOPS + "# the end\n", odd: EINOPS.replace("return ", "return  ")})
    committed(git)
    assert codes("--changed") == {(odd, "FWD008")}
    write({"touched one.py": "++ 1\n" + EINOPS.replace("return ", "return  "), "untracked.py": EINOPS})
    touched = {("touched one.py", "FWD008"), ("untracked.py", "FWD008"), (odd, "FWD008")}
    assert codes("--changed") == touched
    assert codes("--changed=HEAD") == touched - {(odd, "FWD008")}
    (folder / "sub").mkdir()
    monkeypatch.chdir(folder / "sub")
    assert len(codes("..", "--changed")) == len(touched)
    monkeypatch.chdir(folder)
    # What others did to the branch meanwhile is not what this one touches.
    git("stash", "--include-untracked", "--quiet")
    git("checkout", "--quiet", "main")
    write({"kept.py": "\n" + EINOPS.replace("return ", "return  ")})
    committed(git)
    git("checkout", "--quiet", "work")
    assert codes("--changed", "main") == {(odd, "FWD008")}


def test_changed_takes_the_whole_project_as_context(
    write: Callable[..., None], codes: Callable[..., Any], git: Callable[..., None]
) -> None:
    library = {
        "lib/__init__.py": "",
        "lib/origin.py": "def scale(x):\n    return x * 2\n",
        "lib/copy.py": "\n\n# Copied from lib.origin.scale\ndef scale(x):\n    return x * 3\n",
    }
    write({**library, "lib/copy.py": ""})
    git("init", "--quiet", "--initial-branch", "main")
    committed(git)
    write(library)
    assert codes("--changed") == {("lib/copy.py", "CPY001")}


def test_changed_without_what_it_needs_says_so(
    write: Callable[..., None],
    run: Callable[..., Any],
    git: Callable[..., None],
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    write({"a.py": EINOPS})
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(folder.parent))
    assert "not a git repository" in run("check", "--changed").err
    git("init", "--quiet", "--initial-branch", "main")
    assert "no commit to compare with" in run("check", "--changed").err
    committed(git)
    outcome = run("check", "--changed", "a.py")
    assert (outcome.code, outcome.out) == (2, "")
    assert outcome.err == (
        "Error: --changed: git knows no commit `a.py`. Name paths before `--changed`, or write `--changed=BASE`.\n"
    )
    assert shutil.which("git")
    monkeypatch.setenv("PATH", str(folder))
    assert "needs git" in run("check", "--changed").err
