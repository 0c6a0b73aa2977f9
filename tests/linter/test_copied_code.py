"""Copied code beyond the rules' own examples: cycles, markers that cover each other, what a fix leaves alone."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest


ORIGIN = "def scale_noise(sample):\n    return sample * 2\n"
BETWEEN = (
    "# Copied from tinylib.origin.scale_noise with sample->latents\n"
    "def scale_noise(latents):\n    return latents * 2\n"
)
COPY = "# Copied from tinylib.between.scale_noise\ndef scale_noise(latents):\n    return latents * 2\n"


def test_advice_is_shown_to_who_asks_for_it(write: Callable[..., None], run: Callable[..., Any]) -> None:
    write(
        {
            "tinylib/__init__.py": "",
            "tinylib/origin.py": ORIGIN,
            "tinylib/between.py": BETWEEN,
            "tinylib/copy.py": COPY,
        }
    )
    assert run("check", "--no-cache", ".").code == 0
    asked = run("check", "--no-cache", "--select", "CPY", ".")
    assert asked.code == 1
    assert "`tinylib.between.scale_noise` is itself a copy" in asked.out


def test_copies_in_a_circle_are_an_error_that_nobody_has_to_ask_for(
    write: Callable[..., None], run: Callable[..., Any]
) -> None:
    circle = ORIGIN.replace("def", "# Copied from tinylib.copy.scale_noise\ndef", 1)
    copy = ORIGIN.replace("def", "# Copied from tinylib.origin.scale_noise\ndef", 1)
    write({"tinylib/__init__.py": "", "tinylib/origin.py": circle, "tinylib/copy.py": copy})
    found = run("check", "--no-cache", "--output-format", "json", ".").findings
    assert [(item["code"], item["severity"], item["path"]) for item in found] == [
        ("CPY007", "error", "tinylib/copy.py"),
        ("CPY007", "error", "tinylib/origin.py"),
    ]


def test_a_copy_of_a_circle_is_not_told_which_of_them_is_the_origin(
    write: Callable[..., None], check: Callable[..., Any]
) -> None:
    marked = {name: f"# Copied from tinylib.{name}.scale_noise\n{ORIGIN}" for name in ("one", "other")}
    write({"tinylib/__init__.py": "", "tinylib/one.py": marked["other"], "tinylib/other.py": marked["one"]})
    write({"tinylib/copy.py": marked["one"]})
    assert {path for code, path, _ in check(".").places if code == "CPY007"} == {"tinylib/one.py", "tinylib/other.py"}


def test_a_copy_that_differs_from_the_origin_keeps_its_marker(
    write: Callable[..., None], run: Callable[..., Any], folder: Path
) -> None:
    differs = BETWEEN.replace("* 2", "* 3")
    copy = COPY.replace("* 2", "* 3")
    write(
        {
            "tinylib/__init__.py": "",
            "tinylib/origin.py": ORIGIN,
            "tinylib/between.py": differs,
            "tinylib/copy.py": copy,
        }
    )
    run("fix", "--no-cache", "--select", "CPY007", ".")
    assert (folder / "tinylib/copy.py").read_text() == copy


def test_two_replacements_for_one_name_disagree(write: Callable[..., None], check: Callable[..., Any]) -> None:
    marker = "# Copied from tinylib.origin.scale_noise with sample->latents, sample->video\n"
    write(
        {"tinylib/__init__.py": "", "tinylib/origin.py": ORIGIN, "tinylib/copy.py": marker + BETWEEN.split("\n", 1)[1]}
    )
    messages = [item["message"] for item in check(".").findings if item["code"] == "CPY004"]
    assert messages == ["the rename `sample->video` disagrees with `sample->latents`"]


def test_a_rename_is_alive_that_only_one_casing_needs(write: Callable[..., None], check: Callable[..., Any]) -> None:
    marker = "# Copied from tinylib.origin.scale_noise with Sample->Latents all-casing\n"
    write(
        {"tinylib/__init__.py": "", "tinylib/origin.py": ORIGIN, "tinylib/copy.py": marker + BETWEEN.split("\n", 1)[1]}
    )
    assert [item for item in check(".").findings if item["code"].startswith("CPY")] == []


def test_a_marker_between_decorator_and_def_is_in_its_place(
    write: Callable[..., None], check: Callable[..., Any]
) -> None:
    copy = "import torch\n\n\n@torch.no_grad()\n# Copied from tinylib.origin.scale_noise\n" + ORIGIN
    write({"tinylib/__init__.py": "", "tinylib/origin.py": ORIGIN, "tinylib/copy.py": copy})
    assert [item for item in check(".").findings if item["code"].startswith("CPY")] == []


PREPARE = """\
    def prepare(self, latents):
        if latents is None:
            latents = self.draw(TinyScheduler)
        elif latents.isnan().any():
            raise ValueError("Not a number.")
        return latents * self.sigma
