"""`# Copied from`: which copies agree with their source, and that a fix changes what does not and no other byte."""

from __future__ import annotations

import textwrap
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest


ORIGIN = '''\
import functools


def rescale(noise, scale=0.7):
    """Rescales the noise.

    Args:
        noise: The noise.
    """
    # The mean stays.
    mean = noise.mean()
    return mean + (noise - mean) * scale  # as in the paper


def prepare(
    latents,
    generator=None,
):
    return latents if generator is None else latents + generator


async def fetch(name):
    return await name.get()


@functools.cache
def decorated(size):
    return size + 1


class SmallBlock(Base):
    """A small block."""

    kind = "small"

    def __init__(self, dim):
        self.small_dim = dim

    @property
    def width(self):
        return self.small_dim

    @width.setter
    def width(self, value):
        # The name is the published one.
        self.small_dim = value

    @staticmethod
    def double(x):
        """Doubles.

        Twice.
        """
        return x * 2

    class SmallPart:
        def run(self):
            return "SMALL"


def outer(x):
    def inner(y):
        # Twice, as above.
        return y * 2

    class Kept:
        async def waiting(self, y):
            return await y

    return inner(x), Kept
'''


def origin_of(name: str, indent: str = "") -> str:
    """The text of a definition of the origin, at the margin or behind an indentation."""
    lines = ORIGIN.split("\n")
    start = next(
        number
        for number, line in enumerate(lines)
        if line.strip().startswith((f"def {name}(", f"class {name}", f"async def {name}("))
    )
    depth = len(lines[start]) - len(lines[start].lstrip())
    end = start + 1
    while end < len(lines) and (not lines[end].strip() or lines[end][depth] in " )"):
        end += 1
    text = textwrap.dedent("\n".join(lines[start:end])).rstrip() + "\n"
    return textwrap.indent(text, indent)


def marked(source: str, code: str, renames: str = "") -> str:
    """Code behind its marker, at the code's own indentation."""
    indent = code[: len(code) - len(code.lstrip())]
    return f"{indent}# Copied from tinylib.origin.{source}{f' with {renames}' if renames else ''}\n{code}"


def in_class(code: str) -> str:
    return f"class Other:\n{code}"


@pytest.fixture
def findings(write: Callable[..., None], check: Callable[..., Any]) -> Callable[[str], list[dict[str, Any]]]:
    """What CPY001 and CPY002 say about a copy of the origin."""

    def findings(copy: str) -> list[dict[str, Any]]:
        write({"tinylib/__init__.py": "", "tinylib/origin.py": ORIGIN, "tinylib/copy.py": copy})
        found: list[dict[str, Any]] = check("--select", "CPY001,CPY002,CPY003", ".").findings
        assert all(item["path"] == "tinylib/copy.py" for item in found)
        return found

    return findings


SETTER = (
    "    @width.setter\n    def width(self, value):\n        # The name is the published one.\n"
    "        self.small_dim = value\n"
)

