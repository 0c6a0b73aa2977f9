"""Damaged inputs: whether the linter says of each what is wrong with it, and does nothing else.

`python benchmarks/damaged.py` damages files of the installed diffusers in their place, lays odd files, projects and
settings beside them, and runs `linter check` in several formats and `linter fix --diff` over them, a batch a process.
A batch fails that crashes, takes too long or too much memory, writes to what it reads, runs any of it, or is silent
about a file that Python cannot parse; halves of it are then run until the input is found. `make damaged` writes the
result to `benchmarks/damaged.md`.
"""

from __future__ import annotations

import argparse
import ast
import ctypes
import gc
import importlib
import importlib.util
import json
import os
import resource
import shutil
import signal
import socket
import struct
import sys
import tempfile
import threading
import time
import traceback
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from random import Random

from click.testing import CliRunner
from damaging import DAMAGES
from oddities import BASELINES, LARGE, PROJECTS, SETTINGS

from linter.cli import main as linter
from linter.report import FORMATS
from linter.rules import all_rules


HERE = Path(__file__).resolve().parent
MEMORY = 3 * 1024**3
"""The address space that a process may have; what it really uses is measured."""
SECONDS = 300
"""The time that a batch may take."""
LARGEST = 40_000
"""Files of diffusers that are larger are damaged less often, so that a batch stays quick."""


@dataclass(frozen=True)
class Input:
    """One damaged thing: what was done, and what lays it into a library and returns the paths to check."""

    kind: str
    lay: Callable[[Path], list[Path]]
    alone: bool = False
    """Whether it is run without others."""


@dataclass
class Outcome:
    """What became of a batch."""

    problem: str = ""
    memory: int = 0
    seconds: float = 0.0


def library() -> Path:
    """The installed diffusers, found without importing it."""
    spec = importlib.util.find_spec("diffusers")
    if spec is None or spec.origin is None:
        sys.exit("diffusers is not installed here; run `make setup` and start this with .venv/bin/python.")
    return Path(spec.origin).parent


def inputs(count: int, seed: int, files: Sequence[Path]) -> Iterator[Input]:
    """The inputs of a seed: one of each odd thing, then damaged files until there are enough."""
    random = Random(seed)
    odd = [*_large(), *_projects(), *_places(), *_settings()]
    yield from odd[:count]
    small = [path for path in files if path.stat().st_size <= LARGEST]
    for _ in range(count - len(odd)):
        damage = random.choice(DAMAGES)
        path, other = random.choice(small if random.random() < 0.95 else files), random.choice(small)
        if random.random() < 0.1:
            path = random.choice([file for file in files if file.name == "__init__.py"])
        own = Random(random.random())
        yield Input(damage.__name__.replace("_", " "), _damaged(damage, own, path, other))


def _damaged(damage: Callable[..., bytes], random: Random, path: Path, other: Path) -> Callable[[Path], list[Path]]:
    state = random.getstate()

    def lay(root: Path) -> list[Path]:
        random.setstate(state)
        target = root / path.relative_to(library().parent)
        # A file that runs says so.
        target.write_bytes(damage(random, path.read_bytes(), other.read_bytes()) + TRAP.encode())
        return [target]

    return lay


TRAP = '\nopen("/proc/self/cwd/it-was-run", "w")\n'


def _written(content: bytes, name: str) -> Callable[[Path], list[Path]]:
    def lay(root: Path) -> list[Path]:
        target = root / "diffusers/models/transformers" / name
        target.write_bytes(content)
        return [target]

    return lay


def _large() -> Iterator[Input]:
    for number, make in enumerate(LARGE):

        def lay(root: Path, make: Callable[[], bytes] = make) -> list[Path]:
            return _written(make(), "transformer_case.py")(root)

        yield Input(f"large {number}", lay, alone=True)


def _projects() -> Iterator[Input]:
    for title, files in PROJECTS.items():

        def lay(root: Path, files: dict[str, str] = dict(files)) -> list[Path]:  # noqa: B006
            for name, text in {"__init__.py": "", **files}.items():
                target = root / "case" / name
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_text(text, encoding="utf-8")
            return [root / "case"]

        yield Input(title, lay, alone=True)


