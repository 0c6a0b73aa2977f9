"""Architectures that no preset describes: by themselves their folders pass their own tests, and they are clean."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from scaffold.cli import main


SPECS = Path(__file__).parent / "architectures"
NEW = {
    "other-defaults": ["dusk", "--from", "flux2", "--set", "num_layers=4", "--set", "mlp_ratio=2.0"],
    "recombined": ["--spec", str(SPECS / "recombined.yaml")],
    "with-a-block-of-its-own": ["--spec", str(SPECS / "with_own_block.yaml")],
}


# What Python runs first: packages that a folder does not say it needs are not there.
BLOCKING = """
import sys


class Blocked:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {blocked}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)


sys.meta_path.insert(0, Blocked())
"""
BLOCKED = {"scaffold", "linter", "parity", "libcst", "msgspec", "ruamel", "ruff", "mypy", "jsonschema"}


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The environment of a process that finds nothing of this project, and no model hub."""
    place = tmp_path_factory.mktemp("alone")
    (place / "sitecustomize.py").write_text(BLOCKING.format(blocked=sorted(BLOCKED)))
    environment = {
        **os.environ,
        "PYTHONPATH": str(place),
        "OMP_NUM_THREADS": "1",
        "HF_HOME": str(place),
        "HF_HUB_OFFLINE": "1",
    }
    missing = subprocess.run(
        [sys.executable, "-c", "import scaffold"], env=environment, capture_output=True, check=False
    )
    assert b"No module named 'scaffold'" in missing.stderr
    return environment


def scaffold(*arguments: str | Path) -> Result:
    return CliRunner().invoke(main, ["model", "--no-check", *map(str, arguments)])


@pytest.mark.parametrize("arguments", NEW.values(), ids=NEW)
def test_a_new_architecture_passes_its_own_tests_where_nothing_of_this_project_is(tmp_path, alone, arguments):
    result = scaffold(*arguments, "--out", tmp_path)
    assert result.exit_code == 0, result.output
    (folder,) = tmp_path.iterdir()
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", folder.name]
    done = subprocess.run(command, cwd=tmp_path, env=alone, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-5000:]
    assert " passed" in done.stdout
    assert "skipped" not in done.stdout
    checked = subprocess.run(
        [sys.executable, "-m", "linter", "check", "--isolated", "--no-cache", folder.name],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert checked.returncode == 0, checked.stdout


def test_a_renamed_model_has_names_of_its_own(tmp_path):
    assert scaffold("dusk-2", "--from", "flux2", "--set", "num_layers=4", "--out", tmp_path).exit_code == 0
    source = (tmp_path / "dusk_2" / "model.py").read_text()
    assert "class Dusk2Transformer2DModel(" in source
    assert "num_layers: int = 4," in source
    assert "Flux2" not in source
    # Names that begin alike and are another library's stay.
    assert "AutoencoderKLFlux2" in (tmp_path / "dusk_2" / "pipeline.py").read_text()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["x", "--from", "flux2", "--set", "num_layer=4"], "'num_layer' is not an entry of `config`; did you mean"),
        (["x", "--from", "flux2", "--set", "num_layers"], "--set num_layers: expected KEY=VALUE"),
        (["x", "--from", "flux2", "--set", "num_layers=[1"], "is not a value that YAML can read"),
        (
            ["x", "--from", "flux2", "--set", "num_layers=many"],
            "`config.num_layers.default`: expected int, got 'many'",
        ),
        (["x", "--from", "flux22"], "there is no preset 'flux22'; did you mean 'flux2'?"),
        (["--from", "flux2"], "the new model needs a name"),
        (["x", "--from", "flux2", "--spec", "my.yaml"], "give one of them"),
        (["../x", "--from", "flux2"], "cannot name a folder that Python imports"),
        ([], "which model?"),
    ],
)
def test_what_cannot_be_is_refused(tmp_path, arguments, message):
    result = scaffold(*arguments, "--out", tmp_path / "out")
    assert result.exit_code == 2
    assert message in result.stderr
    assert result.stderr.count("\n") == 1
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("custom", "message"),
    [("../own", "leaves the folder of this file"), ("/etc", "leaves the folder"), ("none", "there is no folder")],
)
def test_components_of_ones_own_lie_beside_the_spec(tmp_path, custom, message):
    text = (SPECS / "with_own_block.yaml").read_text()
    (tmp_path / "my.yaml").write_text(text.replace("custom: own", f"custom: {custom}"))
    result = scaffold("--spec", tmp_path / "my.yaml", "--out", tmp_path / "out")
    assert result.exit_code == 2
    assert message in result.stderr
    assert not (tmp_path / "out").exists()
