"""Finding the model class that a person names: `Class`, `package.module.Class`, or `file.py:Class`."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from difflib import get_close_matches
from importlib.util import find_spec
from pathlib import Path

from linter.discovery import discover
from linter.errors import LinterError, UnreadableFile
from linter.project import Class, Module, Project
from linter.report.view import View
from linter.source import read_bytes


_CLASS_LINE = re.compile(rb"^[ \t]*class[ \t]+(\w+)", re.MULTILINE)


def find_model(name: str, files: Sequence[Path], project: Project, view: View) -> Class:
    """The model class of a name.

    Args:
        name: As a person gives it.
        files: Where a bare or dotted name is looked for. A dotted name may also be of an installed package.
        project: What the files are read through.
        view: How places are told.

    Raises:
        LinterError: there is none, there are several, or the class is no model.
    """
    place, colon, qualname = name.rpartition(":")
    if colon:
        path = view.here / place
        if not path.is_file() or not qualname:
            what = "no such file" if qualname else "no class is named"
            raise LinterError(f"{name}: {what}. A class is named as CLASS, package.module.CLASS or FILE:CLASS.")
        return _the_one(qualname, [path], project, view)
    package, dot, _ = name.partition(".")
    if dot:
        return _the_one(name, _of_package(package, files) or _installed(package) or files, project, view)
    return _the_one(name, files, project, view)


def _the_one(name: str, files: Sequence[Path], project: Project, view: View) -> Class:
    """The one model among the classes of that name."""
    last = name.rpartition(".")[2]
    mentioning = [path for path in files if last.encode() in _class_names(path)]
    modules = [module for path in mentioning if (module := project.module_at(path)) is not None]
    found = list(dict.fromkeys(_named(name, modules)))
    models = [cls for cls in found if cls.is_model]
    if len(models) == 1:
        return models[0]
    if models:
        places = ", ".join(sorted(f"{view.path(cls.module.path)}:{cls.qualname}" for cls in models))
        raise LinterError(f"There are several models `{name}`. Name one of them by its file: {places}.")
    if found:
        raise LinterError(
            f"`{name}` ({_place(found[0], view)}) is no model: it does not inherit `ModelMixin`. A table of what a "
            "class declares is there for models alone."
        )
    raise LinterError(_unknown(name, files, mentioning, view))


def _named(name: str, modules: Iterable[Module]) -> Iterator[Class]:
    """The classes that a qualified or a dotted name means, through the packages that pass it on."""
    for module in modules:
        for cls in module.classes.values():
            whole = f"{module.name}.{cls.qualname}"
            if (
                name in (cls.qualname, whole)
                or whole.endswith(f".{name}")
                or (name.endswith(f".{cls.qualname}") and module.project.definition(name, module.root) is cls)
            ):
                yield cls


def _unknown(name: str, files: Sequence[Path], mentioning: Sequence[Path], view: View) -> str:
    if mentioning:
        return f"{view.path(mentioning[0])} has a class `{name}` and cannot be read. `linter check` says why."
    if not files:
        return f"There is no Python file to look for `{name}` in. Name the folder that it is in, or the file."
    known = sorted({found.decode(errors="replace") for path in files for found in _class_names(path)})
    near = get_close_matches(name.rpartition(".")[2], known, n=1)
    hint = f"did you mean `{near[0]}`?" if near else "name the folder that it is in as the second argument."
    return f"No class `{name}` in {len(files)} file{'' if len(files) == 1 else 's'}; {hint}"


def _class_names(path: Path) -> set[bytes]:
    """The names of the classes in a file, without parsing it: most files of a library are not the one."""
    try:
        return set(_CLASS_LINE.findall(read_bytes(path)))
    except UnreadableFile:
        return set()


def _of_package(package: str, files: Sequence[Path]) -> list[Path]:
    """The files of a top-level package or module of that name."""
    inits = {path for path in files if path.name == "__init__.py"}
    tops = {
        path.parent
        for path in inits
        if path.parent.name == package and path.parent.with_name("__init__.py") not in inits
    }
    return [path for path in files if path.stem == package or tops.intersection(path.parents)]


def _installed(package: str) -> list[Path]:
    """The files of a package as it is installed beside the linter; nothing of it is imported."""
    spec = find_spec(package)
    if spec is None or spec.origin is None or not spec.origin.endswith("__init__.py"):
        return []
    folder = Path(spec.origin).parent
    return discover([folder], (), folder)


def _place(cls: Class, view: View) -> str:
    return f"{view.path(cls.module.path)}:{cls.facts.header.line}"
