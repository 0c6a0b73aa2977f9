"""How fast the linter reads, beside other linters and bare `ast.parse`, in one run on the same files.

`python benchmarks/lint.py` installs the other linters into an environment of their own, takes turns between all of
them, and writes `benchmarks/lint.md`. What counts is CPU time, user and system, of the whole command with its
children: wall time on a shared machine says little. Compare the ratios, not the seconds.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import importlib.util
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import venv
from dataclasses import dataclass
from pathlib import Path


HERE = Path(__file__).resolve().parent
OTHERS = ("fixit==2.2.1", "TorchFix==0.7.0", "transformers-mlinter==0.1.5")
PARSE = "import ast, sys\nfor path in sys.argv[1:]:\n    ast.parse(open(path, 'rb').read())\n"
# Of a repository laid out as transformers is, mlinter checks the files with these names.
MLINTER_FILES = ("modeling_*.py", "modular_*.py", "configuration_*.py", "processing_*.py", "image_processing_*.py")


@dataclass(frozen=True)
class Contestant:
    """A command, the files that it reads, and what to do before each of its runs."""

    name: str
    command: list[str]
    files: list[Path]
    fresh: Path | None = None
    """A folder that is emptied before each run."""

    @property
    def lines(self) -> int:
        """The lines of the files."""
        return sum(path.read_bytes().count(b"\n") for path in self.files)


def seconds(contestant: Contestant) -> float:
    """The CPU seconds of one run."""
    if contestant.fresh is not None:
        shutil.rmtree(contestant.fresh, ignore_errors=True)
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(contestant.command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, check=False)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    # A linter that found something exits with 1 or, for flake8's kin, with more; one that broke says so.
    if b"Traceback" in done.stderr:
        sys.exit(f"{contestant.name} failed:\n{done.stderr.decode(errors='replace')[-2000:]}")
    return after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime


def other_linters(folder: Path) -> Path:
    """The folder of the other linters' commands, installed where they are not yet."""
    binaries = folder / "bin"
    if not (binaries / "mlinter").exists():
        venv.create(folder, with_pip=True, clear=True)
        subprocess.run([binaries / "python", "-m", "pip", "install", "--quiet", *OTHERS], check=True)
    return binaries


def package(name: str) -> Path:
    """The folder of an installed package, found without importing it."""
    spec = importlib.util.find_spec(name)
    if spec is None or spec.origin is None:
        sys.exit(f"{name} is not installed here; run `make setup` and start this with .venv/bin/python.")
    return Path(spec.origin).parent


def contestants(others: Path, scratch: Path) -> list[Contestant]:
    """Everything that is measured; the first is what the others are compared with."""
    linter = str(Path(sys.executable).with_name("linter"))
    diffusers, transformers, cache = package("diffusers"), package("transformers"), scratch / "cache"
    whole = sorted(diffusers.rglob("*.py"))
    # Fixit and TorchFix read a few thousand lines a second: a sample is enough to know their pace. It is copied
    # because Fixit passes installed packages by.
    sample = scratch / "sample"
    sample.mkdir()
    for number, path in enumerate(whole[::40]):
        shutil.copyfile(path, sample / f"file_{number}.py")
    some = sorted(sample.iterdir())
    families = sorted(path for path in (transformers / "models").iterdir() if path.is_dir())[::10]
    theirs = sorted({path for pattern in MLINTER_FILES for family in families for path in family.rglob(pattern)})
    check = [linter, "check", "--cache-dir", str(cache), str(diffusers)]
    mlinter = [str(others / "mlinter"), "--no-progress", "--no-cache", *map(str, families)]
    return [
        Contestant("ast.parse", [sys.executable, "-c", PARSE, *map(str, whole)], whole),
        Contestant("linter check, cold", check, whole, fresh=cache),
        Contestant("linter check, warm", check, whole),
        Contestant("mlinter", mlinter, theirs),
        Contestant("Fixit, its default rules", [str(others / "fixit"), "lint", str(sample)], some),
        Contestant("TorchFix, all its rules", [str(others / "torchfix"), "--select", "ALL", str(sample)], some),
    ]


def table(rows: list[tuple[Contestant, float]]) -> str:
    """The result in Markdown."""
    base = rows[0][1] / rows[0][0].lines
    lines = [
        "# How fast the linter reads",
        "",
        f"diffusers {importlib.metadata.version('diffusers')}, Python {sys.version.split()[0]}, {os.cpu_count()} cores"
        f", {', '.join(OTHERS)}. Median CPU seconds of the whole command. Repeat with `python benchmarks/lint.py`.",
        "",
        "| command | lines | CPU seconds | lines per second | CPU per line, ast.parse = 1 |",
        "| --- | ---: | ---: | ---: | ---: |",
    ]
    for contestant, cpu in rows:
        each = cpu / contestant.lines
        lines.append(f"| {contestant.name} | {contestant.lines:,} | {cpu:.2f} | {1 / each:,.0f} | {each / base:.2f} |")
    return "\n".join(lines) + "\n"


def main() -> None:
    """Measures, prints and writes the table."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=3, help="runs of each command (default: 3)")
    parser.add_argument("--tools", type=Path, default=HERE.parent / "build" / "other-linters", help="where they lie")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        running = contestants(other_linters(arguments.tools), Path(folder))
        measured: dict[str, list[float]] = {contestant.name: [] for contestant in running}
        for number in range(arguments.rounds):
            for contestant in running:
                measured[contestant.name].append(seconds(contestant))
                print(f"round {number + 1}: {contestant.name}: {measured[contestant.name][-1]:.2f} s", file=sys.stderr)
    text = table([(contestant, statistics.median(measured[contestant.name])) for contestant in running])
    (HERE / "lint.md").write_text(text, encoding="utf-8")
    print(text)


if __name__ == "__main__":
    main()
