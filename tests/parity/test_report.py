"""`parity report` makes one page of what the other commands printed, which needs nothing beside itself."""

from __future__ import annotations

import base64
import io
import json
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
import torch
from click.testing import CliRunner, Result
from PIL import Image
from torch import nn

from parity.bisection.bisect import Specimen, bisect
from parity.cli import main
from parity.page.heat import draw_map
from parity.pipelines.trace import Runnable, trace
from parity.probe.results import Outcome, Probe, Recipe, Report, Verdict
from tests.parity.tiny_pipelines import Painter, Pipeline


HERE = Path(__file__).parent
INPUTS = ("--input", "x=2x5x8", "--input", "condition=2x8")
PAIR = ("compared_models:Reference", "compared_models:SwappedModulation", *INPUTS)
COMMANDS = {
    "compare": ("compare", *PAIR, "--gradients", "--dtype", "float32"),
    "bisect": ("bisect", *PAIR),
    "diagnose": ("diagnose", *PAIR),
    "configs": ("configs", "{width: 8, eps: 0.1}", "{width: 9, eps: 0.1}"),
    "trace": ("trace", "tiny_pipelines:Painter", "tiny_pipelines:PalePainter", "--steps", "8", "--frames", "2"),
}
VERDICTS = {"compare": "FAIL", "bisect": "PARTED", "diagnose": "EXPLAINED", "configs": "DIFFERENT", "trace": "LOOP"}


class Page(HTMLParser):
    """What a page holds: its tags with their attributes, its text, and tags that nobody closed."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.words: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in ("meta", "img", "br"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.words.append(data)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def all(self, tag: str, **attributes: str) -> list[dict[str, str | None]]:
        return [each for name, each in self.tags if name == tag and attributes.items() <= each.items()]

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())


def report(*arguments: str, stdin: str = "") -> Result:
    return CliRunner().invoke(main, ["report", *arguments], input=stdin)


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with what each command prints."""
    folder = tmp_path_factory.mktemp("results")
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(HERE))
        for name, arguments in COMMANDS.items():
            (folder / f"{name}.json").write_text(CliRunner().invoke(main, [*arguments, "--json"]).stdout, "utf-8")
    return folder


@pytest.fixture(scope="module")
def page(results: Path) -> Page:
    answer = report(*(str(results / f"{name}.json") for name in COMMANDS), "--out", str(results / "page.html"))
    assert (answer.exit_code, answer.stdout) == (0, f"wrote {results / 'page.html'}\n")
    return Page((results / "page.html").read_text("utf-8"))


def test_every_result_has_its_section_and_verdict(page: Page) -> None:
    assert not page.open
    for number, (command, verdict) in enumerate(VERDICTS.items(), 1):
        assert page.all("section", id=f"{command}-{number}")
        assert page.all("a", href=f"#{command}-{number}")
        assert page.text.count(f"{command} {verdict}") >= 2


def test_the_page_needs_nothing_beside_itself(page: Page) -> None:
    for _, attributes in page.tags:
        for name in ("src", "href", "xlink:href", "data", "action"):
            target = attributes.get(name) or "#"
            assert target.startswith(("#", "data:image/png;base64,")), target
    assert not page.all("script")
    assert not page.all("link")
    assert "@import" not in page.text
    assert not re.findall(r"url\((?!#)", page.text)


def test_it_can_be_read_without_eyes_and_without_a_mouse(page: Page) -> None:
    names = [attributes["id"] for _, attributes in page.tags if "id" in attributes]
    assert len(names) == len(set(names))
    assert {each["href"] for each in page.all("a")} <= {f"#{name}" for name in names}
    for region in page.all("div", role="region"):
        assert region["tabindex"] == "0"
        assert region["aria-label"]
    assert all(each["alt"] for each in page.all("img"))
    assert page.all("figure", role="img")[0]["aria-label"]
    assert "prefers-color-scheme: dark" in page.text


def test_the_tables_hold_what_was_measured(page: Page, results: Path) -> None:
    for step in json.loads((results / "trace.json").read_text("utf-8"))["steps"]:
        assert f"{step['max']:.2e} {step['relative']:.2e} {step['carried']:.2e}" in page.text
    assert "order of shift, scale, gate 100.0 %" in page.text
    assert "width 8 9 differs eps 0.1 0.1 equal" in page.text
    answer = json.loads((results / "compare.json").read_text("utf-8"))
    gradients = [entry["passed"] for entry in answer["runs"][0]["gradients"]]
    assert f"{sum(gradients)} of {len(gradients)} gradients pass" in page.text


def test_the_curve_takes_its_colours_from_the_page(page: Page) -> None:
    styles = [attributes.get("style") or "" for tag, attributes in page.tags if tag in ("path", "text", "use")]
    assert any("stroke: var(--first)" in style for style in styles)
    assert not any("#" in style.replace("url(#", "") for style in styles)


def test_frames_stand_side_by_side_with_their_difference(page: Page) -> None:
    pictures = page.all("img")
    assert [each["alt"].partition(",")[0] for each in pictures[3:]] == [
        "The reference's picture 2 of 2",
        "The candidate's picture 2 of 2",
        "Where the two differ in picture 2 of 2",
    ]
    ours, theirs, difference = (
        np.asarray(Image.open(io.BytesIO(base64.b64decode(each["src"].partition(",")[2]))), dtype=float)
        for each in pictures[3:]
    )
    assert ours.shape == theirs.shape == difference.shape == (8, 8, 3)
    gap = np.abs(ours - theirs).max(axis=-1)
    assert gap.max() > 0
    # The picture grows brighter from its first corner to its last, and so does what the two differ by.
    assert difference[-1, -1].sum() > difference[0, 0].sum()


