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
import platform
import shutil
import subprocess
import sys
import tempfile
import venv
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from functools import cached_property, partial
from pathlib import Path


HERE = Path(__file__).resolve().parent
OTHERS = ("fixit==2.2.1", "TorchFix==0.7.0", "transformers-mlinter==0.1.5")
PARSE = "import ast, sys\nfor path in sys.argv[1:]:\n    ast.parse(open(path, 'rb').read())\n"
# Of a repository laid out as transformers is, mlinter checks the files with these names.
MLINTER_FILES = ("modeling_*.py", "modular_*.py", "configuration_*.py", "processing_*.py", "image_processing_*.py")

BARE = "ast.parse"
COLD, WARM = "linter, cold", "linter, warm"
ONE, CHANGED = "linter, one file of them", "linter, one file changed"
HALF, QUARTER = "linter on half of the files, cold", "linter on a quarter of the files, cold"
ON_SAMPLE, FIXIT, TORCHFIX = "linter on the sample, cold", "Fixit on the sample", "TorchFix on the sample"
ON_TRANSFORMERS, MLINTER = "linter on transformers, cold", "mlinter on transformers"


@dataclass(frozen=True)
class Cost:
    """What a run took, its children included: seconds of CPU, and the most memory that one of its processes held."""

    cpu: float
    mebibytes: float


@dataclass(frozen=True)
class Contestant:
    """A command, the files that it reads, what to do before each of its runs, and how many runs it gets at most."""

    name: str
    command: list[str]
    files: list[Path]
    before: Callable[[], object] | None = None
    rounds: int = 100

    @cached_property
    def lines(self) -> int:
        """The lines of the files."""
        return sum(path.read_bytes().count(b"\n") for path in self.files)

    def run(self) -> Cost:
        """Runs the command once."""
        if self.before is not None:
            self.before()
        with tempfile.TemporaryFile() as errors:
            # Compiled modules may be kept, as they are for everyone who uses a command twice.
            environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
            running = subprocess.Popen(self.command, stdout=subprocess.DEVNULL, stderr=errors, env=environment)
            _, _, usage = os.wait4(running.pid, 0)
            running.returncode = 0
            errors.seek(0)
            # Linters end with 1, or with more, where they found something; one that broke says so.
            if b"Traceback" in (said := errors.read()):
                sys.exit(f"{self.name} failed:\n{said.decode(errors='replace')[-2000:]}")
        unit = 1024 if sys.platform != "darwin" else 1024 * 1024
        return Cost(usage.ru_utime + usage.ru_stime, usage.ru_maxrss / unit)


@dataclass(frozen=True)
class Target:
    """What the linter is held to, what was measured, and whether that is good enough."""

    claim: str
    measured: str
    holds: bool


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


def copied(files: Iterable[Path], root: Path, to: Path) -> list[Path]:
    """Copies of files, at the same places below another folder."""
    made = []
    for path in files:
        made.append(to / path.relative_to(root))
        made[-1].parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, made[-1])
    return made


def append_comment(path: Path) -> None:
    """Makes a file another than it was."""
    with path.open("a", encoding="utf-8") as file:
        file.write("# changed\n")


def contestants(others: Path, scratch: Path) -> list[Contestant]:
    """Everything that is measured; the first is what the others are compared with."""
    diffusers, transformers = package("diffusers"), package("transformers")
    installed = sorted(diffusers.rglob("*.py"))
    # Copies, because one file is changed, and because Fixit passes installed packages by.
    parts = {
        name: copied(installed[::every], diffusers.parent, scratch / name)
        for name, every in (("whole", 1), ("half", 2), ("quarter", 4))
    }
    # Fixit and TorchFix read a few thousand lines a second: a sample is enough to know their pace.
    sample = copied(installed[::40], diffusers.parent, scratch / "sample")
    families = sorted(path for path in (transformers / "models").iterdir() if path.is_dir())[::10]
    theirs = sorted({path for pattern in MLINTER_FILES for family in families for path in family.rglob(pattern)})
    one = scratch / "whole/diffusers/models/transformers/transformer_flux.py"

    def check(name: str, cache: str, what: Iterable[Path], files: list[Path]) -> Contestant:
        folder = scratch / "caches" / cache
        command = [str(Path(sys.executable).with_name("linter")), "check", "--isolated", "--cache-dir", str(folder)]
        # A first run has no cache.
        before = partial(shutil.rmtree, folder, ignore_errors=True) if name.endswith("cold") else None
        return Contestant(name, [*command, *map(str, what)], files, before)

    mlinter = [str(others / "mlinter"), "--no-progress", "--no-cache", *map(str, families)]
    fixit = [str(others / "fixit"), "lint", str(scratch / "sample")]
    torchfix = [str(others / "torchfix"), "--select", "ALL", str(scratch / "sample")]
    return [
        Contestant(BARE, [sys.executable, "-c", PARSE, *map(str, parts["whole"])], parts["whole"]),
        check(COLD, "whole", [scratch / "whole"], parts["whole"]),
        check(WARM, "whole", [scratch / "whole"], parts["whole"]),
        check(ONE, "whole", [one], [one]),
        replace(
            check(CHANGED, "whole", [scratch / "whole"], parts["whole"]),
            before=partial(append_comment, one),
        ),
        check(HALF, "half", [scratch / "half"], parts["half"]),
        check(QUARTER, "quarter", [scratch / "quarter"], parts["quarter"]),
        check(ON_TRANSFORMERS, "transformers", theirs, theirs),
        Contestant(MLINTER, mlinter, theirs),
        check(ON_SAMPLE, "sample", [scratch / "sample"], sample),
        Contestant(FIXIT, fixit, sample, rounds=1),
        Contestant(TORCHFIX, torchfix, sample, rounds=1),
    ]


