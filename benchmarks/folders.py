"""Every generated folder by itself, in a fresh environment that holds what its README asks for, and nothing else.

`python -m benchmarks.folders` makes a virtual environment with torch, diffusers, transformers, accelerate, peft and
pytest, generates the folder of each preset and of three architectures that are no preset, all of it outside of this
repository, and has that environment run each folder's tests, its example, its training and its conversion, with no
network and no edit. It writes `benchmarks/folders.md`, and ends with 1 where something fails.
"""

from __future__ import annotations

import datetime
import os
import platform
import re
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import PIL.Image
import torch
from safetensors.torch import load_file

from scaffold.loading import preset_names
from tests.scaffold.test_new_architectures import NEW


ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "benchmarks" / "folders.md"
CONSTRAINTS = ROOT / "constraints.txt"
# What a folder's README asks for, and what runs its tests.
PACKAGES = ("torch", "diffusers", "transformers", "accelerate", "peft", "pytest")
OWN = ("modelwright", "linter", "scaffold", "parity")
INTRODUCTION = """# Generated folders by themselves

Each preset, and three architectures that are no preset, written by `scaffold model` and run outside of this repository
in a fresh virtual environment, where modelwright cannot be imported and no model hub is reached. Nothing in a folder
was edited. The picture or the frames come from its example with tiny random weights, the LoRA from its example of a
training; a tiny model goes through `convert.py` to the original layout and back with every name and byte. A spec that
describes no pipeline, no training or no original layout gives a folder without it. `make folders` makes this page.
"""
COLUMNS = ("folder", "its own tests", "its example writes", "its training writes", "its conversion keeps")
ABSENT = "none described"


class Failure(Exception):
    """What a folder does not do; the message is what it printed."""


@dataclass(frozen=True)
class Row:
    """What one folder did.

    Attributes:
        name: the preset, or what is new about the architecture.
        cells: what each step gave.
        failures: what the steps that failed printed.
    """

    name: str
    cells: list[str]
    failures: list[str]