IN_SYNC = {
    "a function": marked("rescale", origin_of("rescale")),
    "a function of another name": marked("rescale", origin_of("rescale").replace("def rescale", "def other")),
    "a class": marked("SmallBlock", origin_of("SmallBlock")),
    "a class of another name": marked(
        "SmallBlock", origin_of("SmallBlock").replace("class SmallBlock", "class Other")
    ),
    "a method": in_class(marked("SmallBlock.__init__", origin_of("__init__", "    "))),
    "a property": in_class(
        "    # Copied from tinylib.origin.SmallBlock.width\n    @property\n" + origin_of("width", "    ")
    ),
    "a static method": in_class(
        "    # Copied from tinylib.origin.SmallBlock.double\n    @staticmethod\n" + origin_of("double", "    ")
    ),
    "a method as a function": marked("SmallBlock.double", origin_of("double")),
    "a function as a method": in_class(marked("rescale", origin_of("rescale", "    "))),
    "an async function": marked("fetch", origin_of("fetch")),
    "a decorated function without its decorator": marked("decorated", origin_of("decorated")),
    "another decorator": "# Copied from tinylib.origin.decorated\n@other\n" + origin_of("decorated"),
    "a nested class": in_class(marked("SmallBlock.SmallPart", origin_of("SmallPart", "    "))),
    "a method of a nested class": in_class(marked("SmallBlock.SmallPart.run", origin_of("run", "    "))),
    "a setter": in_class(f"    # Copied from tinylib.origin.SmallBlock.width\n{SETTER}"),
    "a setter with its marker above the def": in_class(
        SETTER.replace("    def", "    # Copied from tinylib.origin.SmallBlock.width\n    def")
    ),
    "a marker between two decorators": "@first\n# Copied from tinylib.origin.decorated\n@second\n"
    + origin_of("decorated"),
    "a nested function": "def other(x):\n" + marked("outer.inner", origin_of("inner", "    ")),
    "a nested function as a function": marked("outer.inner", origin_of("inner")),
    "a function as a nested function": "def other(x):\n" + marked("rescale", origin_of("rescale", "    ")),
    "an async method of a class in a function": "def other(x):\n"
    + marked("outer.Kept.waiting", origin_of("waiting", "    ")),
    "the first of two with one name": "if old:\n"
    + marked("fetch", origin_of("fetch", "    "))
    + "else:\n    def fetch():\n        pass\n",
    "a rename": marked("rescale", origin_of("rescale").replace("noise", "sample"), "noise->sample"),
    "two renames": marked(
        "rescale",
        origin_of("rescale").replace("noise", "sample").replace("mean", "centre"),
        "noise->sample, mean->centre",
    ),
    "renames one after the other": marked(
        "rescale", origin_of("rescale").replace("noise", "latents"), "noise->sample, sample->latents"
    ),
    "all casings": marked(
        "SmallBlock",
        origin_of("SmallBlock").replace("Small", "Large").replace("small", "large").replace("SMALL", "LARGE"),
        "Small->Large all-casing",
    ),
    "wrapped lines": marked(
        "rescale",
        origin_of("rescale").replace(
            "mean + (noise - mean) * scale", "(\n        mean + (noise - mean) * scale\n    )"
        ),
    ),
    "a wrapped header": marked(
        "rescale", origin_of("rescale").replace("(noise, scale=0.7)", "(\n    noise,\n    scale=0.7,\n)")
    ),
    "a header on one line": marked(
        "prepare", origin_of("prepare").replace("(\n    latents,\n    generator=None,\n)", "(latents, generator=None)")
    ),
    "other quotes": marked("SmallBlock", origin_of("SmallBlock").replace('kind = "small"', "kind = 'small'")),
    "a trailing comma": marked("SmallBlock.double", origin_of("double").replace("(x):", "(x,):")),
    "blank lines": marked("rescale", origin_of("rescale").replace("    mean =", "\n    mean =")),
    "trailing white space": marked("rescale", origin_of("rescale").replace("mean()", "mean()   ")),
    "an annotated header": marked("fetch", origin_of("fetch").replace("(name)", "(name: str) -> bytes")),
    "code behind its end": in_class(
        marked("SmallBlock.__init__", origin_of("__init__", "    ")) + "        # End copy\n        self.more = dim\n"
    ),
    "a comment between the marker and the code": "# Copied from tinylib.origin.fetch\n# Ours.\n" + origin_of("fetch"),
    "CRLF": marked("rescale", origin_of("rescale")).replace("\n", "\r\n"),
    "no line end at the end": marked("rescale", origin_of("rescale")).rstrip("\n"),
    "in a branch": "if True:\n" + marked("fetch", origin_of("fetch", "    ")),
    "a marker in a string": 'x = """\n# Copied from tinylib.origin.rescale\ndef rescale():\n    pass\n"""\n',
}


@pytest.mark.parametrize("copy", IN_SYNC.values(), ids=IN_SYNC)
def test_a_copy_that_agrees_is_silent(copy: str, findings: Callable[[str], list[dict[str, Any]]]) -> None:
    assert findings(copy) == []


@pytest.mark.parametrize("name", [name for name in IN_SYNC if name != "a marker in a string"])
def test_each_of_them_is_looked_at(name: str, findings: Callable[[str], list[dict[str, Any]]]) -> None:
    """With one statement more, none of them agrees: the silence above is no oversight."""
    code, end, rest = IN_SYNC[name].partition("        # End copy\n")
    before, returned, after = code.rpartition("return" if "return" in code else "self.")
    indent = before.rpartition("\n")[2]
    found = findings(f"{before}changed = 1\n{indent}{returned}{after}{end}{rest}")
    assert [item["code"] for item in found] == ["CPY001"]


