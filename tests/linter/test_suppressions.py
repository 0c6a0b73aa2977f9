"""Suppressions: what a `# lint: ignore[CODE]` comment covers, and what is said about one that is wrong."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest


HEAD = "from einops import rearrange\nfrom torch import nn\n\n\n"
IGNORE = "# lint: ignore[FWD008] the layout is the checkpoint's"


def forward(*lines: str) -> str:
    """A module whose forward has these lines."""
    body = "".join(f"        {line}\n" for line in lines)
    return f"{HEAD}class TinyAttention(nn.Module):\n    def forward(self, x):\n{body}"


@pytest.mark.parametrize(
    "text",
    [
        forward(f'return rearrange(x, "a b -> b a")  {IGNORE}'),
        forward(IGNORE, 'return rearrange(x, "a b -> b a")'),
        forward(IGNORE, "# Another comment.", "", 'return rearrange(x, "a b -> b a")'),
        forward(f"return rearrange(  {IGNORE}", '    x, "a b -> b a"', ")"),
        forward(f"x = (  {IGNORE}", "    x,", '    rearrange(x, "a b -> b a"),', ")"),
        forward(f"if x is not None:  {IGNORE}", "    pass", "else:", '    x = rearrange(x, "a b -> b a")'),
        forward('return rearrange(x, "a b -> b a")').replace("(self, x):", f"(self, x):  {IGNORE}"),
        forward('return rearrange(x, "a b -> b a")').replace("class Tiny", f"{IGNORE}\nclass Tiny"),
        forward('return rearrange(x, "a b -> b a")').replace("(nn.Module):", f"(nn.Module):  {IGNORE}"),
        forward('return rearrange(x, "a b -> b a")').replace("    def", f"    {IGNORE}\n    @decorated\n    def"),
        forward('return rearrange(x, "a b -> b a")').replace("    def", f"    @decorated  {IGNORE}\n    def"),
        f"{IGNORE}\n" + forward('return rearrange(x, "a b -> b a")'),
        f"#!/usr/bin/env python\n# A licence.\n\n{IGNORE}\n\n" + forward('return rearrange(x, "a b -> b a")'),
        forward('return rearrange(x, "a b -> b a")  #lint:ignore[FWD008] x'),
        forward(f'return rearrange(x, "a b -> b a")  {IGNORE}').replace("\n", "\r\n"),
        forward(f'return rearrange(x, "a b -> b a")  {IGNORE}').replace("\n", "\r"),
        forward(f'return "é😀" + rearrange(x, "a b -> b a")  {IGNORE}'),
    ],
    ids=range(17),
)
def test_a_suppression_covers_its_line_its_statement_its_block_or_its_file(
    text: str, write: Callable[..., None], check: Callable[..., Any]
) -> None:
    write(
        {"a.py": text.replace(IGNORE, "# a comment").replace("#lint:ignore", "# x").replace("# lint: ignore", "# x")}
    )
    assert {code for code, _, _ in check("a.py").places} == {"FWD008"}
    write({"a.py": text})
    assert check("a.py").places == []


@pytest.mark.parametrize(
    ("text", "found"),
    [
        # The line before and the line after are not covered.
        (forward(f"y = x  {IGNORE}", 'return rearrange(x, "a b -> b a")'), ["LNT002", "FWD008"]),
        (forward('x = rearrange(x, "a b -> b a")', f"return x  {IGNORE}"), ["FWD008", "LNT002"]),
        # Not the statement after the one that it stands above.
        (forward(IGNORE, "y = x", 'return rearrange(x, "a b -> b a")'), ["LNT002", "FWD008"]),
        # Not the rest of a file whose first statement it stands behind.
        ("import torch\n" + IGNORE + "\n" + forward('return rearrange(x, "a b -> b a")'), ["LNT002", "FWD008"]),
        # Another code.
        (forward('return rearrange(x, "a b -> b a")  # lint: ignore[FWD001] x'), ["FWD008", "LNT002"]),
        # Inside a string it is text.
        (forward(f"x = '''\n{IGNORE}\n'''", 'return rearrange(x, "a b -> b a")'), ["FWD008"]),
        (forward(f'return rearrange(x, "{IGNORE}")'), ["FWD008"]),
        # Words that do not suppress.
        (forward('return rearrange(x, "a b -> b a")  # please lint: ignore[FWD008]'), ["FWD008"]),
        (forward('return rearrange(x, "a b -> b a")  # lint: ignored[FWD008]'), ["FWD008"]),
    ],
    ids=range(9),
)
def test_a_suppression_covers_nothing_else(
    text: str, found: list[str], write: Callable[..., None], check: Callable[..., Any]
) -> None:
    write({"a.py": text})
    assert [code for code, _, _ in check("a.py").places] == found


def test_what_cannot_be_read_cannot_be_silenced(write: Callable[..., None], check: Callable[..., Any]) -> None:
    write({"a.py": "# lint: ignore[LNT001] x\ndef f(:\n", "b.py": "# lint: ignore[LNT005]\n\0"})
    assert [code for code, _, _ in check(".").places] == ["LNT001", "LNT005"]


@pytest.mark.parametrize(
    ("comment", "code", "message"),
    [
        ("# lint: ignore[FWD999] x", "LNT003", "this suppression names `FWD999`, which is no rule"),
        (
            "# lint: ignore[ATTT001]",
            "LNT003",
            "this suppression names `ATTT001`, which is no rule; did you mean `ATT001`?",
        ),
        (
            "# lint: ignore[fwd008]",
            "LNT003",
            "this suppression names `fwd008`, which is no rule; did you mean `FWD008`?",
        ),
        ("# lint: ignore[FWD]", "LNT003", "this suppression names `FWD`, which is no rule; name each rule"),
        ("# lint: ignore[ALL]", "LNT003", "this suppression names `ALL`, which is no rule; name each rule"),
        ("# lint: ignore", "LNT003", "this suppression names no rule; write `# lint: ignore[CODE] reason`"),
        ("# lint: ignore[] reason", "LNT003", "this suppression names no rule; write `# lint: ignore[CODE] reason`"),
        ("# lint: ignore[FWD008] x", "LNT002", "nothing here breaks FWD008; take the suppression out"),
        ("# lint: ignore[FWD008, FWD001]", "LNT002", "nothing here breaks FWD008, FWD001; take the suppression out"),
    ],
)
def test_a_suppression_that_is_wrong_is_told_what_to_do(
    comment: str, code: str, message: str, write: Callable[..., None], check: Callable[..., Any]
) -> None:
    write({"a.py": f"x = 1\ny = 2  {comment}\n"})
    (found,) = check("a.py").findings
    place = (found["line"], found["column"], found["end_column"])
    assert (found["code"], *place) == (code, 2, 8, 8 + len(comment))
    assert found["message"].startswith(message)


@pytest.mark.parametrize(
    ("comment", "asked"),
    [
        ("# lint: ignore[FWD008]", True),
        ("# lint: ignore[FWD008] -", True),
        # Another tool's comment is no reason.
        ("# lint: ignore[FWD008] # noqa: E501", True),
        # What is said of the rest of the comment is no reason to leave out this.
        ("# lint: ignore[FWD008, FWD999]", True),
        ("# lint: ignore[FWD008, FWD001]", True),
        (IGNORE, False),
        ("# lint: ignore[FWD008]: the layout is the checkpoint's", False),
        ("# lint: ignore[FWD008] the layout is the checkpoint's # noqa: E501", False),
    ],
)
def test_a_suppression_is_asked_for_its_reason(
    comment: str, asked: bool, write: Callable[..., None], check: Callable[..., Any]
) -> None:
    write({"a.py": forward(f'return rearrange(x, "a b -> b a")  {comment}')})
    found = [finding for finding in check("a.py").findings if finding["code"] == "LNT004"]
    assert [(item["line"], item["severity"], item["message"]) for item in found] == [
        (7, "warning", "nothing says why FWD008 may be broken here; write the reason behind the bracket")
    ] * asked


def test_a_suppression_that_is_to_be_taken_out_needs_no_reason(
    write: Callable[..., None], check: Callable[..., Any]
) -> None:
    write({"a.py": "x = 1  # lint: ignore[FWD008]\ny = 2  # lint: ignore[FWD999]\n"})
    assert check("a.py").places == [("LNT002", "a.py", 1), ("LNT003", "a.py", 2)]


def test_a_suppression_is_judged_only_where_its_rule_is_selected(
    write: Callable[..., None], check: Callable[..., Any]
) -> None:
    write({"a.py": "x = 1  # lint: ignore[FWD008] x\n"})
    assert check("--select", "LNT,FWD", "a.py").places == [("LNT002", "a.py", 1)]
    assert check("--select", "LNT", "a.py").places == []
    assert check("--select", "FWD", "a.py").places == []
    assert check("--ignore", "FWD008", "a.py").places == []


@pytest.mark.parametrize("line_end", ["\n", "\r\n"], ids=["LF", "CRLF"])
@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("x = 1  # lint: ignore[FWD008] old\n", "x = 1\n"),
        ("x = 1  # lint: ignore[FWD008] old", "x = 1"),
        ("# lint: ignore[FWD008] old\nx = 1\n", "x = 1\n"),
        ("x = 1\n# lint: ignore[FWD008] a\n# lint: ignore[FWD008] a\ny = 1\n", "x = 1\ny = 1\n"),
        ("x = 1  # lint: ignore[FWD008]\ny = 1  # lint: ignore[FWD008]\n", "x = 1\ny = 1\n"),
        ("x = 1  # lint: ignore[FWD008] old  # noqa: E501\n", "x = 1  # noqa: E501\n"),
        ("x = 1\n# lint: ignore[FWD008] old # noqa\n", "x = 1\n# noqa\n"),
        ("x = 1  # lint: ignore[FWD008] see #12\n", "x = 1\n"),
        ("x = 1  # lint: ignore[FWD008, FWD999] old\n", "x = 1  # lint: ignore[FWD999] old\n"),
        ("x = 'é😀'  # lint: ignore[FWD008] ölt\ny = 'é'\n", "x = 'é😀'\ny = 'é'\n"),
        ("x = 1\n# lint: ignore[FWD008] last", "x = 1\n"),
    ],
    ids=range(11),
)
def test_the_fix_takes_out_what_is_not_needed_and_nothing_else(
    before: str,
    after: str,
    line_end: str,
    folder: Path,
    write: Callable[..., None],
    run: Callable[..., Any],
) -> None:
    file = folder / "a.py"
    write({"a.py": before.replace("\n", line_end)})
    assert run("fix", "--no-cache", "--diff", "a.py").code == 1
    assert file.read_bytes() == before.replace("\n", line_end).encode()
    run("fix", "--no-cache", "a.py")
    assert file.read_bytes() == after.replace("\n", line_end).encode()
    assert run("fix", "--no-cache", "--diff", "a.py").out == ""
    run("fix", "--no-cache", "a.py")
    assert file.read_bytes() == after.replace("\n", line_end).encode()


def test_the_fix_keeps_the_code_that_is_needed(
    write: Callable[..., None], run: Callable[..., Any], folder: Path
) -> None:
    write({"a.py": forward('return rearrange(x, "a b -> b a")  # lint: ignore[FWD001, FWD008, ATT001] x')})
    assert run("fix", "--no-cache", "a.py").code == 0
    assert (folder / "a.py").read_text() == forward('return rearrange(x, "a b -> b a")  # lint: ignore[FWD008] x')


@pytest.mark.parametrize(
    ("head", "encoding"),
    [
        ("", "utf-8"),
        ("\ufeff", "utf-8"),
        ("# coding: latin-1\n", "latin-1"),
        ("# coding: cp1251\n# Ткань\n", "cp1251"),
    ],
)
def test_the_fix_keeps_the_encoding(
    head: str, encoding: str, folder: Path, write: Callable[..., None], run: Callable[..., Any]
) -> None:
    after = f"{head}x = 1\ny = '{'é' if encoding != 'cp1251' else 'ё'}'\n"
    write({"a.py": after.replace("x = 1\n", "x = 1  # lint: ignore[FWD008] old\n").encode(encoding)})
    run("fix", "--no-cache", "a.py")
    assert (folder / "a.py").read_bytes() == after.encode(encoding)


def test_the_fix_keeps_permissions_and_links(
    folder: Path, write: Callable[..., None], run: Callable[..., Any]
) -> None:
    write({"deep/a.py": "x = 1  # lint: ignore[FWD008] old\n"})
    (folder / "deep/a.py").chmod(0o751)
    (folder / "b.py").symlink_to("deep/a.py")
    assert "1 mended in 1 file." in run("fix", "--no-cache", "b.py").out
    assert (folder / "b.py").is_symlink()
    assert (folder / "deep/a.py").read_text() == "x = 1\n"
    assert (folder / "deep/a.py").stat().st_mode & 0o777 == 0o751
    assert [path.name for path in (folder / "deep").iterdir()] == ["a.py"]
