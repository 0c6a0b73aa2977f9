"""How each preset compares with the class of diffusers that it equals, on every configuration and path.

`python -m benchmarks.presets` generates the folders, compares them as the tests do, and writes
`docs/scaffold/presets.md` and, for `scaffold list`, `templates/verified.yaml`. Parameters are drawn at random,
gradients are compared too, and faults are planted to see that the comparison sees them. It ends with 1 where something
differs in float32 or a fault is not seen.
"""

from __future__ import annotations

import datetime
import platform
import sys
import tempfile
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from types import ModuleType
from typing import Any

import torch

from scaffold.applying import write_folder
from scaffold.loading import load_spec, preset_names
from scaffold.rendering import render_folder
from scaffold.spec import Spec
from tests.scaffold.costs import Cost, measure_forward
from tests.scaffold.faults import FAULTS, is_seen
from tests.scaffold.pairs import import_folder, largest_difference, make_inputs, make_pair, run
from tests.scaffold.test_presets import CONFIGS, PATHS, as_type


ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "scaffold" / "presets.md"
RECORD = ROOT / "templates" / "verified.yaml"
PLAIN = "tiny"
INTRODUCTION = """# Presets and diffusers

Each preset's generated model beside the class of diffusers that it equals: a tiny configuration with at least three
blocks of each kind, the same random numbers in every parameter, the same inputs, on CPU. A difference is the largest
absolute one over all that is compared. Operations are those that torch runs in one forward; peak memory is the most
that the tensors made by it hold together. A fault is planted into the generated model, and seen if the comparison then
fails. What needs other processors, such as FLUX.2's cache for reference tokens, is compared by tests of its own.
`make presets` makes this page.
"""
COLUMNS = (
    "preset",
    "class of diffusers",
    "float32: outputs, gradients",
    "bfloat16: outputs, gradients",
    "operations: ours, diffusers",
    "peak memory in kB: ours, diffusers",
    "faults seen",
)


@dataclass(frozen=True)
class Row:
    """What one preset gave.

    Attributes:
        spec: the preset.
        compared: the configurations and paths that were compared.
        differences: by dtype, the largest absolute difference of an output and of a gradient over all of them.
        costs: those of a forward, ours and diffusers'.
        seen: by fault, whether it was seen; `None` where the architecture has no place for it.
    """

    spec: Spec
    compared: list[str]
    differences: dict[torch.dtype, tuple[float, float]]
    costs: tuple[Cost, Cost]
    seen: dict[str, bool | None]

    @property
    def passes(self) -> bool:
        """Whether it is equal in float32 and every fault was seen."""
        return self.differences[torch.float32] == (0, 0) and False not in self.seen.values()


def cases(spec: Spec) -> dict[str, tuple[dict[str, Any], dict[str, Any]]]:
    """What is compared, by name: changes of the tiny configuration, and changes of the inputs."""
    paths = {name: ({}, path) for name, path in PATHS.get(spec.name, {}).items()}
    return {PLAIN: ({}, {}), **CONFIGS.get(spec.name, {}), **paths}


def compare(spec: Spec, package: ModuleType, dtype: torch.dtype) -> tuple[float, float]:
    """The largest difference of an output and of a gradient; infinite where something is missing or void."""
    outputs, gradients = [], []
    for config, changes in cases(spec).values():
        pair = make_pair(spec, package, **config).to(dtype)
        drawn = {name: value(pair) if callable(value) else value for name, value in changes.items()}
        inputs = make_inputs(pair, dtype) | {name: as_type(value, dtype) for name, value in drawn.items()}
        ours, theirs = run(pair.ours, inputs), run(pair.theirs, inputs)
        try:
            outputs.append(largest_difference({"sample": ours["sample"]}, {"sample": theirs["sample"]}))
            gradients.append(largest_difference(ours, theirs))
        except AssertionError:
            return float("inf"), float("inf")
    return max(outputs), max(gradients)


def measure_costs(spec: Spec, package: ModuleType) -> tuple[Cost, Cost]:
    """The cost of a forward, ours and diffusers', once tables have been made."""
    pair = make_pair(spec, package)
    inputs = make_inputs(pair)
    pair.each(lambda model: measure_forward(model, inputs))
    return measure_forward(pair.ours, inputs), measure_forward(pair.theirs, inputs)