OUT_OF_SYNC = {
    "another value": marked("rescale", origin_of("rescale").replace("- mean", "+ mean")),
    "another comment": marked("rescale", origin_of("rescale").replace("stays", "moves")),
    "another comment behind code": marked("rescale", origin_of("rescale").replace("as in the paper", "our own")),
    "no comment": marked("rescale", origin_of("rescale").replace("    # The mean stays.\n", "")),
    "a comment elsewhere": marked(
        "rescale",
        origin_of("rescale")
        .replace("    # The mean stays.\n", "")
        .replace("    return mean", "    # The mean stays.\n    return mean"),
    ),
    "another docstring": marked("rescale", origin_of("rescale").replace("Rescales", "Scales")),
    "no docstring": marked("SmallBlock", origin_of("SmallBlock").replace('    """A small block."""\n\n', "")),
    "another attribute": marked("SmallBlock", origin_of("SmallBlock").replace('"small"', '"large"')),
    "a statement too many": marked("fetch", origin_of("fetch").replace("    return", "    name.open()\n    return")),
    "a statement too few": marked("rescale", origin_of("rescale").replace("    mean = noise.mean()\n", "")),
    "another default in a wrapped header": marked("prepare", origin_of("prepare").replace("=None,", "=0,")),
    "a rename that is not made": marked("rescale", origin_of("rescale"), "noise->sample"),
    "a rename that is not said": marked("rescale", origin_of("rescale").replace("noise", "sample")),
    "one casing only": marked(
        "SmallBlock", origin_of("SmallBlock").replace("Small", "Large"), "Small->Large all-casing"
    ),
    "not async": marked("fetch", origin_of("fetch").replace("async ", "").replace("await ", "")),
    "a setter": in_class(
        f"    # Copied from tinylib.origin.SmallBlock.width\n{SETTER}".replace("small_dim = value", "small_dim = 1")
    ),
    "a getter above its setter": in_class(
        "    # Copied from tinylib.origin.SmallBlock.width\n    @property\n"
        + origin_of("width", "    ").replace("small_dim", "dim")
        + "\n"
        + SETTER
    ),
    "a nested function": "def other(x):\n" + marked("outer.inner", origin_of("inner", "    ").replace("* 2", "* 3")),
    "a comment in a nested function": marked("outer.inner", origin_of("inner").replace("Twice", "Once")),
    "the first of two with one name": "if old:\n"
    + marked("decorated", origin_of("decorated", "    ").replace("+ 1", "+ 2"))
    + "else:\n    def decorated(size):\n        return size + 1\n",
    "a method": in_class(marked("SmallBlock.width", origin_of("width", "    ").replace("small_dim", "dim"))),
}


@pytest.mark.parametrize("copy", OUT_OF_SYNC.values(), ids=OUT_OF_SYNC)
def test_a_copy_that_differs_is_found_at_its_name(copy: str, findings: Callable[[str], list[dict[str, Any]]]) -> None:
    (found,) = findings(copy)
    assert found["code"] == "CPY001"
    line = copy.split("\n")[found["line"] - 1]
    assert line.lstrip().startswith(("def ", "async def ", "class "))
    assert line[found["column"] - 1 : found["end_column"] - 1] == found["symbol"].rpartition(".")[2]


BEFORE = "'''é 😀 A module of ours.'''\n\nimport  os ;x = 1\n\n"
AFTER = "\n\ny=  [1,\n2 ]\n\tz = 3\n".replace("\tz", "z")


@pytest.mark.parametrize("line_end", ["\n", "\r\n"], ids=["LF", "CRLF"])
@pytest.mark.parametrize("around", [True, False], ids=["in a file", "alone"])
@pytest.mark.parametrize("name", OUT_OF_SYNC)
def test_the_fix_brings_the_copy_into_line_and_leaves_every_other_byte_alone(
    name: str,
    around: bool,
    line_end: str,
    folder: Path,
    findings: Callable[[str], list[dict[str, Any]]],
    run: Callable[..., Any],
) -> None:
    copy = OUT_OF_SYNC[name]
    before, after = (BEFORE, AFTER) if around else ("", "")
    text = before + (copy if around else copy.rstrip("\n")) + after
    assert len(findings(text.replace("\n", line_end))) == 1
    done = run("fix", "--no-cache", "--select", "CPY001", ".")
    assert "1 mended in 1 file." in done.out
    file = folder / "tinylib/copy.py"
    mended = file.read_bytes()
    assert (folder / "tinylib/origin.py").read_text() == ORIGIN
    assert mended.count(b"\n") == mended.count(line_end.encode())
    assert mended.startswith(before.replace("\n", line_end).encode())
    assert mended.endswith(after.replace("\n", line_end).encode())
    assert (
        mended.decode().split("# Copied from")[1].split(line_end)[0] == copy.split("# Copied from")[1].split("\n")[0]
    )
    assert findings(mended.decode()) == []
    run("fix", "--no-cache", "--select", "CPY001", ".")
    assert file.read_bytes() == mended


