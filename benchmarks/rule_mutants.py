"""Whether the tests of the rules notice a rule that is hollowed out.

`python benchmarks/rule_mutants.py` changes the code of every rule in one place after the other: a condition is negated
or loses a part, a comparison turns round, a guard or a `yield` goes, a constant changes, a literal loses an element.
Each such mutant must fail a test. The rule's examples and cases are tried first, in this process; what survives meets
the installed diffusers, whose errors are known one by one, and then the tests that name the rule.
`benchmarks/rule_mutants.md` has the result; `rule_mutants.toml` says of survivors why they change nothing.

The tools on PyPI start pytest, or a process, for each mutant: an hour for what takes minutes here.
"""

from __future__ import annotations

import argparse
import ast
import os
import re
import runpy
import signal
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib import import_module
from importlib.util import find_spec
from itertools import starmap
from pathlib import Path
from types import FrameType, FunctionType, ModuleType
from typing import Any

import pytest
from mutants import Mutant, mutants_of

import linter.engine
from linter.cache import MemoryCache
from linter.config import Config
from linter.documentation import example_files, marked_lines
from linter.files import Files
from linter.findings import Finding, Severity
from linter.fixing import fix
from linter.project import Module, Project
from linter.rules import FAMILIES, Rule, all_rules, rules_by_code


if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib


HERE = Path(__file__).resolve().parent
TESTS = HERE.parent / "tests" / "linter"
MARKS = re.compile(r"[ \t]*#!((?: [A-Z]{3}\d{3})+)$", re.MULTILINE)
"""Ends the lines of a case that some rules must name."""
TOO_LONG = 10.0
"""CPU seconds after which a mutant counts as caught in a loop."""


@dataclass
class Tally:
    """What became of the mutants of one module."""

    name: str
    mutants: int = 0
    survivors: list[Mutant] = field(default_factory=list)


class TooLong(BaseException):
    """A mutant runs in a loop. Not an `Exception`, so that nothing in the linter takes it for a rule's own."""


@contextmanager
def limited(seconds: float) -> Iterator[None]:
    """Raises `TooLong` in what takes longer."""

    def stop(number: int, frame: FrameType | None) -> None:
        raise TooLong

    previous = signal.signal(signal.SIGVTALRM, stop)
    signal.setitimer(signal.ITIMER_VIRTUAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGVTALRM, previous)


class FactsOnly(MemoryCache):
    """Keeps what files declare, which no mutant changes, and nothing that a rule said of them."""

    def keep_checked(self, checked: Mapping[str, Any]) -> None:
        """Forgets it."""


@dataclass(frozen=True)
class Example:
    """Files on the disk and the lines where some rules must find something."""

    codes: frozenset[str]
    root: Path
    files: tuple[Path, ...]
    expected: frozenset[tuple[str, str, int]]
    """Code, path and line."""
    is_mended: bool
    """Whether the fix of every finding must leave nothing."""
    after: Mapping[Path, str] | None = None
    """What the fixes make of the files; None where nobody says."""
    messages: tuple[str, ...] | None = None
    """What the findings say, in the order of their places, behind any severity that is not the rule's own; None where
    nobody says.
    """


def examples_of(rules: Sequence[type[Rule]], folder: Path) -> list[Example]:
    """The two examples of each of some rules and the cases of their family, written below a folder."""
    found = []
    for rule in rules:
        for kind, example in (("bad", rule.bad), ("good", rule.good)):
            marked = {name: marked_lines(text) for name, text in example_files(example).items()}
            root = folder / f"{rule.code}_{kind}"
            files = _written({name: text for name, (text, _) in marked.items()}, root)
            lines = [(rule.code, name, line) for name, (_, lines) in marked.items() for line in lines]
            expected = frozenset(lines if kind == "bad" else ())
            is_mended = kind == "bad" and rule.fixes is not None
            found.append(Example(frozenset({rule.code}), root, files, expected, is_mended))
    codes = frozenset(rule.code for rule in rules)
    for path in sorted((TESTS / "cases" / FAMILIES[rules[0].family()]).glob("*.py")):
        module = runpy.run_path(str(path))
        for number, (code, before, after) in enumerate(module.get("FIXES", {}).values()):
            wanted = frozenset(code.split(","))
            if wanted & codes:
                texts, root = example_files(before), folder / f"{path.parent.name}_{path.stem}_fix_{number}"
                files = _written(texts, root)
                mended = {**texts, **(example_files(after) if after is not None else {})}
                after = {root / name: text for name, text in mended.items()}
                found.append(Example(wanted, root, files, frozenset(), False, after))
        for number, (code, texts, messages) in enumerate(module.get("MESSAGES", {}).values()):
            if code in codes:
                root = folder / f"{path.parent.name}_{path.stem}_message_{number}"
                files = _written(example_files(texts), root)
                found.append(Example(frozenset({code}), root, files, frozenset(), False, messages=tuple(messages)))
        for number, case in enumerate(module.get("CASES", {}).values()):
            texts, root = example_files(case), folder / f"{path.parent.name}_{path.stem}_{number}"
            files = _written({name: MARKS.sub("", text) for name, text in texts.items()}, root)
            places = frozenset(
                (code, name, line)
                for name, text in texts.items()
                for line, content in enumerate(text.split("\n"), start=1)
                if (marks := MARKS.search(content))
                for code in codes.intersection(marks[1].split())
            )
            found.append(Example(codes, root, files, places, is_mended=False))
    return found


