"""The example of docs/parity/index.md: the generated Flux2 folder against diffusers, in JSON and with a fault."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest


PAGE = Path(__file__).resolve().parents[2] / "docs" / "parity" / "index.md"


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}[^\n]*\n(.*?)^```$", PAGE.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)


@pytest.fixture(scope="module")
def workplace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the generated model beside the page's two files."""
    folder = tmp_path_factory.mktemp("documented")
    subprocess.run([sys.executable, "-m", "scaffold", "model", "flux2", "--no-check"], cwd=folder, check=True)
    (folder / "config.json").write_text(blocks("json")[0], encoding="utf-8")
    (folder / "inputs.yaml").write_text(blocks("yaml")[0], encoding="utf-8")
    return folder


def documented_arguments() -> list[str]:
    """What the page's command has after `parity`."""
    (command,) = re.findall(r"^\$ parity ((?:[^\n]*\\\n)*[^\n]*)$", blocks("console")[0], re.MULTILINE)
    return shlex.split(command.replace("\\\n", " "))


def run(workplace: Path, arguments: list[str]) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "parity", *arguments]
    return subprocess.run(command, cwd=workplace, capture_output=True, text=True, check=False)


def test_the_json_has_the_form_that_the_page_shows(workplace: Path) -> None:
    answer = json.loads(run(workplace, [*documented_arguments(), "--json", "--dtype", "float32"]).stdout)
    for tensor in answer["runs"][0]["outputs"]:
        tensor["cosine"] = round(tensor["cosine"], 7)
    assert answer == json.loads(blocks("json")[1])


def test_a_fault_in_the_folder_is_found(workplace: Path) -> None:
    """Ten times the epsilon: too little to see in a picture, enough to see here."""
    model = workplace / "flux2" / "model.py"
    source = model.read_text(encoding="utf-8")
    faulty = source.replace("eps=eps", "eps=10 * eps")
    assert faulty != source
    model.write_text(faulty, encoding="utf-8")
    try:
        result = run(workplace, documented_arguments())
    finally:
        model.write_text(source, encoding="utf-8")
    assert result.returncode == 1
    assert "FAIL  differs by" in result.stdout
