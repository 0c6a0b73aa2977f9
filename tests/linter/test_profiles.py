"""Profiles: a project is known by what is there, and rules run where there is something to go by."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from linter.documentation import example_files
from linter.rules.registration import LIBRARY
from linter.rules.registration.block_list_name import BlockListName
from linter.rules.registration.package_structure import PackageStructure


FORGETFUL = PackageStructure.bad
"""A lazy library with a model, `OtherTinyModel`, that no table names."""


@pytest.fixture
def profiles(run: Callable[..., Any]) -> Callable[[], list[str]]:
    """What `linter config` says of the packages in the folder, up to the rules that are left out."""
    return lambda: [
        line.partition(" (")[0] for line in run("config").out.splitlines() if line.startswith("# profile ")
    ]


def dedented(files: dict[str, str], place: str = "") -> dict[str, str]:
    """The files of an example, below a place."""
    return {f"{place}{path}": text for path, text in example_files(files).items()}


def test_a_repository_with_a_lazy_library_in_src_is_a_checkout(
    write: Callable[..., None], check: Callable[..., Any], profiles: Callable[[], list[str]]
) -> None:
    write(dedented(FORGETFUL, "src/"))
    assert profiles() == ["# profile checkout: src/tinylib"]
    assert [item["symbol"] for item in check("--select", "REG001", ".").findings] == ["OtherTinyModel"]


def test_a_lazy_library_without_its_repository_is_a_library(
    folder: Path, write: Callable[..., None], check: Callable[..., Any], profiles: Callable[[], list[str]]
) -> None:
    (folder / "pyproject.toml").unlink()
    write(dedented(FORGETFUL))
    assert profiles() == ["# profile library: tinylib"]
    assert [item["symbol"] for item in check("--select", "REG001", ".").findings] == ["OtherTinyModel"]


def test_a_package_that_imports_at_once_is_a_folder_and_has_no_tables_to_stand_in(
    write: Callable[..., None], run: Callable[..., Any], check: Callable[..., Any], profiles: Callable[[], list[str]]
) -> None:
    write(dedented({**FORGETFUL, "tinylib/__init__.py": "from .models.tiny import TinyModel\n"}))
    assert profiles() == ["# profile folder: tinylib"]
    assert "without REG001, " in run("config").out
    assert check("--select", "REG001", ".").findings == []


def test_tables_of_hooks_count_in_a_library_alone(write: Callable[..., None], check: Callable[..., Any]) -> None:
    write(dedented(BlockListName.bad))
    assert [item["symbol"] for item in check("--select", "REG016", ".").findings] == ["TinyModel"]
    write({"tinylib/__init__.py": "from .models.tiny import TinyModel\n"})
    assert check("--select", "REG016", ".").findings == []


def test_files_without_a_package_are_files(
    write: Callable[..., None], run: Callable[..., Any], check: Callable[..., Any], profiles: Callable[[], list[str]]
) -> None:
    write({"tiny.py": "from einops import rearrange\n\n\ndef f(x):\n    return rearrange(x, 'a b -> b a')\n"})
    assert profiles() == ["# profile files: ."]
    assert "without REG001, " in run("config").out
    assert check("--select", "REG,ATT", ".").findings == []


def test_inside_a_package_the_whole_package_is_meant(
    folder: Path,
    write: Callable[..., None],
    profiles: Callable[[], list[str]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    write(dedented(LIBRARY, "src/"))
    profiles()
    monkeypatch.chdir(folder / "src/tinylib/models")
    assert profiles() == [f"# profile checkout: {folder}/src/tinylib"]


def test_what_lies_beside_a_library_in_its_repository_belongs_to_the_checkout(
    write: Callable[..., None], profiles: Callable[[], list[str]]
) -> None:
    write({**dedented(LIBRARY, "src/"), "tests/__init__.py": "", "notes/text.txt": ""})
    assert profiles() == ["# profile checkout: tests, src/tinylib"]


def test_several_kinds_side_by_side_are_each_told(
    folder: Path, write: Callable[..., None], profiles: Callable[[], list[str]]
) -> None:
    (folder / "pyproject.toml").unlink()
    write({**dedented(LIBRARY), "alone/__init__.py": "", "zoo/__init__.py": "import alone\n"})
    assert profiles() == ["# profile folder: alone, zoo", "# profile library: tinylib"]


SHAPED = (
    "models/transformers/transformer_hidream_image.py",
    "models/transformers/transformer_wan.py",
    "models/transformers/transformer_ideogram4.py",
    "pipelines/chroma/pipeline_chroma_img2img.py",
    "pipelines/cogview3/__init__.py",
    "schedulers/scheduling_consistency_decoder.py",
)


def test_a_library_shaped_like_diffusers_is_checked_by_its_own_tables_under_any_name(
    folder: Path, installed_diffusers: Path, run: Callable[..., Any]
) -> None:
    def found(name: str) -> list[tuple[str, str, int, str]]:
        (folder / name).mkdir()
        (folder / name / name).symlink_to(installed_diffusers)
        paths = [folder / name / name / path for path in SHAPED]
        outcome = run("check", "--select", "REG,MOD,ATT", "--output-format", "json", "--cache-dir", "kept", *paths)
        return [
            (item["code"], item["path"].replace(name, "-"), item["line"], item["message"].replace(name, "-"))
            for item in outcome.findings
        ]

    under_its_own = found("diffusers")
    assert {code for code, *_ in under_its_own} >= {"REG003", "REG004", "REG015", "REG016", "REG017", "REG018"}
    assert found("painters") == under_its_own


def test_a_fix_takes_a_base_from_the_files_own_library_where_that_has_it(
    write: Callable[..., None], run: Callable[..., Any]
) -> None:
    model = "from .modeling_utils import ModelMixin\n\n\nclass TinyModel(ModelMixin):\n    pass\n"
    files = {**LIBRARY, "tinylib/configuration_utils.py": "class ConfigMixin:\n    pass\n"}
    write({**dedented(files), "tinylib/models/tiny.py": model})
    diff = run("fix", "--diff", "--select", "MOD001", "tinylib").out
    assert "+from ..configuration_utils import ConfigMixin\n" in diff
