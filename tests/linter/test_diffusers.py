"""The installed diffusers: a person has judged each error that is found in it, no copy is out of line, and what is
called stale cannot be imported.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from linter.cache import DiskCache, MemoryCache
from linter.config import Config
from linter.discovery import discover
from linter.engine import check
from linter.files import Files
from linter.metadata.wiring import Status, capability_codes, capability_rows
from linter.project import Project
from linter.project.lazy_packages import lazy


EXEMPLARS = re.compile(
    r"models/transformers/transformer_(flux|flux2|wan|qwenimage|sd3|z_image|ltx2)\.py"
    r"|(pipelines|modular_pipelines)/(flux|flux2|wan|qwenimage|stable_diffusion_3|z_image|ltx2)/.*"
)
VERDICTS = Path(__file__).parent / "verdicts" / "diffusers-0.42.1.yaml"


@dataclass(frozen=True)
class Verdict:
    """What a person says of some findings: whether they are right, why, and how many stand at which definitions."""

    code: str
    verdict: str
    why: str
    places: Counter[tuple[str, str, str]]


def read_verdicts(path: Path) -> list[Verdict]:
    """The verdicts of a file; each place as code, path and symbol, with an empty symbol for the file itself."""
    return [
        Verdict(
            entry["code"],
            entry["verdict"],
            entry["why"],
            Counter(
                {
                    (entry["code"], name, "" if symbol == "module" else symbol): count
                    for name, symbols in entry["where"].items()
                    for symbol, count in symbols.items()
                }
            ),
        )
        for entry in YAML(typ="safe").load(path)["verdicts"]
    ]


@pytest.fixture(scope="module")
def verdicts() -> list[Verdict]:
    return read_verdicts(VERDICTS)


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


def run(*arguments: str | Path, cwd: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "linter", "check", "--output-format", "json", *map(str, arguments)]
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True)


@pytest.fixture(scope="module")
def first(installed_diffusers: Path, cache: Path) -> str:
    """What the first run says, on every file of the package."""
    result = run("--cache-dir", cache, "diffusers", cwd=installed_diffusers.parent)
    assert (result.returncode, result.stderr) == (1, "")
    return result.stdout


@pytest.fixture(scope="module")
def findings(first: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(first)["findings"]
    return found


def test_every_file_is_read(first: str, findings: list[dict[str, Any]], installed_diffusers: Path) -> None:
    files = [path for path in installed_diffusers.rglob("*.py") if "__pycache__" not in path.parts]
    assert json.loads(first)["summary"]["files"] == len(files) > 1000
    assert [item for item in findings if item["code"] in ("LNT001", "LNT005")] == []


def test_no_copy_is_out_of_line_and_no_source_is_missing(findings: list[dict[str, Any]]) -> None:
    assert [item for item in findings if item["code"] in ("CPY001", "CPY002")] == []


def test_each_error_has_a_verdict_and_each_verdict_its_errors(
    findings: list[dict[str, Any]], verdicts: list[Verdict]
) -> None:
    found = Counter(
        (item["code"], item["path"].removeprefix("diffusers/"), item["symbol"])
        for item in findings
        if item["severity"] == "error"
    )
    judged = sum((verdict.places for verdict in verdicts), Counter[tuple[str, str, str]]())
    assert found - judged == Counter(), "found, and nobody has looked at it"
    assert judged - found == Counter(), "judged, and no longer found"


def test_each_verdict_is_one_of_three_and_says_why(verdicts: list[Verdict]) -> None:
    for verdict in verdicts:
        assert verdict.verdict in ("true", "debt", "exception")
        assert verdict.why.endswith(".")
        assert verdict.places
        assert min(verdict.places.values()) > 0
    places = [place for verdict in verdicts for place in verdict.places]
    assert len(places) == len(set(places))


def test_what_is_said_of_the_exemplar_files_is_right(verdicts: list[Verdict]) -> None:
    said = {verdict.verdict for verdict in verdicts for _, name, _ in verdict.places if EXEMPLARS.fullmatch(name)}
    assert said <= {"true", "debt"}


def test_each_exemplar_is_there(installed_diffusers: Path) -> None:
    names = [path.relative_to(installed_diffusers).as_posix() for path in installed_diffusers.rglob("*.py")]
    families = {
        (match[2] and match[2], match[3] or match[1]) for name in names if (match := EXEMPLARS.fullmatch(name))
    }
    assert len(families) == 7 * 3


IMPORTED = """
import importlib, json, logging, sys
logging.disable()
from diffusers import utils
found = []
for module, name, backends in json.load(sys.stdin):
    try:
        value = getattr(importlib.import_module(module), name)
    except Exception:
        needed = [getattr(utils, f"is_{backend}_available") for backend in backends]
        found.append("raises" if all(is_available() for is_available in needed) else "no backend")
    else:
        found.append("no backend" if type(value).__name__ == "DummyObject" else "imports")