def test_frames_are_spread_over_all_of_a_video() -> None:
    class Film(Painter):
        def __call__(self, prompt: int = 3, steps: int = 8, checkpoints: Any = None) -> np.ndarray:
            picture = super().__call__(prompt, steps, checkpoints)[:1].permute(0, 2, 3, 1).numpy()
            return np.stack([picture * shade for shade in np.linspace(0.1, 1, 9)], axis=1)

    sides = [Runnable(name, Film(), {}) for name in ("one", "other")]
    frames = trace(*sides, steps=8, frames=3).frames
    assert [(frame.number, frame.of, frame.size, frame.largest) for frame in frames] == [
        (0, 9, (8, 8), 0.0),
        (4, 9, (8, 8), 0.0),
        (8, 9, (8, 8), 0.0),
    ]
    other = Runnable("without pictures", Pipeline(), {})
    assert trace(other, other, steps=8, frames=3).frames == ()


class Stack(nn.Module):
    """Three blocks, of which one may be off."""

    def __init__(self, off: int | None = None) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.first = nn.Linear(4, 4)
        self.blocks = nn.ModuleList(nn.Sequential(nn.Linear(4, 4), nn.Tanh()) for _ in range(3))
        self.off = off

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.first(x)
        for number, block in enumerate(self.blocks):
            x = block(x) + 0.01 * (number == self.off)
        return x


def test_the_map_shows_block_beside_block_where_it_begins() -> None:
    sides = [Specimen("side", Stack(off), {"x": torch.ones(2, 4)}) for off in (None, 0)]
    result = bisect(*sides, torch.float32)
    outside, blocks = draw_map(result)
    assert (outside.title, outside.columns) == ("", ("difference",))
    assert [(row.label, row.depth) for row in outside.rows] == [("whole model", 0), ("first", 1)]
    assert [row.cells[0].is_found for row in outside.rows] == [True, False]
    assert (blocks.title, blocks.columns) == ("blocks", ("0", "1", "2"))
    assert [(row.label, row.depth) for row in blocks.rows] == [("whole block", 0), ("0", 1), ("1", 1)]
    for row in blocks.rows:
        assert [cell.text == "0" for cell in row.cells] == [True, False, False]
        assert [cell.shade > 1 for cell in row.cells] == [False, True, True]
    assert blocks.rows[1].cells[2].title.startswith("blocks.2.0: inputs off by ")


@pytest.mark.parametrize("models", [1, 2])
def test_a_probe_is_a_table_of_capabilities(models: int, tmp_path: Path) -> None:
    skips = Outcome("layer skip", True, None, Verdict.BROKEN, "returns `the wrong stream`")
    probe = Probe("models:Model", None, Recipe({"width": 8}, {}, "derived"), (skips,))
    failed = Probe("models:Other", "no config was found", None, ())
    content = msgspec.json.encode(Report(1, {"torch": "2"}, (probe, failed)[:models])).decode()
    assert report("-", "--out", str(tmp_path / "page.html"), stdin=content).exit_code == 0
    page = Page((tmp_path / "page.html").read_text("utf-8"))
    assert not page.open
    assert "probe FAIL" in page.text
    if models == 1:
        assert "layer skip yes - broken returns the wrong stream" in page.text
    else:
        assert "layer skip models:Model broken models:Other no config was found" in page.text
        assert page.all("td", title="returns `the wrong stream`")


def test_a_layout_that_differs_is_on_the_page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(HERE))
    sides = ("compared_models:Reference", "compared_models:LosesContiguous")
    compared = CliRunner().invoke(main, ["compare", *sides, *INPUTS, "--dtype", "float32", "--json"]).stdout
    assert report("-", "--out", str(tmp_path / "page.html"), stdin=compared).exit_code == 0
    page = Page((tmp_path / "page.html").read_text("utf-8"))
    assert not page.open
    sides_of_memory = (
        "contiguous in the reference, transposed (0, 2, 1) in the candidate: return it with .contiguous()"
    )
    assert f"0 0 1.0000000 FAIL {sides_of_memory}" in page.text
    assert "as the reference does: place reference candidate output contiguous transposed (0, 2, 1)" in page.text


def test_a_result_can_come_through_a_pipe(results: Path, tmp_path: Path) -> None:
    text = (results / "bisect.json").read_text("utf-8")
    assert report("-", "--out", str(tmp_path / "page.html"), stdin=text).exit_code == 0
    assert "PARTED" in (tmp_path / "page.html").read_text("utf-8")


@pytest.mark.parametrize(
    ("source", "out", "words"),
    [
        ("none.json", "page.html", "none.json: cannot be read (No such file or directory)."),
        (
            "broken.json",
            "page.html",
            "broken.json: not what compare, bisect, diagnose, configs, trace or probe prints",
        ),
        ("other.json", "page.html", "other.json: not what compare, bisect, diagnose, configs, trace or probe prints"),
        ("old.json", "page.html", "old.json: has schema 0, and this version reads 1. Run it again."),
        ("good.json", "page.pdf", "--out page.pdf: the ending has to be .html."),
        ("good.json", "nowhere/page.html", "--out nowhere/page.html: there is no folder nowhere."),
    ],
)
def test_a_bad_request_has_one_clear_message_and_writes_nothing(
    source: str, out: str, words: str, results: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    good = (results / "configs.json").read_text("utf-8")
    contents = {"broken": good[:-5], "other": "{}", "old": good.replace('"schema": 1', '"schema": 0'), "good": good}
    for name, content in contents.items():
        Path(f"{name}.json").write_text(content, "utf-8")
    result = report(source, "--out", out)
    assert result.exit_code == 2
    assert result.stdout == ""
    assert words in " ".join(result.stderr.split())
    assert not Path(out).exists()