FIXED = {
    "a function": (
        marked("rescale", "@ours\ndef other(noise, scale=0.7):\n    return 1\n"),
        marked(
            "rescale",
            "@ours\n" + origin_of("rescale").replace("def rescale(", "def other("),
        ),
    ),
    "a wrapped header": (
        marked("prepare", "def prepare(\n    latents,\n):\n    return 1\n"),
        marked("prepare", origin_of("prepare")),
    ),
    "a method from a function, with its docstring's indentation": (
        in_class(marked("rescale", "    def rescale(noise, scale=0.7):\n        pass\n") + "\n    kept = 1\n"),
        in_class(marked("rescale", origin_of("rescale", "    ")) + "\n    kept = 1\n"),
    ),
    "a function from a method, with its docstring's indentation": (
        marked("SmallBlock.double", "def double(x):\n    pass\n"),
        marked("SmallBlock.double", origin_of("double")),
    ),
    "all casings": (
        marked("SmallBlock", "class LargeBlock(Base):\n    pass\n", "Small->Large all-casing"),
        marked(
            "SmallBlock",
            origin_of("SmallBlock").replace("Small", "Large").replace("small", "large").replace("SMALL", "LARGE"),
            "Small->Large all-casing",
        ),
    ),
    "code behind the end": (
        marked("fetch", "async def fetch(name):\n    return 1\n    # End copy\n    more = 1\n"),
        marked("fetch", "async def fetch(name):\n    return await name.get()\n    # End copy\n    more = 1\n"),
    ),
    "two copies at once": (
        marked("fetch", "async def fetch(name):\n    pass\n")
        + "\n\n"
        + marked("decorated", "def decorated(size):\n    pass\n"),
        marked("fetch", origin_of("fetch")) + "\n\n" + marked("decorated", origin_of("decorated")),
    ),
    "a copy of what was mended": (
        marked("fetch", "async def fetch(name):\n    pass\n")
        + "\n\n# Copied from tinylib.copy.fetch with name->file\nasync def second(file):\n    pass\n",
        marked("fetch", origin_of("fetch"))
        + "\n\n# Copied from tinylib.copy.fetch with name->file\nasync def second(file):\n"
        "    return await file.get()\n",
    ),
}


@pytest.mark.parametrize(("before", "after"), FIXED.values(), ids=FIXED)
def test_the_fix_writes_what_a_person_would(
    before: str, after: str, folder: Path, findings: Callable[[str], list[dict[str, Any]]], run: Callable[..., Any]
) -> None:
    assert findings(before)
    run("fix", "--no-cache", "--select", "CPY001", ".")
    assert (folder / "tinylib/copy.py").read_text() == after
    assert findings(after) == []


def test_the_difference_is_shown_and_nothing_written(
    folder: Path, findings: Callable[[str], list[dict[str, Any]]], run: Callable[..., Any]
) -> None:
    copy = marked("fetch", "async def fetch(name):\n    return 1\n")
    findings(copy)
    shown = run("fix", "--no-cache", "--diff", "--select", "CPY001", ".")
    assert shown.code == 1
    assert shown.out.split("\n") == [
        "--- a/tinylib/copy.py",
        "+++ b/tinylib/copy.py",
        "@@ -1,3 +1,3 @@",
        " # Copied from tinylib.origin.fetch",
        " async def fetch(name):",
        "-    return 1",
        "+    return await name.get()",
        "",
    ]
    assert (folder / "tinylib/copy.py").read_text() == copy


@pytest.mark.parametrize(
    "copy",
    [
        marked("rescale", "def rescale(noise):\n    return 1\n", "noise->1x"),
        marked("rescale", "def rescale(noise):\n    return 1\n", "return->class"),
        in_class(marked("rescale", "    def rescale(noise):\n        return 1\n", "noise->1x")),
        marked("rescale", "def rescale(noise):\n    return 1\n", "def->class"),
    ],
    ids=range(4),
)
def test_renames_that_give_no_python_are_found_and_not_written(
    copy: str, folder: Path, findings: Callable[[str], list[dict[str, Any]]], run: Callable[..., Any]
) -> None:
    (found,) = findings(copy)
    assert found["code"] == "CPY001"
    run("fix", "--no-cache", "--select", "CPY001", ".")
    assert (folder / "tinylib/copy.py").read_text() == copy


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("tinylib.origin.rescal", " in `tinylib.origin`; the nearest name is `tinylib.origin.rescale`"),
        (
            "tinylib.origin.SmallBlock.widht",
            " in `tinylib.origin.SmallBlock`; the nearest name is `tinylib.origin.SmallBlock.width`",
        ),
        ("tinylib.orign.rescale", " in `tinylib`"),
    ],
)
def test_a_source_that_is_not_there_is_named_with_the_nearest(
    source: str, message: str, findings: Callable[[str], list[dict[str, Any]]]
) -> None:
    (found,) = findings(f"# Copied from {source}\n{origin_of('rescale')}")
    assert (found["code"], found["line"], found["message"]) == ("CPY002", 1, f"`{source}` does not exist{message}")


