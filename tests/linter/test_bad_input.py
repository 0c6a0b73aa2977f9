"""Bad input is answered with one message that says what to do; one unreadable file leaves the others checked."""

from __future__ import annotations

import os
import subprocess
import sys
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


def one_message(outcome: Any) -> str:
    """The message of a command that could not be carried out."""
    assert outcome.code == 2
    assert outcome.out == ""
    *usage, message = outcome.err.strip().split("\n")
    assert message.startswith("Error: ")
    assert not usage or usage[0].startswith("Usage: ")
    return message.removeprefix("Error: ")


@pytest.mark.parametrize("command", ["check", "fix"])
def test_a_path_that_is_not_there_is_named(command: str, run: Callable[..., Any]) -> None:
    assert one_message(run(command, "models/flux2.py")).startswith("models/flux2.py: no such file or folder.")


def test_a_path_that_cannot_be_one_is_named(run: Callable[..., Any]) -> None:
    name = "a" * 300
    assert one_message(run("check", name)) == f"{name}: cannot be looked at: File name too long."


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ("check", "--select", "ATTT001"),
            "unknown rule `ATTT001`; did you mean `ATT001`? `linter rules` lists every code.",
        ),
        (("check", "--ignore", "FWX"), "unknown rule `FWX`; did you mean `FWD`? `linter rules` lists every code."),
        (("fix", "--select", "XYZ999"), "unknown rule `XYZ999`. `linter rules` lists every code."),
        (("rules", "CPY01"), "unknown rule `CPY01`; did you mean `CPY001`? `linter rules` lists every code."),
    ],
)
def test_an_unknown_code_is_answered_with_the_nearest(
    arguments: tuple[str, ...], message: str, run: Callable[..., Any]
) -> None:
    assert one_message(run(*arguments)) == message


@pytest.mark.parametrize(
    ("toml", "message"),
    [
        ("[tool.linter]\nselct = []", "[tool.linter] has an unknown key `selct`; did you mean `select`?"),
        (
            "[tool.linter]\nzzz = 1",
            "[tool.linter] has an unknown key `zzz`; known keys are select, ignore, exclude, ",
        ),
        ('[tool.linter]\nselect = "ATT"', "[tool.linter] `select` must be a list of strings, not 'ATT'."),
        ("[tool.linter]\nexclude = [1]", "[tool.linter] `exclude` must be a list of strings, not [1]."),
        ("[tool.linter]\ncache-dir = 3", "[tool.linter] `cache-dir` must be a string, not 3."),
        (
            "[tool.linter]\nper-file-ignores = []",
            "[tool.linter] `per-file-ignores` must be a table of a pattern to a list of rules, not [].",
        ),
        (
            '[tool.linter.per-file-ignores]\n"a.py" = "ATT"',
            "[tool.linter] `a.py` must be a list of strings, not 'ATT'.",
        ),
        ("[tool]\nlinter = 3", "[tool.linter] `tool.linter` must be a table, not 3."),
        (
            '[tool.linter]\nignore = ["ATTT001"]',
            "[tool.linter]: unknown rule `ATTT001`; did you mean `ATT001`? `linter rules` lists every code.",
        ),
        (
            '[tool.linter.per-file-ignores]\n"a.py" = ["ATTT001"]',
            "[tool.linter]: unknown rule `ATTT001`; did you mean `ATT001`? `linter rules` lists every code.",
        ),
        ("[tool.linter", "not readable as TOML: Expected ']' at the end of a table declaration"),
        ("a = " + "[" * 5000 + "]" * 5000, "not readable as TOML: "),
    ],
    ids=range(12),
)
@pytest.mark.parametrize("selection", [(), ("--select", "FWD")], ids=["", "with-select"])
def test_a_wrong_configuration_is_answered_with_its_file_and_place(
    toml: str, message: str, selection: tuple[str, ...], folder: Path, run: Callable[..., Any]
) -> None:
    file = folder / "pyproject.toml"
    file.write_text(toml)
    assert one_message(run("check", *selection)).startswith(f"{file}: {message}")


def test_a_pyproject_of_something_else_is_no_reason_to_fail(folder: Path, run: Callable[..., Any]) -> None:
    (folder / "pyproject.toml").write_text("tool = 3\n")
    assert run("check").code == 0


@pytest.mark.parametrize(
    "toml",
    [
        "project = 3",
        "[project]\ndependencies = 3",
        "[project]\ndependencies = [3]\nname = 4",
        "[project]\noptional-dependencies = 5",
        "[project]\noptional-dependencies = {a = 3}",
        "[dependency-groups]\na = 3",
        "dependency-groups = 3",
    ],
)
def test_a_project_that_is_declared_wrongly_declares_nothing(
    toml: str, write: Callable[..., None], check: Callable[..., Any]
) -> None:
    write({"pyproject.toml": f"{toml}\n", "model.py": "import einops\n"})
    assert check("--select", "REG010", ".").code == 0