def targets(rows: list[tuple[Contestant, Cost]]) -> list[Target]:
    """What each target comes to, all of it measured in the same run."""
    cost = {contestant.name: cost for contestant, cost in rows}
    each = {contestant.name: cost.cpu / contestant.lines for contestant, cost in rows}
    cold, mlinter = each[COLD] / each[BARE], each[MLINTER] / each[ON_TRANSFORMERS]
    memory = max(cost[name].mebibytes for name in (COLD, WARM, ONE, CHANGED))
    growth = [each[name] / each[BARE] for name in (QUARTER, HALF, COLD)]
    return [
        Target("cold: at most 3 times bare `ast.parse`", f"{cold:.2f} times", cold <= 3),
        Target("faster than mlinter", f"{mlinter:.2f} times", mlinter > 1),
        *(
            Target(
                f"a line of the whole at least 20 times faster than by {name.partition(' ')[0]}",
                # On a few files the start of the process counts as much as they do.
                f"{each[name] / each[COLD]:.0f} times; on the sample alone {each[name] / each[ON_SAMPLE]:.0f}",
                each[name] / each[COLD] >= 20,
            )
            for name in (FIXIT, TORCHFIX)
        ),
        Target("warm: under 1 second", f"{cost[WARM].cpu:.2f} s", cost[WARM].cpu < 1),
        Target("one file, with the cache there: under 0.4 seconds", f"{cost[ONE].cpu:.2f} s", cost[ONE].cpu < 0.4),
        Target("memory: under 1 GiB", f"{memory:,.0f} MiB", memory < 1024),
        Target(
            "linear: a line costs no more among more (a quarter, a half, all of the files)",
            ", ".join(f"{figure:.2f}" for figure in growth),
            # What runs cost differs by a tenth from one to the next.
            growth[2] <= 1.1 * min(growth),
        ),
    ]


def table(rows: list[tuple[Contestant, Cost]], rounds: int) -> str:
    """What was measured, and what it says of the targets, in Markdown."""
    base = rows[0][1].cpu / rows[0][0].lines
    versions = [f"{name} {importlib.metadata.version(name)}" for name in ("modelwright", "diffusers", "transformers")]
    machine = f"Python {platform.python_version()} on {platform.system()} {platform.machine()}, {os.cpu_count()} cores"
    lines = [
        "# How fast the linter reads",
        "",
        f"{', '.join([*versions, *OTHERS])}; {machine}. CPU seconds, user and system, of the whole command with its",
        f"children, the least of {rounds} run{'s' * (rounds > 1)} in turns with all others;",
        "Fixit and TorchFix ran once, on a sample: every 40th file. All our rules run, whatever is selected.",
        "Memory is the most that one process held. A half and a quarter are every second and every fourth file: what",
        "the others define is missing there, which rules look for and tell of.",
        "Repeat with `make bench`.",
        "",
        "| command | files | lines | CPU seconds | lines per second | CPU per line, ast.parse = 1 | MiB |",
        "| --- | ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    for contestant, cost in rows:
        each = cost.cpu / contestant.lines
        lines.append(
            f"| {contestant.name} | {len(contestant.files):,} | {contestant.lines:,} | {cost.cpu:.2f}"
            f" | {1 / each:,.0f} | {each / base:.2f} | {cost.mebibytes:,.0f} |"
        )
    lines += ["", "| target | measured | holds |", "| --- | ---: | --- |"]
    lines += [f"| {item.claim} | {item.measured} | {'yes' if item.holds else '**no**'} |" for item in targets(rows)]
    return "\n".join(lines) + "\n"


def main() -> None:
    """Measures, prints and writes the table."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=3, help="runs of each quick command (default: 3)")
    parser.add_argument("--tools", type=Path, default=HERE.parent / "build" / "other-linters", help="where they lie")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        running = contestants(other_linters(arguments.tools), Path(folder))
        least: dict[str, Cost] = {}
        for number in range(arguments.rounds):
            for contestant in running:
                if number < contestant.rounds:
                    cost = contestant.run()
                    print(f"round {number + 1}: {contestant.name}: {cost.cpu:.2f} s", file=sys.stderr)
                    kept = least.get(contestant.name, cost)
                    least[contestant.name] = min(kept, cost, key=lambda cost: cost.cpu)
        text = table([(contestant, least[contestant.name]) for contestant in running], arguments.rounds)
    (HERE / "lint.md").write_text(text, encoding="utf-8")
    print(text)


if __name__ == "__main__":
    main()