@dataclass(frozen=True)
class Place:
    """Where one folder lies.

    Attributes:
        python: that of the environment.
        folder: the generated package.
    """

    python: Path
    folder: Path

    def run(self, *arguments: str) -> str:
        """What Python prints, run beside the folder.

        Raises:
            Failure: it exits with another number than 0.
        """
        environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(self.folder.parent),
            "HF_HUB_OFFLINE": "1",
            "OMP_NUM_THREADS": os.environ.get("OMP_NUM_THREADS", "1"),
        }
        done = subprocess.run(
            [self.python, *arguments],
            cwd=self.folder.parent,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode != 0:
            raise Failure(f"{' '.join(arguments)}\n{done.stdout[-3000:]}{done.stderr[-3000:]}")
        return done.stdout

    def run_module(self, name: str, *arguments: str) -> str:
        """The same for a module of the folder."""
        return self.run("-m", f"{self.folder.name}.{name}", *arguments)


def make_environment(place: Path) -> Path:
    """A new virtual environment; returns its Python."""
    subprocess.run([sys.executable, "-m", "venv", place], check=True)
    python = place / "bin" / "python"
    install = [str(python), "-m", "pip", "install", "--disable-pip-version-check", "--quiet", "-c", str(CONSTRAINTS)]
    (pinned,) = re.findall(r"^torch==\S+$", CONSTRAINTS.read_text(encoding="utf-8"), flags=re.MULTILINE)
    # torch goes first and alone, so that the pinned build is there before anything asks for just any.
    subprocess.run([*install, pinned], check=True)
    subprocess.run([*install, *PACKAGES[1:]], check=True)
    return python


def versions(python: Path) -> dict[str, str]:
    """The versions of `PACKAGES` in an environment."""
    source = f"from importlib.metadata import version; print(*(version(each) for each in {PACKAGES}))"
    done = subprocess.run([python, "-c", source], capture_output=True, text=True, check=True)
    return dict(zip(PACKAGES, done.stdout.split(), strict=True))


def generate(arguments: list[str], out: Path) -> Path:
    """The folder that `scaffold model` makes of some arguments; without one there is nothing to go on with."""
    command = [sys.executable, "-m", "scaffold", "model", *arguments, "--out", str(out)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        sys.exit(f"scaffold model {' '.join(arguments)} fails: {done.stderr}")
    (folder,) = out.iterdir()
    return folder


def isolation(place: Place) -> None:
    """See that this project is not there.

    Raises:
        Failure: a module of it can be imported.
    """
    source = f"from importlib.util import find_spec; print(*(each for each in {OWN} if find_spec(each)))"
    found = place.run("-c", source).strip()
    if found or place.folder.is_relative_to(ROOT):
        raise Failure(f"{place.folder} can import {found or 'this repository'}")


def own_tests(place: Place) -> str:
    """Run the folder's own tests, all of which have to pass."""
    isolation(place)
    last = place.run("-m", "pytest", "-q", "-p", "no:cacheprovider", place.folder.name).splitlines()[-1]
    passed = re.match(r"(\d+) passed(?:, \d+ warnings?)? in ", last)
    if passed is None:
        raise Failure(last)
    return f"{passed[1]} pass"


def example(place: Place) -> str:
    """Make a picture or frames with the folder's example, and look at them."""
    module = next((path.stem for path in place.folder.glob("examples/text_to_*.py")), None)
    if module is None:
        return ABSENT
    target = place.folder.parent / ("made.gif" if module == "text_to_video" else "made.png")
    place.run_module(f"examples.{module}", "--out", str(target))
    with PIL.Image.open(target) as picture:
        frames = getattr(picture, "n_frames", 1)
        size = f"{picture.width} x {picture.height}"
        if len(picture.convert("RGB").getcolors(picture.width * picture.height)) < 100:
            raise Failure(f"{target} is almost empty")
    return f"{frames} frames of {size}" if module == "text_to_video" else f"a picture of {size}"


def training(place: Place) -> str:
    """Train a LoRA with the folder's example; no matrix that began as zeros is left as it was."""
    if not (place.folder / "examples" / "train_lora.py").exists():
        return ABSENT
    target = place.folder.parent / "lora"
    place.run_module("examples.train_lora", "--out", str(target))
    tensors = tensors_in(target)
    still = [name for name, tensor in tensors.items() if not tensor.any()]
    if not tensors or still:
        raise Failure(f"no step of training changed {still or 'anything'}")
    return f"a LoRA of {len(tensors)} tensors"


def conversion(place: Place) -> str:
    """Convert a tiny model to the original layout and back, and compare every name and byte."""
    if not (place.folder / "convert.py").exists():
        return ABSENT
    beside = place.folder.parent
    place.run("-c", f"from {place.folder.name}.tiny import tiny_transformer as tiny; tiny().save_pretrained('saved')")
    place.run_module("convert", "saved", "original", "--to-original")
    place.run_module("convert", "original", "converted", "--config", "saved")
    before, after = tensors_in(beside / "saved"), tensors_in(beside / "converted")
    if before.keys() != after.keys() or not all(torch.equal(before[name], after[name]) for name in before):
        raise Failure("what comes back is not what went there")
    return f"{len(before)} tensors"


def tensors_in(folder: Path) -> dict[str, torch.Tensor]:
    """All tensors of the safetensors files in a folder."""
    return {name: each for path in sorted(folder.glob("*.safetensors")) for name, each in load_file(path).items()}


def try_out(name: str, place: Place) -> Row:
    """All that the page says of one folder."""
    cells, failures = [], []
    for step in (own_tests, example, training, conversion):
        try:
            cells.append(step(place))
        except Failure as failure:
            cells.append("**fails**")
            failures.append(f"{name}: {failure}")
    return Row(name, cells, failures)


def write_page(rows: list[Row], held: dict[str, str]) -> str:
    """The page about all folders."""
    environment = ", ".join(f"{name} {version}" for name, version in held.items())
    lines = [INTRODUCTION, f"{datetime.date.today()}, Python {platform.python_version()}, {environment}.", ""]
    lines += [f"| {' | '.join(COLUMNS)} |", "| --- " * len(COLUMNS) + "|"]
    lines += [f"| {' | '.join([row.name, *row.cells])} |" for row in rows]
    return "\n".join(lines) + "\n"


def main() -> None:
    """Try every folder out and write the page."""
    with tempfile.TemporaryDirectory(prefix="folders-") as there:
        print("making the environment ...", file=sys.stderr)
        python = make_environment(Path(there, "environment"))
        rows = []
        for name, arguments in {**{name: [name] for name in preset_names()}, **NEW}.items():
            print(f"{name} ...", file=sys.stderr)
            out = Path(there, name)
            out.mkdir()
            rows.append(try_out(name, Place(python, generate(arguments, out))))
        PAGE.write_text(write_page(rows, versions(python)), encoding="utf-8")
    print(f"wrote {PAGE}")
    failures = [failure for row in rows for failure in row.failures]
    if failures:
        sys.exit("\n\n".join(failures))


if __name__ == "__main__":
    main()