def test_a_source_in_a_file_that_cannot_be_parsed_is_not_said_to_be_missing(
    write: Callable[..., None], check: Callable[..., Any]
) -> None:
    copy = "# Copied from tinylib.origin.rescale\n" + origin_of("rescale")
    write({"tinylib/__init__.py": "", "tinylib/origin.py": "def rescale(:\n", "tinylib/copy.py": copy})
    assert check("--select", "CPY", ".").places == [("LNT001", "tinylib/origin.py", 1)]


@pytest.mark.parametrize(
    "comment",
    [
        "# copied from tinylib.origin.rescale",
        "#Copied from tinylib.origin.rescale",
        "# Copied from: tinylib.origin.rescale",
        "# Copied from tinylib.origin.rescale.",
        "# Copied from `tinylib.origin.rescale`",
        "# Copied from tinylib.origin..rescale",
        "# Copied from tinylib/origin.rescale",
        "# Copied  from tinylib.origin.rescale",
    ],
)
def test_a_marker_that_cannot_be_read_is_told_how_to_be_written(
    comment: str, findings: Callable[[str], list[dict[str, Any]]]
) -> None:
    (found,) = findings(f"{comment}\n{origin_of('rescale')}")
    assert (found["code"], found["line"]) == ("CPY003", 1)
    assert found["message"].endswith("write `# Copied from tinylib.origin.rescale`")


@pytest.mark.parametrize(
    "comment",
    [
        "# Copied from the paper.",
        "# Copied from https://example.org/tinylib.origin",
        "# Copied from torch.nn.functional.relu",
        "# This is copied from tinylib.origin.rescale",
        "# Copied from a.b.c in transformers",
    ],
)
def test_prose_about_copying_is_no_marker(comment: str, findings: Callable[[str], list[dict[str, Any]]]) -> None:
    assert findings(f"{comment}\ndef ours():\n    return 1\n") == []


def test_a_source_is_followed_through_re_exports(write: Callable[..., None], check: Callable[..., Any]) -> None:
    write(
        {
            "tinylib/__init__.py": "from .inner import fetch\n",
            "tinylib/inner/__init__.py": "from .deep import *\n",
            "tinylib/inner/deep.py": origin_of("fetch"),
            "tinylib/a.py": "# Copied from tinylib.fetch\n" + origin_of("fetch"),
            "tinylib/b.py": "# Copied from tinylib.inner.fetch\n" + origin_of("fetch").replace("get", "put"),
        }
    )
    assert check("--select", "CPY001,CPY002,CPY003", ".").places == [("CPY001", "tinylib/b.py", 2)]


def test_a_fix_that_does_not_bring_a_copy_into_line_is_taken_back(
    folder: Path, findings: Callable[[str], list[dict[str, Any]]], run: Callable[..., Any]
) -> None:
    turning = (
        "\n\n# Copied from tinylib.copy.turn with a->c, b->a, c->b\ndef turn(\n    a,\n    b,\n):\n    return a - b\n"
    )
    others = "\n\n".join(
        marked("fetch", f"async def fetch_{number}(name):\n    return {number}\n") for number in range(40)
    )
    assert len(findings(others + turning)) == 41
    done = run("fix", "--no-cache", "--select", "CPY001", ".")
    assert "40 mended in 1 file." in done.out
    assert "1 error" in done.out
    assert (folder / "tinylib/copy.py").read_text().endswith(turning)


def test_copies_of_each_other_that_never_agree_are_given_up(
    folder: Path, write: Callable[..., None], run: Callable[..., Any]
) -> None:
    copy = "# Copied from tinylib.{}.grow with x->xx\ndef grow(\n    x,\n):\n    return x\n"
    write({"tinylib/__init__.py": "", "tinylib/a.py": copy.format("b"), "tinylib/b.py": copy.format("a")})
    assert run("fix", "--no-cache", "--select", "CPY001", ".").code == 1
    assert all((folder / "tinylib" / name).stat().st_size < 10_000 for name in ("a.py", "b.py"))
