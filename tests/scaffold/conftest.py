"""The generated FLUX.2 folder, written once for all tests that look at it."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
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


@pytest.fixture(scope="module", params=preset_names())
def preset(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Spec, ModuleType]]:
    """A preset's spec, and the folder that it makes, imported."""
    spec = load_spec(request.param)
    folder = tmp_path_factory.mktemp("runtimes") / f"{spec.package}_runtime"
    write_folder(folder, render_folder(spec))
    package = import_folder(folder)
    yield spec, next(package)
    next(package, None)


@pytest.fixture
def altered_flux2(tmp_path: Path) -> Iterator[Callable[..., ModuleType]]:
    """Imports a folder whose templates or spec have been changed: file, old text, new text."""
    imports = []

    def alter(*changes: tuple[str, str, str]) -> ModuleType:
        tree = tmp_path / "templates"
        shutil.copytree(templates_root(), tree)
        for name, old, new in changes:
            text = (tree / name).read_text()
            assert text.count(old) == 1, f"{name} should hold {old!r} once"
            (tree / name).write_text(text.replace(old, new))
        spec = read_spec(tree / "specs" / "flux2.yaml", tree)
        # Under a name of its own, so that it does not hide the folder as it should be.
        target = tmp_path / "altered_flux2"
        write_folder(target, render_folder(spec, tree))
        imports.append(import_folder(target))
        return next(imports[-1])

    yield alter
    for each in imports:
        next(each, None)