def _written(texts: Mapping[str, str], root: Path) -> tuple[Path, ...]:
    for name, text in texts.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text, encoding="utf-8")
    return tuple(sorted(root / name for name in texts))


def notices(example: Example, cache: FactsOnly) -> bool:
    """Whether an example is not what its rule, as it is now, makes of it."""
    codes = example.codes | {"LNT001", "LNT005"}
    if any(code.startswith("LNT") for code in example.codes):
        codes |= frozenset(rules_by_code())
    config = Config(example.root, codes, codes, (), (), example.root, None)
    try:
        with limited(TOO_LONG):
            if example.after is not None:
                contents = fix(example.files, config, cache, unsafe=True).contents
                return any(
                    contents[path].decode() != text if path in contents else path.read_text("utf-8") != text
                    for path, text in example.after.items()
                )
            report = linter.engine.check(example.files, config, cache)
            found = [finding for finding in report.findings if finding.code in example.codes]
            if example.messages is not None:
                return tuple(map(_said, found)) != example.messages
            places = {
                (item.code, Path(item.path).relative_to(example.root).as_posix(), item.span.line) for item in found
            }
            if places != example.expected or any(found.count(finding) > 1 for finding in found):
                return True
            if example.is_mended:
                mended = fix(example.files, config, cache, unsafe=True)
                left = [finding for finding in mended.report.findings if finding.code in example.codes]
                return bool(left) or not mended.contents or any(finding.fix is None for finding in found)
    except (Exception, TooLong):
        return True
    return False


def _said(finding: Finding) -> str:
    usual = rules_by_code()[finding.code].severity
    return finding.message if finding.severity is usual else f"{finding.severity.value}: {finding.message}"


@contextmanager
def running(module: ModuleType, code: Any) -> Iterator[None]:
    """The module is made anew from other code, and whoever has taken a name from it has the new one."""
    before = dict(vars(module))
    undo: list[tuple[dict[str, Any], str, Any]] = []
    exec(code, vars(module))
    new = {name: value for name, value in vars(module).items() if name in before and before[name] is not value}
    for other in [item for name, item in sys.modules.items() if name.startswith("linter.") and item is not module]:
        space = vars(other)
        for name, value in new.items():
            if not name.startswith("__") and space.get(name) is before[name]:
                undo.append((space, name, before[name]))
                space[name] = value
    # A class of another module that inherits one of these has the one before among its bases.
    methods = [
        (before[name], attribute, vars(before[name])[attribute])
        for name, cls in new.items()
        if isinstance(cls, type)
        for attribute, value in vars(cls).items()
        if isinstance(value, FunctionType) and attribute in vars(before[name])
    ]
    for cls, attribute, _ in methods:
        setattr(cls, attribute, vars(new[cls.__name__])[attribute])
    _forget_rules()
    try:
        yield
    finally:
        for cls, attribute, method in methods:
            setattr(cls, attribute, method)
        for space, name, value in undo:
            space[name] = value
        vars(module).clear()
        vars(module).update(before)
        _forget_rules()


def _forget_rules() -> None:
    all_rules.cache_clear()
    rules_by_code.cache_clear()
    linter.engine._rules_for.cache_clear()


