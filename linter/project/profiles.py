"""Profiles: what kind of project a file lies in, found by looking at what is there and never by a name."""

from __future__ import annotations

from collections.abc import Iterator
from enum import Enum
from pathlib import Path

from linter.project.index import Project
from linter.project.lazy_packages import lazy
from linter.project.queries import kept_query
from linter.project.views import Module, top_level


class Profile(Enum):
    """What kind of project a file lies in, and how that is seen."""

    CHECKOUT = "checkout", "a library with lazy tables, in its repository, or what lies beside it there"
    LIBRARY = "library", "a library with lazy tables, without its repository"
    FOLDER = "folder", "a package that imports what it offers at once"
    FILES = "files", "files of no package"

    def __init__(self, title: str, meaning: str) -> None:
        self.title = title
        self.meaning = meaning


ANYWHERE = frozenset(Profile)
LIBRARIES = frozenset({Profile.CHECKOUT, Profile.LIBRARY})
"""Where tables say what a library offers and what its hooks and loaders know."""
CHECKOUTS = frozenset({Profile.CHECKOUT})
"""Where the documentation and the tests lie beside the library."""


def profile_of(module: Module) -> Profile:
    """The profile of the package that a file lies in."""
    return _profile_of(_top_of(module))


def library_of(module: Module) -> Module | None:
    """The lazy library that a file belongs to: it lies in it, or its package lies beside the library's `src/`."""
    return _library_of(_top_of(module))


def repository_of(module: Module) -> Path | None:
    """The folder of the repository that a file's package lies in, itself or under `src/`; None where it has none."""
    exists = module.project.files.exists
    folders = (module.root.parent, module.root) if module.root.name == "src" else (module.root,)
    built_by = ("pyproject.toml", "setup.py")
    return next((folder for folder in folders if any(exists(folder / name) for name in built_by)), None)


def packages_below(project: Project, folder: Path) -> Iterator[Module]:
    """The packages in a folder and in its `src/`; of a folder in a package, that package."""
    files = project.files
    if files.exists(folder / "__init__.py"):
        inside = project.module_at(folder / "__init__.py")
        top = project.module(top_level(inside.name), inside.root) if inside else None
        yield from (top,) if top else ()
        return
    for parent in (folder, folder / "src"):
        for name in files.names(parent):
            package = parent / name / "__init__.py"
            module = project.module_at(package) if name.endswith("/") and files.exists(package) else None
            yield from (module,) if module else ()


def _top_of(module: Module) -> Module:
    return module.project.module(top_level(module.name), module.root) or module


@kept_query
def _library_of(top: Module) -> Module | None:
    if lazy(top) is not None:
        return top
    beside = packages_below(top.project, top.root / "src") if top.is_package and repository_of(top) else ()
    return next((package for package in beside if lazy(package) is not None), None)


@kept_query
def _profile_of(top: Module) -> Profile:
    if library_of(top) is not None:
        return Profile.LIBRARY if repository_of(top) is None else Profile.CHECKOUT
    return Profile.FOLDER if top.is_package else Profile.FILES