print(json.dumps(found))
"""


def how_they_import(names: list[tuple[str, str, tuple[str, ...]]]) -> list[str]:
    """What the import system says of names: the module to take each from, itself, and the backends that it needs.

    Where a backend is not installed, a stand-in for a name, or no name at all, tells nothing of the table.
    """
    result = subprocess.run([sys.executable, "-c", IMPORTED], input=json.dumps(names), capture_output=True, text=True)
    answers: list[str] = json.loads(result.stdout.splitlines()[-1])
    return answers


def registered(package: Path) -> Iterator[tuple[str, str, tuple[str, ...]]]:
    """Each name of each lazy table: its package, itself, and the backends that it needs."""
    project = Project(Files(MemoryCache(), {}))
    for path in sorted(package.rglob("__init__.py")):
        module = project.module_at(path)
        table = lazy(module)
        for entry in table.entries if table else ():
            yield table.module.name if table else "", entry.name, entry.backends


def test_what_is_called_stale_and_nothing_else_cannot_be_imported(
    findings: list[dict[str, Any]], installed_diffusers: Path
) -> None:
    stale = [item for item in findings if item["code"] == "REG004"]
    called = {(item["path"].removesuffix("/__init__.py").replace("/", "."), item["symbol"]) for item in stale}
    # Each message names a module: it does not exist, or does not have the name.
    homes = [re.search(r"`(diffusers[\w.]*)`", item["message"]) for item in stale]
    claimed: list[tuple[str, str, tuple[str, ...]]] = [
        (home[1], item["symbol"], ()) for home, item in zip(homes, stale, strict=True) if home
    ]
    names = list(registered(installed_diffusers))
    assert len(names) > 1500
    found = how_they_import([*claimed, *names])
    assert "imports" not in found[: len(stale)]
    assert found[: len(stale)].count("no backend") <= 1
    others = zip(names, found[len(stale) :], strict=True)
    assert {(package, name) for (package, name, _), how in others if how == "raises"} <= called


def test_a_second_run_says_the_same(first: str, cache: Path, installed_diffusers: Path) -> None:
    assert run("--cache-dir", cache, "diffusers", cwd=installed_diffusers.parent).stdout == first


def test_a_changed_file_of_the_library_is_checked_anew(diffusers_copy: Path, cache: Path) -> None:
    family = diffusers_copy / "models/transformers"
    before = run("--cache-dir", cache, family, cwd=diffusers_copy.parent).stdout
    file = family / "transformer_flux2.py"
    text = file.read_text()
    place = "        hidden_states = torch.cat([encoder_hidden_states, hidden_states], dim=1)\n"
    assert place in text
    file.write_text(text.replace(place, place + "        print(hidden_states)\n", 1))
    after = run("--cache-dir", cache, family, cwd=diffusers_copy.parent).stdout
    new = {(item["code"], item["message"]) for item in json.loads(after)["findings"]} - {
        (item["code"], item["message"]) for item in json.loads(before)["findings"]
    }
    assert [code for code, _ in new] == ["FWD002"]
    file.write_text(text)
    assert run("--cache-dir", cache, family, cwd=diffusers_copy.parent).stdout == before


def test_the_table_of_each_model_lacks_what_is_found_there_and_nothing_else(
    findings: list[dict[str, Any]], installed_diffusers: Path, cache: Path
) -> None:
    files = discover([installed_diffusers], (), installed_diffusers)
    codes = capability_codes()
    config = Config(installed_diffusers, codes, codes, (), (), cache, None)
    known = DiskCache(cache)
    found = check(files, config, known).findings
    project = Project(Files(known, {}))
    modules = [module for path in files if (module := project.module_at(path)) is not None]
    models = [cls for module in modules for cls in module.classes.values() if cls.is_model]
    assert len(models) > 150
    said = Counter((item["path"], item["symbol"], item["code"], item["line"]) for item in findings)
    seen: Counter[Status] = Counter()
    for cls in models:
        path = f"diffusers/{cls.module.path.relative_to(installed_diffusers).as_posix()}"
        own = (cls.qualname, *(method.qualname for method in cls.own_methods.values()))
        rows = capability_rows(cls, found)
        seen.update(row.status for row in rows)
        for row in rows:
            lacking = Counter(
                (path, item.symbol, item.code, item.span.line)
                for item in row.findings
                if item.path == str(cls.module.path) and item.symbol in own
            )
            assert lacking <= said, f"{cls.name}: {row.capability.name}"
            assert bool(row.findings) == (row.status in (Status.BROKEN, Status.MISSING))
        listed = {(item.symbol, item.code, item.span.line) for row in rows for item in row.findings}
        at_it = {(symbol, code, line) for place, symbol, code, line in said if place == path and symbol in own}
        assert {item for item in at_it if item[1] in codes} <= listed, cls.name
    assert set(seen) == set(Status)