@contextmanager
def only(codes: Sequence[str]) -> Iterator[None]:
    """The engine runs these rules and no others."""
    engine: Any = linter.engine
    original: Callable[[], tuple[type[Rule], ...]] = engine.all_rules
    engine.all_rules = lambda: tuple(rule for rule in original() if rule.code in codes or "LNT" in codes[0])
    _forget_rules()
    try:
        yield
    finally:
        engine.all_rules = original
        _forget_rules()


class Library:
    """The installed diffusers: every file's facts, and the errors that the rules find as they are."""

    def __init__(self) -> None:
        spec = find_spec("diffusers")
        if spec is None or spec.origin is None:
            sys.exit("diffusers is not installed here; run `make setup` and start this with .venv/bin/python.")
        project = Project(Files(FactsOnly(), {}))
        paths = sorted(Path(spec.origin).parent.rglob("*.py"))
        self._modules = [module for path in paths if (module := project.module_at(path)) is not None]
        self._found: dict[tuple[str, ...], list[Any]] = {}

    def learn(self, codes: Sequence[str]) -> None:
        """Notes what some rules find."""
        self._found[tuple(codes)] = [_errors(module) for module in self._modules]

    def notices(self, codes: Sequence[str]) -> bool:
        """Whether the rules, as they are now, find other errors."""
        try:
            with limited(TOO_LONG):
                known = zip(self._modules, self._found[tuple(codes)], strict=True)
                return any(_errors(module) != errors for module, errors in known)
        except (Exception, TooLong):
            return True


def _errors(module: Module) -> list[tuple[str, int, str]]:
    found = linter.engine._run_rules(module)
    return sorted((item.code, item.span.line, item.message) for item in found if item.severity is Severity.ERROR)


def tests_naming(codes: Sequence[str]) -> list[str]:
    """The tests of the linter that name one of the rules, as pytest knows them."""
    found = []
    for path in sorted(TESTS.glob("test_*.py")):
        text = path.read_text(encoding="utf-8")
        for node in ast.parse(text).body:
            if not isinstance(node, ast.FunctionDef) or not node.name.startswith("test_"):
                continue
            first = min([node.lineno, *(decorator.lineno for decorator in node.decorator_list)])
            source = "\n".join(text.split("\n")[first - 1 : node.end_lineno])
            # The whole library is read there: too slow to be asked of each mutant.
            if any(code in source for code in codes) and "diffusers_copy" not in source and "installed_" not in source:
                found.append(f"{path}::{node.name}")
    return found


def fails(tests: Sequence[str]) -> bool:
    """Whether one of the tests fails in a process that begins as this one is now."""
    child = os.fork()
    if child == 0:
        sink = os.open(os.devnull, os.O_WRONLY)
        os.dup2(sink, 1)
        os.dup2(sink, 2)
        code = int(pytest.main(["-x", "-q", "-p", "no:cacheprovider", "-p", "no:xdist", *tests]))
        os._exit(0 if code in (0, 5) else 1)
    end = time.monotonic() + 600
    while time.monotonic() < end:
        done, status = os.waitpid(child, os.WNOHANG)
        if done:
            return status != 0
        time.sleep(0.01)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return True


def try_module(name: str, codes: Sequence[str], folder: Path, library: Library | None) -> Tally:
    """Makes the mutants of one module and tries each: without a library, on examples and cases alone."""
    module = import_module(name)
    source = Path(str(module.__file__)).read_text(encoding="utf-8")
    tree = ast.parse(source)
    cache = FactsOnly()
    tally = Tally(name.removeprefix("linter.").removeprefix("rules."))
    rules = [rule for rule in all_rules() if rule.code in codes]
    examples = examples_of(rules, folder)
    with only(codes):
        for example in examples:
            if notices(example, cache):
                print(f"{example.root.name}: an example or a case is not found as it says", file=sys.stderr)
                return tally
        # What a package's rules share is kept with the library's modules, and would be taken for what a mutant says.
        reading = None if hasattr(module, "__path__") else library
        if reading is not None:
            reading.learn(codes)
    tests = tests_naming(codes) if library is not None else []
    for mutant in mutants_of(tree):
        tally.mutants += 1
        with mutant.applied():
            code = compile(ast.fix_missing_locations(tree), str(module.__file__), "exec")
        try:
            with running(module, code):
                with only(codes):
                    # What has caught one mutant catches its neighbours too.
                    catching = next((example for example in examples if notices(example, cache)), None)
                    if catching is not None:
                        examples.remove(catching)
                        examples.insert(0, catching)
                    caught = catching is not None
                    caught = caught or (reading is not None and reading.notices(codes))
                if not caught and not (tests and fails(tests)):
                    tally.survivors.append(mutant)
        except Exception:
            # The module does not even load.
            continue
    return tally


