"""The installed diffusers: no copy is out of line, what is called stale cannot be imported, and nothing false is said
of the exemplar files.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from linter.cache import MemoryCache
from linter.files import Files
from linter.project import Project
from linter.project.lazy_packages import lazy


EXEMPLARS = re.compile(
    r"models/transformers/transformer_(flux|flux2|wan|qwenimage|sd3|z_image|ltx2)\.py"
    r"|(pipelines|modular_pipelines)/(flux|flux2|wan|qwenimage|stable_diffusion_3|z_image|ltx2)/.*"
)
TRUE_OF_EXEMPLARS = {
    # The processor of IP-adapters takes masks for its callers' sake and lets every image token see every adapter.
    ("ATT008", "models/transformers/transformer_flux.py", "FluxIPAdapterAttnProcessor.__call__"): 1,
    # The helper of the key/value cache is not given the processor's parallel configuration: each rank would attend to
    # its own part of the sequence, in silence.
    ("ATT005", "models/transformers/transformer_flux2.py", "_flux2_kv_causal_attention"): 4,
    # Models with attention layers of the current design, on which `set_attn_processor` and QKV fusion do not exist.
    ("ATT016", "pipelines/ltx2/connectors.py", "LTX2TextConnectors"): 1,
    ("ATT016", "pipelines/ltx2/duration_head.py", "LTX2DurationHead"): 1,
    # Names of classes that were never merged; importing them raises.
    ("REG004", "pipelines/qwenimage/__init__.py", "QwenImagePriorReduxPipelineOutput"): 1,
    ("REG004", "pipelines/qwenimage/__init__.py", "ReduxImageEncoder"): 1,
    ("REG002", "pipelines/qwenimage/__init__.py", "ReduxImageEncoder"): 1,
}
"""Each error in the exemplar files, looked at and found to be one."""

STALE = {
    ("diffusers", "OnnxStableDiffusionInpaintPipelineLegacy"),
    ("diffusers.pipelines.cogview3", "CogView3PlusPipelineOutput"),
    ("diffusers.pipelines.cogview4", "CogView4PlusPipelineOutput"),
    ("diffusers.pipelines.deprecated.spectrogram_diffusion", "SpectrogramContEncoder"),
    ("diffusers.pipelines.deprecated.stable_diffusion_safe", "StableDiffusionSafetyChecker"),
    ("diffusers.pipelines.qwenimage", "QwenImagePriorReduxPipelineOutput"),
    ("diffusers.pipelines.qwenimage", "ReduxImageEncoder"),
    ("diffusers.pipelines.stable_diffusion", "OnnxStableDiffusionInpaintPipelineLegacy"),
}
"""What diffusers 0.42.1 registers and no module defines."""


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


def test_nothing_false_is_said_of_the_exemplar_files(findings: list[dict[str, Any]]) -> None:
    errors = Counter(
        (item["code"], name, item["symbol"])
        for item in findings
        for name in [item["path"].removeprefix("diffusers/")]
        if item["severity"] == "error" and EXEMPLARS.fullmatch(name)
    )
    assert errors == TRUE_OF_EXEMPLARS


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
    assert called == STALE
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