def _places() -> Iterator[Input]:
    def made(make: Callable[[Path], object], name: str = "odd.py") -> Callable[[Path], list[Path]]:
        def lay(root: Path) -> list[Path]:
            folder = root / "places"
            folder.mkdir()
            (folder / "good.py").write_text("x = 1\n")
            make(folder / name)
            return [folder]

        return lay

    def endpoint(path: Path) -> None:
        with socket.socket(socket.AF_UNIX) as server:
            os.chdir(path.parent)
            server.bind(path.name)

    def without_permission(path: Path) -> None:
        path.write_text("x = 1\n")
        path.chmod(0)
        if os.getuid() == 0:
            # Root without capabilities is stopped by permissions like anybody else.
            ctypes.CDLL(None).capset(struct.pack("Ii", 0x20080522, 0), bytes(24))

    def changing(path: Path) -> None:
        """A file that is there, is not, or says something else, many times a second."""

        def change() -> None:
            number = 0
            while path.parent.exists():
                number += 1
                temporary = path.with_suffix(".new")
                temporary.write_text(f"x = {number}\n" * (number % 50) + "(" * (number % 3))
                (os.unlink if number % 7 == 0 and path.exists() else temporary.replace)(path)
                time.sleep(0.0005)

        threading.Thread(target=change, daemon=True).start()

    for title, make, name in (
        ("a link to itself", lambda path: path.symlink_to(path), "odd.py"),
        ("a link to nothing", lambda path: path.symlink_to("nothing"), "odd.py"),
        ("a link to the folder above", lambda path: path.symlink_to(".."), "odd"),
        ("a link to its folder with the name of a file", lambda path: path.symlink_to("."), "odd.py"),
        ("a pipe", os.mkfifo, "odd.py"),
        (
            "a link to a pipe that nobody writes",
            lambda path: (os.mkfifo(f"{path}.pipe"), path.symlink_to(f"{path}.pipe")),
            "odd.py",
        ),
        ("a socket", endpoint, "odd.py"),
        ("a device without end", lambda path: path.symlink_to("/dev/zero"), "odd.py"),
        ("a terminal", lambda path: path.symlink_to("/dev/tty"), "odd.py"),
        ("a file that cannot be read", lambda path: path.symlink_to("/proc/self/mem"), "odd.py"),
        ("a file that is read for ever", lambda path: path.symlink_to("/proc/kmsg"), "odd.py"),
        ("a file of no size with content", lambda path: path.symlink_to("/proc/self/status"), "odd.py"),
        ("a file without permission", without_permission, "odd.py"),
        ("a file that changes while it is read", changing, "odd.py"),
        ("a folder with the name of a file", lambda path: (path / "x.py").mkdir(parents=True), "odd.py"),
        ("a file name that is not UTF-8", lambda path: path.write_text("f(:\n"), "odd\udce9.py"),
        ("a file name as long as can be", lambda path: path.write_text("f(:\n"), "a" * 252 + ".py"),
        ("a file name with a line end", lambda path: path.write_text("f(:\n"), "a\nb\x1b[31m\x07.py"),
        ("a file name that looks like an option", lambda path: path.write_text("f(:\n"), "--fix.py"),
        ("a file name of nothing but its suffix", lambda path: path.write_text("f(:\n"), ".py"),
        ("a module name that is no identifier", lambda path: path.write_text("f(:\n"), "a.b-c d.py"),
        ("folders as deep as can be", lambda path: os.makedirs(path.parent / "/".join(["deep"] * 400)), "odd.py"),
        ("a package whose __init__ is a folder", lambda path: path.mkdir(), "__init__.py"),
        ("a package whose __init__ is a pipe", os.mkfifo, "__init__.py"),
        (
            "modules named as Python's own",
            lambda path: [(path.parent / f"{shadow}.py").write_text(TRAP) for shadow in SHADOWS],
            "x",
        ),
    ):
        yield Input(title, made(make, name), alone=True)


SHADOWS = (
    "ast",
    "click",
    "conftest",
    "json",
    "libcst",
    "linter",
    "msgspec",
    "setup",
    "sitecustomize",
    "tokenize",
    "usercustomize",
)


def _settings() -> Iterator[Input]:
    def beside(name: str, content: bytes, text: bytes = b"import einops\n") -> Callable[[Path], list[Path]]:
        def lay(root: Path) -> list[Path]:
            folder = root / "settings"
            folder.mkdir()
            os.chdir(folder)
            (folder / "one.py").write_bytes(text)
            (folder / "pyproject.toml").write_bytes(b"[tool.linter]\nbaseline = 'baseline.json'\n")
            target = folder / name
            target.parent.mkdir(exist_ok=True)
            target.write_bytes(content)
            return [folder]

        return lay

    for number, content in enumerate(SETTINGS):
        yield Input(f"settings {number}", beside("pyproject.toml", content), alone=True)
    for number, content in enumerate(BASELINES):
        yield Input(f"baseline {number}", beside("baseline.json", content), alone=True)


