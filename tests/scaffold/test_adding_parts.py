"""`scaffold pipeline`, `modular` and `tests`: what a model's folder lacks is added, and nothing in it is changed."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from scaffold.cli import main


PIPELINE = {
    "pipeline.py",
    "tiny.py",
    "tests/__init__.py",
    "tests/conftest.py",
    "tests/test_pipeline.py",
    "tests/test_text_to_image.py",
    "examples/__init__.py",
    "examples/text_to_image.py",
}


BLOCKS = {
    "modular/__init__.py",
    "modular/before_denoise.py",
    "modular/components.py",
    "modular/decoders.py",
    "modular/denoise.py",
    "modular/encoders.py",
    "modular/modular_blocks.py",
    "modular/modular_pipeline.py",
    "tests/test_modular.py",
}


def scaffold_(*arguments: str | Path) -> Result:
    return CliRunner().invoke(main, [str(each) for each in arguments])


def held(folder: Path) -> dict[str, bytes]:
    """What the folder holds, but for scaffold's own notes."""
    files = {path.relative_to(folder).as_posix(): path for path in folder.rglob("*") if path.is_file()}
    return {name: path.read_bytes() for name, path in files.items() if not name.startswith(".scaffold/")}


@pytest.fixture
def folder(tmp_path: Path, flux2_folder: Path) -> Path:
    """A whole FLUX.2 folder of the test's own."""
    shutil.copytree(flux2_folder, tmp_path / "flux2", ignore=shutil.ignore_patterns("__pycache__"))
    return tmp_path / "flux2"


def remove(folder: Path, names: set[str]) -> None:
    for name in names:
        (folder / name).unlink()


def test_a_pipeline_is_added_as_the_whole_folder_has_it(folder):
    whole = held(folder)
    remove(folder, PIPELINE)
    result = scaffold_("pipeline", "flux2", "--out", folder.parent)
    assert result.exit_code == 0, result.output
    assert held(folder) == whole
    assert all(name in result.output for name in PIPELINE)


@pytest.mark.parametrize("also", [set(), {"pipeline.py"}])
def test_blocks_are_added_as_the_whole_folder_has_them(folder, also):
    whole = held(folder)
    remove(folder, BLOCKS | also)
    result = scaffold_("modular", "flux2", "--out", folder.parent)
    assert result.exit_code == 0, result.output
    assert held(folder) == whole
    assert all(name in result.output for name in BLOCKS | also)


def test_blocks_bring_every_pipeline_that_the_package_offers(tmp_path):
    scaffold_("model", "wan", "--out", tmp_path, "--no-check")
    whole = held(tmp_path / "wan")
    pipelines = {"pipeline.py", "pipeline_image2video.py"}
    remove(tmp_path / "wan", BLOCKS | pipelines)
    result = scaffold_("modular", "wan", "--out", tmp_path)
    assert result.exit_code == 0, result.output
    assert held(tmp_path / "wan") == whole
    assert all(name in result.output for name in pipelines)


def test_tests_are_added_as_the_whole_folder_has_them(folder):
    whole = held(folder)
    shutil.rmtree(folder / "tests")
    result = scaffold_("tests", "flux2", "--out", folder.parent)
    assert result.exit_code == 0, result.output
    assert held(folder) == whole
    # It was there as it would have been written.
    assert "tiny.py" not in result.output


def test_a_dry_run_says_what_is_missing_and_adds_nothing(folder):
    remove(folder, {"pipeline.py"})
    before = held(folder)
    result = scaffold_("pipeline", "flux2", "--out", folder.parent, "--dry-run")
    assert result.exit_code == 0
    assert "  pipeline.py  " in result.output
    assert "1 files, " in result.output
    assert "tiny.py" not in result.output
    assert held(folder) == before


def test_what_a_person_wrote_is_left_alone(folder):
    remove(folder, {"pipeline.py"})
    (folder / "tiny.py").write_text("mine")
    before = held(folder)
    result = scaffold_("pipeline", "flux2", "--out", folder.parent)
    assert result.exit_code == 2
    assert result.stderr == f"Error: {folder / 'tiny.py'} is there already and says something else; move it away\n"
    assert held(folder) == before


@pytest.mark.parametrize("command", ["pipeline", "modular", "tests"])
def test_a_folder_that_has_all_of_it_is_told_so(folder, command):
    result = scaffold_(command, "flux2", "--out", folder.parent)
    assert result.exit_code == 2
    assert f"{folder} has all of it already: " in result.stderr


@pytest.mark.parametrize("command", ["pipeline", "modular", "tests"])
def test_without_a_model_there_is_nothing_to_add_to(tmp_path, command):
    result = scaffold_(command, "flux2", "--out", tmp_path)
    assert result.exit_code == 2
    assert "is no folder of a model: it holds no model.py; scaffold model writes one" in result.stderr
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize(("command", "told"), [("pipeline", "write"), ("modular", "take apart")])
def test_a_spec_without_a_pipeline_is_told_so(tmp_path, command, told):
    spec = Path(__file__).parent / "architectures" / "recombined.yaml"
    result = scaffold_(command, "--spec", spec, "--out", tmp_path)
    assert result.exit_code == 2
    assert f"has no `pipeline`, so there is none to {told}" in result.stderr


@pytest.mark.parametrize("after", [0, 1, 3])
def test_a_failure_in_the_middle_adds_nothing(folder, monkeypatch, after):
    remove(folder, {"pipeline.py", "tiny.py"})
    shutil.rmtree(folder / "examples")
    before = held(folder)
    left = [after]
    fsync = os.fsync

    def fill_the_disk(file: int) -> None:
        left[0] -= 1
        if left[0] < 0:
            raise OSError(28, "No space left on device")
        fsync(file)

    monkeypatch.setattr(os, "fsync", fill_the_disk)
    result = scaffold_("pipeline", "flux2", "--out", folder.parent)
    assert result.exit_code == 2
    assert "No space left on device; nothing was written" in result.stderr
    assert held(folder) == before
    assert not (folder / "examples").exists()