def modules(wanted: Sequence[str]) -> Iterator[tuple[str, list[str]]]:
    """The modules of rules, with the codes of the rules that each is for: its own, or for a package all below it."""
    by_module: dict[str, list[str]] = defaultdict(list)
    # Rules about packs are none of the engine's; the faults that tests plant in the pack try them.
    rules = [rule for rule in all_rules() if rule.profiles]
    for rule in rules:
        if not wanted or rule.code in wanted or rule.family() in wanted:
            by_module[rule.__module__].append(rule.code)
    for family, package in FAMILIES.items():
        below = [rule.code for rule in rules if rule.family() == family]
        if below and (not wanted or family in wanted):
            by_module[f"linter.rules.{package}"] = below
            if family == "LNT":
                # These rules document what is found where suppressions are applied.
                by_module["linter.suppressing"] = below
    yield from sorted(by_module.items(), key=lambda item: (item[1][0], len(item[1])))


def known_survivors() -> dict[str, dict[str, str]]:
    """Why a survivor changes nothing that anyone could see, by module and change."""
    path = HERE / "rule_mutants.toml"
    document: dict[str, dict[str, str]] = tomllib.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    return document


def report(tallies: Sequence[Tally], quick: bool) -> str:
    """The result in Markdown."""
    known = known_survivors()
    mutants = sum(tally.mutants for tally in tallies)
    survivors = sum(len(tally.survivors) for tally in tallies)
    judged = sum(mutant.change in known.get(tally.name, {}) for tally in tallies for mutant in tally.survivors)
    repeat = "`python benchmarks/rule_mutants.py --quick`" if quick else "`make mutants`"
    lines = [
        "# Whether the tests notice a rule that is hollowed out",
        "",
        f"{mutants} mutants, {mutants - survivors} killed ({(mutants - survivors) / max(mutants, 1):.1%}); of the "
        f"{survivors} survivors {judged} are judged equivalent. Repeat with {repeat}.",
        "",
        "Tried on the rules' examples and cases alone: the other tests of the linter, and what is known of diffusers, "
        "were not asked and kill more."
        if quick
        else "Tried on the rules' examples and cases, on diffusers, and on the tests that name the rule.",
        "",
        "| module | mutants | killed | survivors | judged equivalent |",
        "| --- | ---: | ---: | ---: | ---: |",
    ]
    for tally in tallies:
        equivalent = sum(mutant.change in known.get(tally.name, {}) for mutant in tally.survivors)
        left = len(tally.survivors)
        lines.append(f"| {tally.name} | {tally.mutants} | {tally.mutants - left} | {left} | {equivalent} |")
    lines += ["", "## Survivors"]
    for tally in tallies:
        if tally.survivors:
            lines += ["", f"### {tally.name}", ""]
            for mutant in tally.survivors:
                reason = known.get(tally.name, {}).get(mutant.change, "not judged")
                lines.append(f"- {mutant.change}: {reason}")
    return "\n".join(lines) + "\n"


def main() -> None:
    """Tries all mutants, or those of some rules, and writes or prints the result."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("rules", nargs="*", help="codes or families (default: all, and the result is written)")
    parser.add_argument("--quick", action="store_true", help="try the examples and the cases alone")
    arguments = parser.parse_args()
    tallies = []
    library = None if arguments.quick else Library()
    with tempfile.TemporaryDirectory() as folder, ProcessPoolExecutor() as pool:
        items = [(name, codes, Path(folder) / name, library) for name, codes in modules(arguments.rules)]
        # What is known of diffusers is too large to be handed to other processes.
        tried = pool.map(try_module, *zip(*items, strict=True)) if library is None else starmap(try_module, items)
        for tally in tried:
            if tally.mutants:
                tallies.append(tally)
            print(f"{tally.name}: {tally.mutants - len(tally.survivors)} of {tally.mutants}", file=sys.stderr)
            if not arguments.rules:
                # It takes long: what is known so far is kept.
                (HERE / "rule_mutants.md").write_text(report(tallies, arguments.quick), encoding="utf-8")
    print(report(tallies, arguments.quick))


if __name__ == "__main__":
    main()