def run(root: Path, batch: Sequence[Input], cache: Path) -> None:
    """Lays a batch and runs the linter over it, in the process that it is called in.

    Raises:
        AssertionError: something is not as it should be.
    """
    os.chdir(root)
    paths = sorted({path for item in batch for path in item.lay(root)})
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    changing = any(item.kind == "a file that changes while it is read" for item in batch)
    before = {} if changing else pictured(paths)
    named, stored = [str(path) for path in paths], ("--cache-dir", str(cache))
    report = invoke("check", "--select", "ALL", "--output-format", "json", *stored, *named)
    if report is not None and not changing:
        compare(paths, json.loads(report)["findings"])
    # They say the same of the same findings: over a few batches each has its turn.
    for output_format in Random(batch[0].kind).sample(FORMATS, 1):
        invoke("check", "--select", "ALL", "--output-format", output_format, *stored, *named)
    invoke("fix", "--diff", "--unsafe-fixes", "--select", "ALL", *stored, *named)
    for path in [path for path in paths if path.is_file()][:2]:
        text = path.read_bytes() if path.stat().st_size < 3_000_000 else b""
        invoke("check", "--no-cache", "--stdin-filename", str(path), "-", text=text)
    assert changing or pictured(paths) == before, "what was only read has changed"
    for folder in {root, Path.cwd()}:
        assert not (folder / "it-was-run").exists(), "the code of an input was run"


def invoke(*arguments: str, text: bytes = b"") -> str | None:
    """What a command writes; None where it says that it cannot be carried out."""
    result = CliRunner().invoke(linter, arguments, input=text)
    # The command leaves that to the end of its process, which here is not near.
    gc.collect()
    words = " ".join(arguments[:6])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise AssertionError(f"{words}: " + "".join(traceback.format_exception(result.exception)))
    assert result.exit_code in (0, 1, 2), f"{words}: ended with {result.exit_code}"
    assert "own rule" not in result.stderr, f"{words}: {result.stderr}"
    if result.stderr:
        assert result.exit_code == 2, f"{words}: {result.stderr}"
        *_, message = result.stderr.strip().split("\nError: ")
        assert "Traceback" not in message, f"{words}: {message}"
        return None
    return result.stdout


def pictured(paths: Sequence[Path]) -> dict[str, bytes]:
    """The content of the regular files at or below paths."""
    files = [file for path in paths for file in (path.rglob("*") if path.is_dir() else [path])]
    own = [file for file in files if not file.is_symlink() and file.is_file() and ".linter_cache" not in file.parts]
    return {str(file): file.read_bytes() for file in own if os.access(file, os.R_OK)}


def compare(paths: Sequence[Path], findings: Sequence[dict[str, object]]) -> None:
    """What Python's own parser says of each file, and what the report says."""
    said = {str(item["path"]): str(item["code"]) for item in findings if item["code"] in ("LNT001", "LNT005")}
    for name, content in pictured(paths).items():
        if not name.endswith(".py"):
            continue
        relative = os.path.relpath(name)
        code = said.get(relative) or said.get(Path(name).as_posix())
        if len(content) < 1_000_000 and not parses(content):
            assert code, f"{relative}: nothing is said of a file that Python cannot parse"
        elif code == "LNT001":
            assert not parses(content), f"{relative}: Python parses what is said to be no Python"