def test_a_working_directory_that_is_gone_is_said(folder: Path) -> None:
    script = f"""
import os, sys
os.makedirs({str(folder / "gone")!r})
os.chdir({str(folder / "gone")!r})
os.rmdir({str(folder / "gone")!r})
from linter.cli import main
main(["check", "."])
"""
    result = subprocess.run([sys.executable, "-c", script], cwd=folder, capture_output=True, text=True)
    assert result.returncode == 2
    assert result.stderr == "Error: The working directory is not there any more. Change to one that is.\n"


@pytest.mark.parametrize(
    ("content", "code", "line", "message"),
    [
        ("x = (1,\ny = 2\n", "LNT001", 1, "is not valid Python: '(' was never closed"),
        ("def f(:\n", "LNT001", 1, "is not valid Python: invalid syntax"),
        ("if x:\n\tpass\n        pass\n", "LNT001", 3, "is not valid Python: inconsistent use of tabs"),
        ("x = 1\n  y = 2\n", "LNT001", 2, "is not valid Python: unexpected indent"),
        ("print 'hello'\n", "LNT001", 1, "is not valid Python: Missing parentheses"),
        ("x = 'open\n", "LNT001", 1, "is not valid Python: unterminated string literal"),
        (b"x = 1\ny = '\0'\n", "LNT005", 2, "contains null bytes"),
        (b"x = 1\n# caf\xe9\n", "LNT005", 2, "is not valid utf-8"),
        (b"# coding: martian\n", "LNT005", 1, "has an unusable encoding: unknown encoding: martian"),
        (b"# coding: rot13\nk = 1\n", "LNT005", 1, "is not valid rot13"),
        (b"\xff\xfex\0=\x001\0", "LNT005", 1, "contains null bytes"),
        (b"\xef\xbb\xbf# coding: latin-1\n", "LNT005", 1, "has an unusable encoding"),
        ("x = " + "(" * 5000 + ")" * 5000 + "\n", "LNT001", 1, "is not valid Python: too many nested parentheses"),
        ("x = " + "-" * 50000 + "1\n", "LNT005", 1, "is nested too deeply"),
        ("x = 1" + " + 1" * 50000 + "\n", "LNT005", 1, "is nested too deeply"),
        ("x = a" + ".b" * 50000 + "\n", "LNT005", 1, "is nested too deeply"),
    ],
    ids=range(16),
)
def test_a_file_that_cannot_be_read_is_one_finding_and_the_others_are_checked(
    content: str | bytes, code: str, line: int, message: str, write: Callable[..., None], check: Callable[..., Any]
) -> None:
    write({"broken.py": content, "other.py": EINOPS})
    outcome = check(".")
    assert outcome.code == 2
    assert outcome.places == [(code, "broken.py", line), ("FWD008", "other.py", 7)]
    assert outcome.findings[0]["message"].startswith(message)


def test_what_cannot_be_read_is_said_whatever_is_selected(
    write: Callable[..., None], check: Callable[..., Any]
) -> None:
    write({"broken.py": "def f(:\n", "null.py": b"\0", "other.py": EINOPS})
    found = check("--select", "ATT001", "--ignore", "LNT", ".").places
    assert found == [("LNT001", "broken.py", 1), ("LNT005", "null.py", 1)]


def test_odd_files_are_read_or_said(folder: Path, write: Callable[..., None], check: Callable[..., Any]) -> None:
    write({"folder.py/inner.py": EINOPS, "empty.py": "", "notes.txt": EINOPS, "blank.py": "\n\n", "comment.py": "# x"})
    os.symlink("loop.py", folder / "loop.py")
    os.symlink("nowhere.py", folder / "dangling.py")
    os.symlink(".", folder / "again")
    os.mkfifo(folder / "pipe.py")
    assert check(".").places == [
        ("LNT005", "dangling.py", 1),
        ("FWD008", "folder.py/inner.py", 7),
        ("LNT005", "loop.py", 1),
        ("LNT005", "pipe.py", 1),
    ]
    assert check("folder.py").places == [("FWD008", "folder.py/inner.py", 7)]
    assert check("notes.txt").places == [("FWD008", "notes.txt", 7)]
    assert "no such file" in check("loop.py").err


def test_a_file_that_is_too_large_is_said(write: Callable[..., None], check: Callable[..., Any]) -> None:
    write({"large.py": b"#" * (3 * 1024 * 1024), "other.py": EINOPS})
    outcome = check(".")
    assert outcome.places == [("LNT005", "large.py", 1), ("FWD008", "other.py", 7)]
    assert outcome.findings[0]["message"] == "is larger than 2 MiB"


