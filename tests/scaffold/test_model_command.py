"""`scaffold model` as a person meets it: what it writes, what it refuses, how quick it is to start."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from scaffold.applying import write_folder
from scaffold.commands.model import model
from scaffold.errors import ScaffoldError
from scaffold.resources import templates_root


RECORD = {".scaffold.yaml", ".scaffold/.gitignore", ".scaffold/history/0001.zip", ".scaffold/rendering.zip"}
FILES = {
    "README.md",
    "__init__.py",
    "capabilities.py",
    "convert.py",
    "docs.md",
    "examples/__init__.py",
    "examples/text_to_image.py",
    "examples/train_lora.py",
    "lora.py",
    "model.py",
    "modular/__init__.py",
    "modular/before_denoise.py",
    "modular/components.py",
    "modular/decoders.py",
    "modular/denoise.py",
    "modular/encoders.py",
    "modular/modular_blocks.py",
    "modular/modular_pipeline.py",
    "pipeline.py",
    "tests/__init__.py",
    "tests/conftest.py",
    "tests/test_convert.py",
    "tests/test_docs.py",
    "tests/test_lora.py",
    "tests/test_model.py",
    "tests/test_modular.py",
    "tests/test_parallel.py",
    "tests/test_pipeline.py",
    "tests/test_readme.py",
    "tests/test_text_to_image.py",
    "tests/test_train_lora.py",
    "tests/test_weight_mapping.py",
    "tiny.py",
    "weight_mapping.py",
}


def invoke(*arguments: str | Path) -> Result:
    return CliRunner().invoke(model, ["--no-check", *(str(each) for each in arguments)])


def written(folder: Path) -> set[str]:
    files = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    return files - RECORD - {".scaffold/lock"}


def test_it_writes_the_folder_into_the_current_directory(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    result = invoke("flux2")
    assert (result.exit_code, result.output) == (0, f"Wrote {len(FILES)} files to flux2/\n")
    assert written(tmp_path / "flux2") == FILES
    assert os.listdir(tmp_path) == ["flux2"]


def test_it_makes_the_folder_to_write_into(tmp_path):
    assert invoke("flux2", "--out", tmp_path / "a" / "b c").exit_code == 0
    assert written(tmp_path / "a" / "b c" / "flux2") == FILES


def test_a_spec_of_ones_own_names_the_folder(tmp_path):
    spec = (templates_root() / "specs" / "flux2.yaml").read_text()
    (tmp_path / "my.yaml").write_text(spec.replace("name: flux2", "name: my-model.2"))
    assert invoke(tmp_path / "my.yaml", "--out", tmp_path).exit_code == 0
    assert written(tmp_path / "my_model_2") == FILES
    assert "my_model_2" in (tmp_path / "my_model_2" / "README.md").read_text()


def test_two_runs_write_the_same_bytes(tmp_path):
    for name in ("one", "two"):
        invoke("flux2", "--out", tmp_path / name)
    for file in FILES | RECORD:
        assert (tmp_path / "one/flux2" / file).read_bytes() == (tmp_path / "two/flux2" / file).read_bytes()


def test_a_dry_run_prints_the_plan_and_writes_nothing(tmp_path):
    result = invoke("flux2", "--out", tmp_path / "out", "--dry-run")
    assert result.exit_code == 0
    assert all(f"  {file} " in result.output for file in FILES)
    assert f"{len(FILES)} files, " in result.output
    assert result.output.endswith("Nothing was written (--dry-run).\n")
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("arguments", [[], ["--dry-run"]], ids=["write", "dry-run"])
def test_a_folder_that_holds_something_is_left_alone(tmp_path, arguments):
    (tmp_path / "flux2").mkdir()
    (tmp_path / "flux2" / "mine.txt").write_text("mine")
    result = invoke("flux2", "--out", tmp_path, *arguments)
    assert result.exit_code == 2
    assert "flux2 is there already and not empty (it holds mine.txt)" in result.stderr
    assert written(tmp_path) == {"flux2/mine.txt"}


def test_an_empty_folder_is_filled(tmp_path):
    (tmp_path / "flux2").mkdir()
    assert invoke("flux2", "--out", tmp_path).exit_code == 0
    assert written(tmp_path / "flux2") == FILES


def test_a_file_or_a_link_of_that_name_is_left_alone(tmp_path):
    (tmp_path / "file").mkdir()
    (tmp_path / "file" / "flux2").write_text("mine")
    assert "flux2 is a file; move it away" in invoke("flux2", "--out", tmp_path / "file").stderr
    (tmp_path / "link").mkdir()
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "link" / "flux2").symlink_to(tmp_path / "elsewhere")
    assert "flux2 is a link; remove it" in invoke("flux2", "--out", tmp_path / "link").stderr
    assert written(tmp_path) == {"file/flux2"}


def test_a_place_under_a_file_is_refused(tmp_path):
    (tmp_path / "file").write_text("mine")
    result = invoke("flux2", "--out", tmp_path / "file" / "deeper")
    assert result.exit_code == 2
    assert "file" in result.stderr
    assert "nothing was written" in result.stderr
    assert os.listdir(tmp_path) == ["file"]


def test_a_read_only_place_is_refused(tmp_path):
    place = tmp_path / "locked"
    place.mkdir()
    place.chmod(0o555)
    # Permissions mean nothing to root, and the user without them has to reach the place.
    for folder in (tmp_path, *tmp_path.parents[:3]):
        folder.chmod(0o755)
    program = (
        "import os, pathlib\n"
        "from scaffold.errors import ScaffoldError\n"
        "from scaffold.applying import write_folder\n"
        "if os.getuid() == 0: os.setuid(65534)\n"
        "try:\n"
        f"    write_folder(pathlib.Path({str(place)!r}) / 'flux2', {{'model.py': 'pass'}})\n"
        "except ScaffoldError as error:\n"
        "    print(error)\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == f"{place} cannot be written to: Permission denied; nothing was written\n"
    assert os.listdir(place) == []


@pytest.mark.parametrize("after", [0, 3, 9])
def test_a_failure_in_the_middle_leaves_nothing(tmp_path, monkeypatch, after):
    left = [after]
    fsync = os.fsync

    def fill_the_disk(file: int) -> None:
        left[0] -= 1
        if left[0] < 0:
            raise OSError(28, "No space left on device")
        fsync(file)

    monkeypatch.setattr(os, "fsync", fill_the_disk)
    with pytest.raises(ScaffoldError, match="No space left on device; nothing was written"):
        write_folder(tmp_path / "out" / "flux2", {f"folder/{index}.py": "pass\n" for index in range(10)})
    assert os.listdir(tmp_path / "out") == []


def test_it_starts_without_torch(tmp_path):
    program = (
        "import sys\n"
        "from scaffold.cli import main\n"
        f"main(['model', 'flux2', '--out', {str(tmp_path)!r}], standalone_mode=False)\n"
        "heavy = {'torch', 'diffusers', 'transformers', 'numpy', 'libcst'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True, capture_output=True)
    assert written(tmp_path / "flux2") == FILES