def parses(content: bytes) -> bool:
    """Whether Python makes a syntax tree of a file's bytes."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            ast.parse(content)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    return True


@contextmanager
def watched(log: Path) -> Iterator[None]:
    """What the block raises is written to a file and ends the process."""
    signal.alarm(SECONDS)
    try:
        yield
    except BaseException:
        log.write_text(traceback.format_exc(), encoding="utf-8", errors="backslashreplace")
        os._exit(1)
    os._exit(0)


def outcome_of(root: Path, batch: Sequence[Input], cache: Path) -> Outcome:
    """Runs a batch in a process of its own, and puts the library back in order."""
    log = root.parent / "log"
    log.unlink(missing_ok=True)
    begun = time.monotonic()
    child = os.fork()
    if child == 0:
        with watched(log):
            os.setsid()
            run(root, batch, cache)
    _, status, usage = os.wait4(child, 0)
    with suppress(ProcessLookupError):
        os.killpg(child, signal.SIGKILL)
    restore(root)
    code = os.waitstatus_to_exitcode(status)
    problem = ""
    if code == 1:
        problem = log.read_text(encoding="utf-8")
    elif code:
        problem = "took too long" if code == -signal.SIGALRM else f"ended by {signal.Signals(-code).name}"
    return Outcome(problem, usage.ru_maxrss * 1024, time.monotonic() - begun)


def culprits(root: Path, batch: Sequence[Input], cache: Path, outcome: Outcome) -> list[tuple[Input, Outcome]]:
    """The inputs for which a batch failed; its first one stands for a batch that only fails as a whole."""
    if len(batch) == 1:
        return [(batch[0], outcome)]
    middle = len(batch) // 2
    found = []
    for half in (batch[:middle], batch[middle:]):
        again = outcome_of(root, half, cache)
        found += culprits(root, half, cache, again) if again.problem else []
    return found or [(batch[0], outcome)]


def restore(root: Path) -> None:
    """Makes the library as it is installed again."""
    origin = library()
    for folder in ("case", "places", "settings"):
        if (root / folder).exists():
            shutil.rmtree(root / folder)
    for name in ("it-was-run",):
        (root / name).unlink(missing_ok=True)
    for path in (root / "diffusers").rglob("*.py"):
        source = origin / path.relative_to(root / "diffusers")
        if not source.exists():
            path.unlink()
        elif path.stat().st_mtime_ns != source.stat().st_mtime_ns:
            shutil.copy2(source, path)


def batches(items: Sequence[Input], size: int) -> Iterator[list[Input]]:
    """Inputs in batches; what needs the process for itself stands alone."""
    together = [item for item in items if not item.alone]
    for start in range(0, len(together), size):
        yield together[start : start + size]
    yield from ([item] for item in items if item.alone)


def main() -> None:
    """Runs, prints what fails and writes the result."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--inputs", type=int, default=10_000, help="how many (default: 10000)")
    parser.add_argument("--seed", type=int, default=1, help="of the random numbers (default: 1)")
    parser.add_argument("--batch", type=int, default=100, help="inputs in one run of the linter (default: 100)")
    parser.add_argument("--only", default="", help="only inputs whose kind contains this")
    parser.add_argument("--result", type=Path, help="where the result is written")
    arguments = parser.parse_args()
    # Loaded once here, not once in each process.
    for name in ("libcst", *(f"linter.report.{name.replace('-', '_')}_format" for name in FORMATS)):
        importlib.import_module(name)
    all_rules()
    gc.freeze()
    origin = library()
    files = sorted(path for path in origin.rglob("*.py"))
    items = [item for item in inputs(arguments.inputs, arguments.seed, files) if arguments.only in item.kind]
    failures: list[tuple[Input, Outcome]] = []
    most = slowest = 0.0
    begun = time.monotonic()
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as scratch:
        root, cache = Path(scratch, "library"), Path(scratch, "cache")
        shutil.copytree(origin, root / "diffusers", ignore=shutil.ignore_patterns("__pycache__", "*.pyc"))
        (root / "pyproject.toml").write_text("")
        done = 0
        for batch in batches(items, arguments.batch):
            outcome = outcome_of(root, batch, cache)
            done += len(batch)
            most, slowest = max(most, outcome.memory), max(slowest, outcome.seconds)
            kind = batch[0].kind if len(batch) == 1 else f"{len(batch)} files"
            print(
                f"{done:>6} {kind}: {outcome.seconds:.1f} s, {outcome.memory >> 20} MiB", file=sys.stderr, flush=True
            )
            if outcome.problem:
                found = culprits(root, batch, cache, outcome)
                failures += found
                for item, result in found:
                    print(f"FAILED {item.kind}: {result.problem[-1500:]}", file=sys.stderr, flush=True)
    text = (
        f"{len(items):,} inputs, seed {arguments.seed}: {len(failures)} failed. At most {int(most) >> 20} MiB"
        f" of memory and {slowest:.0f} s for {arguments.batch} at once; {time.monotonic() - begun:.0f} s in all."
    )
    print(text)
    if arguments.result:
        arguments.result.write_text(f"# Damaged inputs\n\n{text}\n", encoding="utf-8")
    sys.exit(bool(failures))


if __name__ == "__main__":
    main()
