"""Generated folders, written and imported once for all tests that look at them."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from types import ModuleType

import pytest

from scaffold.applying import write_folder
from scaffold.loading import load_spec, preset_names, read_spec
from scaffold.rendering import render_folder
from scaffold.resources import templates_root
from scaffold.spec import Spec
from tests.scaffold.pairs import import_folder


@pytest.fixture(scope="session")
def flux2_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder as `scaffold model flux2` writes it."""
    spec = load_spec("flux2")
    target = tmp_path_factory.mktemp("generated") / spec.package
    write_folder(target, render_folder(spec))
    return target


@pytest.fixture(scope="session")
def flux2(flux2_folder: Path) -> Iterator[ModuleType]:
    """The folder imported as the package `flux2`, with its submodules."""
    yield from import_folder(flux2_folder)


@pytest.fixture(scope="session")
def generated(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], tuple[Spec, ModuleType]]]:
    """Gives the spec of a preset and its folder, written and imported once for all tests of a process."""
    place = tmp_path_factory.mktemp("presets")
    imports: list[Iterator[ModuleType]] = []

    @cache
    def generate(name: str) -> tuple[Spec, ModuleType]:
        spec = load_spec(name)
        folder = place / f"{spec.package}_generated"
        write_folder(folder, render_folder(spec))
        imports.append(import_folder(folder))
        return spec, next(imports[-1])

    yield generate
    for each in imports:
        next(each, None)


@pytest.fixture(scope="module", params=preset_names())
def preset(
    request: pytest.FixtureRequest, generated: Callable[[str], tuple[Spec, ModuleType]]
) -> tuple[Spec, ModuleType]:
    """A preset's spec, and the folder that it makes, imported."""
    return generated(request.param)


@pytest.fixture
def altered(tmp_path: Path) -> Iterator[Callable[..., ModuleType]]:
    """Imports the folder of a preset whose templates or spec have been changed: each time file, old text, new text."""
    imports = []

    def alter(name: str, *changes: tuple[str, str, str]) -> ModuleType:
        tree = tmp_path / "templates"
        shutil.copytree(templates_root(), tree)
        for file, old, new in changes:
            text = (tree / file).read_text()
            assert text.count(old) == 1, f"{file} should hold {old!r} once"
            (tree / file).write_text(text.replace(old, new))
        spec = read_spec(tree / "specs" / f"{name}.yaml", tree)
        # Under a name of its own, so that it does not hide the folder as it should be.
        target = tmp_path / f"altered_{spec.package}"
        write_folder(target, render_folder(spec, tree))
        imports.append(import_folder(target))
        return next(imports[-1])

    yield alter
    for each in imports:
        next(each, None)