def plant(spec: Spec, files: dict[str, str], place: Path) -> dict[str, bool | None]:
    """Whether each fault is seen."""
    seen: dict[str, bool | None] = {}
    for number, (name, (alter, _)) in enumerate(FAULTS.items()):
        altered = alter(files["model.py"], spec)
        seen[name] = None
        if altered is not None:
            folder = place / f"{spec.package}_fault_{number}"
            for package in imported(folder, files | {"model.py": altered}):
                pair = make_pair(spec, package)
                seen[name] = is_seen(pair, make_inputs(pair))
    return seen


def imported(folder: Path, files: dict[str, str]) -> Iterator[ModuleType]:
    """The folder as a package, for the time of one loop."""
    write_folder(folder, files)
    return import_folder(folder)


def measure(name: str, place: Path) -> Row:
    """All that the page says of one preset."""
    spec = load_spec(name)
    files = render_folder(spec)
    for package in imported(place / f"{spec.package}_compared", files):
        differences = {dtype: compare(spec, package, dtype) for dtype in (torch.float32, torch.bfloat16)}
        costs = measure_costs(spec, package)
    return Row(spec, list(cases(spec)), differences, costs, plant(spec, files, place))


def write_page(rows: list[Row]) -> str:
    """The page about all presets."""
    versions = f"diffusers {version('diffusers')}, torch {torch.__version__}, Python {platform.python_version()}"
    lines = [INTRODUCTION, f"{datetime.date.today()}, {versions}.", ""]
    lines += [f"| {' | '.join(COLUMNS)} |", "| --- " * len(COLUMNS) + "|"]
    for row in rows:
        planted = [each for each in row.seen.values() if each is not None]
        single, half = (", ".join(f"{each:g}" for each in row.differences[dtype]) for dtype in row.differences)
        lines.append(
            f"| {row.spec.name} | `{row.spec.counterpart}` | {single} | {half} "
            f"| {', '.join(str(cost.operations) for cost in row.costs)} "
            f"| {', '.join(f'{cost.peak / 1000:.1f}' for cost in row.costs)} | {sum(planted)} of {len(planted)} |"
        )
    lines += ["", "## What is compared", ""]
    for row in rows:
        others = ", ".join(name for name in row.compared if name != PLAIN)
        text = f"- **{row.spec.name}**: the tiny configuration{f'; {others}' if others else ''}."
        lines.append(textwrap.fill(text, 119, subsequent_indent="  ", break_on_hyphens=False))
    lines += ["", "## What is planted", ""]
    for fault in FAULTS:
        without = [row.spec.name for row in rows if row.seen[fault] is None]
        note = f" (without a place in {', '.join(without)})" if without else ""
        lines.append(f"- {fault}{note}")
    return "\n".join(lines) + "\n"


def write_record(rows: list[Row]) -> str:
    """What was seen to hold, for `scaffold list`: the presets that passed, each with how many cases were compared."""
    lines = [
        "# What `make presets` saw: in how many configurations and paths each preset equals its class of diffusers.",
        f"diffusers: {version('diffusers')}",
        f"date: {datetime.date.today()}",
        "cases:",
        *(f"  {row.spec.name}: {len(row.compared)}" for row in rows if row.passes),
    ]
    return "\n".join(lines) + "\n"


def main() -> None:
    """Measure every preset and write the page and the record."""
    rows = []
    with tempfile.TemporaryDirectory() as place:
        for name in preset_names():
            print(f"{name} ...", file=sys.stderr)
            rows.append(measure(name, Path(place)))
    PAGE.write_text(write_page(rows), encoding="utf-8")
    RECORD.write_text(write_record(rows), encoding="utf-8")
    print(f"wrote {PAGE} and {RECORD}")
    failed = [row.spec.name for row in rows if not row.passes]
    if failed:
        sys.exit(f"not equal to diffusers, or with faults that are not seen: {', '.join(failed)}")


if __name__ == "__main__":
    main()