def test_a_file_name_that_is_no_text_is_no_reason_to_fail(folder: Path, run_process: Callable[..., Any]) -> None:
    with open(os.fsencode(folder) + b"/caf\xe9.py", "w") as file:
        file.write(EINOPS)
    for output_format in ("concise", "full", "json"):
        outcome = run_process("check", "--output-format", output_format, ".")
        assert (outcome.code, outcome.err) == (1, "")
        assert "FWD008" in outcome.out


def test_an_encoding_of_the_terminal_that_lacks_a_name_is_no_reason_to_fail(
    write: Callable[..., None], run_process: Callable[..., Any]
) -> None:
    write({"😀.py": EINOPS.replace("TinyAttention", "Ткань").replace("b s -> s b", "😀 s -> s 😀")})
    for output_format in ("concise", "full", "json"):
        arguments = ("check", "--no-cache", "--output-format", output_format, ".")
        outcome = run_process(*arguments, PYTHONIOENCODING="latin-1", PYTHONUTF8="0")
        assert (outcome.code, outcome.err) == (1, "")
        assert "FWD008" in outcome.out
    assert outcome.findings[0]["path"] == "😀.py"
    assert outcome.findings[0]["symbol"] == "Ткань.forward"


WITHOUT_PRIVILEGES = """
import ctypes, os, struct, sys
if os.getuid() == 0:
    # Root without capabilities is stopped by permissions like anybody else.
    assert ctypes.CDLL(None).capset(struct.pack("Ii", 0x20080522, 0), bytes(24)) == 0
from linter.cli import main
main(sys.argv[1:])
"""


@pytest.fixture
def run_unprivileged(folder: Path) -> Callable[..., Any]:
    """Runs a command that permissions stop, even where the tests run as root."""

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-c", WITHOUT_PRIVILEGES, *arguments]
        return subprocess.run(command, cwd=folder, capture_output=True, text=True)

    return run


def test_a_file_without_permission_is_said_and_the_others_are_checked(
    folder: Path, write: Callable[..., None], run_unprivileged: Callable[..., Any]
) -> None:
    write({"secret.py": "x = 1\n", "other.py": EINOPS})
    (folder / "secret.py").chmod(0)
    result = run_unprivileged("check", "--no-cache", ".")
    assert result.returncode == 2
    assert "other.py:7:16: FWD008" in result.stdout
    assert "secret.py:1:1: LNT005 cannot be read: Permission denied" in result.stdout


def test_a_folder_without_permission_is_said(
    folder: Path, write: Callable[..., None], run_unprivileged: Callable[..., Any]
) -> None:
    write({"secret/a.py": EINOPS, "other.py": "x = 1\n"})
    (folder / "secret").chmod(0)
    result = run_unprivileged("check", "--no-cache", ".")
    (folder / "secret").chmod(0o755)
    assert result.returncode == 2
    assert result.stderr == (
        f"Error: {folder / 'secret'}: cannot be listed: Permission denied. `exclude` leaves a folder out.\n"
    )


@pytest.mark.parametrize("locked", ["file", "folder"])
def test_a_fix_of_a_read_only_target_changes_nothing(
    locked: str, folder: Path, write: Callable[..., None], run_unprivileged: Callable[..., Any]
) -> None:
    write({"x.py": "x = 1  # lint: ignore[FWD001] old\n"})
    (folder / "x.py").chmod(0o444 if locked == "file" else 0o666)
    folder.chmod(0o777 if locked == "file" else 0o555)
    result = run_unprivileged("fix", "--no-cache", ".")
    folder.chmod(0o755)
    assert result.returncode == 2
    assert result.stderr.startswith(f"Error: {folder / 'x.py'}: cannot be written: ")
    assert result.stdout == ""
    assert sorted(path.name for path in folder.iterdir()) == ["pyproject.toml", "x.py"]
    assert (folder / "x.py").read_text() == "x = 1  # lint: ignore[FWD001] old\n"


def test_a_cache_that_cannot_be_written_is_done_without(
    folder: Path, write: Callable[..., None], run_unprivileged: Callable[..., Any]
) -> None:
    write({"other.py": EINOPS})
    folder.chmod(0o555)
    result = run_unprivileged("check", ".")
    folder.chmod(0o755)
    assert (result.returncode, result.stderr) == (1, "")
    assert "other.py:7:16: FWD008" in result.stdout


def test_a_lazy_table_keeps_the_names_of_a_module_that_does_not_parse(
    write: Callable[..., None], run: Callable[..., Any], folder: Path
) -> None:
    table = '_import_structure = {"model": ["TinyModel"], "gone": ["GoneModel"]}\n'
    write({"tiny/__init__.py": table, "tiny/model.py": "class TinyModel(\n"})
    run("fix", "--no-cache", "--select", "REG004", "tiny")
    assert (folder / "tiny/__init__.py").read_text() == '_import_structure = {"model": ["TinyModel"]}\n'