"""


def test_the_marker_that_an_unmarked_copy_gets_names_the_origin_and_the_renames_of_its_neighbours(
    write: Callable[..., None], run: Callable[..., Any], folder: Path
) -> None:
    between = "# Copied from tinylib.origin.scale_noise\n" + ORIGIN + "\n\nclass SmallPipeline:\n"
    between += "    # Copied from tinylib.origin.TinyPipeline.prepare with Tiny->Small\n" + PREPARE.replace(
        "Tiny", "Small"
    )
    copy = ORIGIN.replace("sample", "latents").replace("scale_noise", "scale")
    copy = "# Copied from tinylib.between.scale_noise with sample->latents, Small->Mini\n" + copy
    copy += "\n\nclass MiniPipeline:\n" + PREPARE.replace("Tiny", "Mini")
    origin = ORIGIN + "\n\nclass TinyPipeline:\n" + PREPARE
    files = {"__init__.py": "", "origin.py": origin, "between.py": between, "copy.py": copy}
    write({f"tinylib/{name}": text for name, text in files.items()})
    run("fix", "--no-cache", "--select", "CPY006", "--unsafe-fixes", ".")
    marker = "    # Copied from tinylib.origin.TinyPipeline.prepare with Tiny->Mini\n    def prepare"
    assert marker in (folder / "tinylib/copy.py").read_text()
    assert run("check", "--no-cache", "--select", "CPY001,CPY006", ".").code == 0


def test_what_a_class_overrides_with_the_same_text_is_no_copy_to_mark(
    write: Callable[..., None], check: Callable[..., Any]
) -> None:
    origin = ORIGIN + "\n\nclass TinyPipeline:\n" + PREPARE
    copy = "from .origin import TinyPipeline\n\n\n# Copied from tinylib.origin.scale_noise\n" + ORIGIN
    write({"tinylib/__init__.py": "", "tinylib/origin.py": origin})
    write({"tinylib/copy.py": copy + "\n\nclass SmallPipeline(TinyPipeline):\n" + PREPARE})
    assert [item for item in check(".").findings if item["code"].startswith("CPY")] == []
    write({"tinylib/copy.py": copy + "\n\nclass SmallPipeline:\n" + PREPARE})
    assert [item["code"] for item in check(".").findings if item["code"].startswith("CPY")] == ["CPY006"]


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("# copied from tinylib.origin.scale_noise", "# Copied from tinylib.origin.scale_noise"),
        ("#Copied from  tinylib.origin.scale_noise.", "# Copied from tinylib.origin.scale_noise"),
        ("# Copied from: `tinylib.origin.scale_noise`", "# Copied from tinylib.origin.scale_noise"),
        ("# Copied from tinylib/origin.scale_noise", "# Copied from tinylib.origin.scale_noise"),
        (
            "# Copied from tinylib.origin.scale_noise with sample -> latents , noise=>x",
            "# Copied from tinylib.origin.scale_noise with sample -> latents , noise=>x",
        ),
        (
            "# Copied from tinylib.origin.scale_noise with  sample --> latents All-Casing, Tiny->Small",
            "# Copied from tinylib.origin.scale_noise with sample->latents all-casing, Tiny->Small",
        ),
    ],
    ids=["casing", "a stray dot", "a colon and quotes", "a slash", "not to be told", "renames"],
)
def test_a_marker_is_written_as_it_was_meant_where_that_can_be_told(
    write: Callable[..., None], run: Callable[..., Any], folder: Path, written: str, meant: str
) -> None:
    rest = "\ndef scale_noise(latents):\n    return latents * 2  # café\n"
    write({"tinylib/__init__.py": "", "tinylib/origin.py": ORIGIN, "tinylib/copy.py": written + rest})
    run("fix", "--no-cache", "--select", "CPY003", ".")
    assert (folder / "tinylib/copy.py").read_text(encoding="utf-8") == meant + rest


LONG = """\
def prepare(self, latents, batch_size):
    if latents is None:
        latents = self.draw(batch_size)
    elif latents.shape[0] != batch_size:
        raise ValueError("The batch sizes differ.")
    return latents * self.sigma
"""
MARKED = "# Copied from tinylib.origin.scale_noise\n" + ORIGIN
MARKER_FIXES = {
    "CPY003": (
        "#copied from: tinylib.origin.scale_noise\n" + ORIGIN,
        "# Copied from tinylib.origin.scale_noise\n" + ORIGIN,
    ),
    "CPY006": (
        f"{MARKED}\n\n{LONG}",
        f"{MARKED}\n\n# Copied from tinylib.origin.prepare\n{LONG}",
    ),
    "CPY007": (
        "# Copied from tinylib.between.scale_noise\ndef scale_noise(latents):\n    return latents * 2\n",
        "# Copied from tinylib.origin.scale_noise with sample->latents\n"
        "def scale_noise(latents):\n    return latents * 2\n",
    ),
    "CPY001": (MARKED.replace("* 2", "* 3"), MARKED),
}
FORMS: dict[str, Callable[[str], bytes]] = {
    "plain": lambda text: text.encode(),
    "CRLF": lambda text: text.replace("\n", "\r\n").encode(),
    "CR": lambda text: text.replace("\n", "\r").encode(),
    "tabs": lambda text: text.replace("    ", "\t").encode(),
    "no line end at the end": lambda text: text.rstrip("\n").encode(),
    "a byte-order mark": lambda text: b"\xef\xbb\xbf" + text.encode(),
    "another encoding": lambda text: b"# coding: latin-1\nname = '\xe9'\n\n\n" + text.encode(),
    "odd text around it": lambda text: f"x =  'é😀' ;y=1\n\n\n{text}\n\n\nz =[1,\n\t2 ]\x0c\n".encode(),
}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("code", MARKER_FIXES)
def test_a_fix_leaves_every_other_byte_as_it_was(
    code: str, form: str, folder: Path, write: Callable[..., None], run: Callable[..., Any]
) -> None:
    before, after = map(FORMS[form], MARKER_FIXES[code])
    # An unmarked copy is one to the letter.
    origin = f"{ORIGIN}\n\n{LONG}"
    write({"tinylib/__init__.py": "", "tinylib/between.py": BETWEEN})
    write({"tinylib/origin.py": FORMS[form](origin) if (code, form) == ("CPY006", "tabs") else origin})
    write({"tinylib/copy.py": before})
    run("fix", "--no-cache", "--unsafe-fixes", "--select", code, "tinylib/copy.py")
    assert (folder / "tinylib/copy.py").read_bytes() == after
