"""The index itself: which file a name leads to, through packages and re-exports.

Nothing is indexed ahead: a name is resolved by looking where Python's import system would look, below the folder that
the asking file is imported from. Each look is noted, so that a file's findings can be kept for as long as nothing that
they rest on has changed.
"""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

from linter.facts import FileFacts
from linter.project.queries import Answers
from linter.project.views import Class, Function, Module, top_level
from linter.source import Source


_DEEPEST_REEXPORT = 12


class Files(Protocol):
    """Where the index gets files from. A file that is missing or unreadable gives None."""

    def facts(self, path: Path) -> FileFacts | None: ...
    def source(self, path: Path) -> Source | None: ...
    def exists(self, path: Path) -> bool: ...
    def names(self, folder: Path, pattern: str = "*") -> tuple[str, ...]: ...


class Project:
    """All modules that can be reached from the checked files."""

    def __init__(self, files: Files) -> None:
        self.files = files
        self._roots = Answers(self._find_root)
        self._seen_roots: dict[Path, Path] = {}
        self._modules_at = Answers(self._make_module)
        self._modules = Answers(self._find_module)
        self._definitions = Answers(self._follow)

    def module_at(self, path: Path) -> Module | None:
        """The module of a file, or None where the file cannot be read."""
        return self._modules_at(path)

    def module(self, name: str, root: Path) -> Module | None:
        """The module of an absolute name, looked for below `root`."""
        return self._modules(name, root) if name else None

    def has_module(self, name: str, root: Path) -> bool:
        """Whether there is a file for an absolute name below `root`, be it one that cannot be read."""
        return self._path_of(name, root) is not None

    def definition(self, target: str, root: Path) -> Class | Function | Module | None:
        """What an absolute dotted name is, through re-exports; None where it is not of this project or cannot be
        followed.
        """
        return self._definitions(target, root)

    def _make_module(self, path: Path) -> Module | None:
        facts = self.files.facts(path)
        # What a module is called rests on the folders above it too, for every asker.
        root = self._roots(path.parent)
        if facts is None:
            return None
        parts = [*path.relative_to(root).parent.parts, *([] if path.name == "__init__.py" else [path.stem])]
        return Module(self, path, root, ".".join(parts), facts)

    def _find_module(self, name: str, root: Path) -> Module | None:
        path = self._path_of(name, root)
        return self.module_at(path) if path is not None else None

    def _path_of(self, name: str, root: Path) -> Path | None:
        base = root.joinpath(*name.split("."))
        return next(filter(self.files.exists, (base / "__init__.py", base.with_name(base.name + ".py"))), None)

    def _follow(self, target: str, root: Path) -> Class | Function | Module | None:
        for _ in range(_DEEPEST_REEXPORT):
            found = self._split(target, root)
            if found is None:
                return None
            module, rest = found
            if not rest:
                return module
            definition = module.definitions.get(rest)
            if definition is not None:
                return definition
            head, _, tail = rest.partition(".")
            onward = module.reexport(head)
            # Other packages may lie in the same folder (an installed library's neighbours do): they are not of this
            # project.
            if onward is None or onward == target or top_level(onward) != top_level(target):
                return None
            target = f"{onward}.{tail}" if tail else onward
        return None

    def _split(self, target: str, root: Path) -> tuple[Module, str] | None:
        """The longest prefix that is a module, and the rest."""
        parts = target.split(".")
        module = self.module(parts[0], root)
        if module is None:
            return None
        depth = 1
        # A package may bind a name that is also a submodule's: what it binds itself wins, as at run time.
        while depth < len(parts) and parts[depth] not in module.definitions:
            deeper = self.module(".".join(parts[: depth + 1]), root)
            if deeper is None:
                break
            module, depth = deeper, depth + 1
        return module, ".".join(parts[depth:])

    def _find_root(self, folder: Path) -> Path:
        """The folder that the packages of `folder` are imported from: the first one above it that is not a package."""
        root = folder
        while self.files.exists(root / "__init__.py") and root.parent != root:
            root = root.parent
        # All folders below it share one value, which is quicker to tell from others than an equal one.
        return self._seen_roots.setdefault(root, root)
