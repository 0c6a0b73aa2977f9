"""Packages that import lazily: what their tables name, what type checkers are told, what stands in for missing
backends.
"""

from __future__ import annotations

from collections.abc import Iterator

from linter.facts import Import, LazyEntry
from linter.project import Class, Function, Module
from linter.project.queries import kept_query


class Lazy:
    """A package whose `__init__` imports lazily: its table, and the imports that type checkers read."""

    def __init__(self, module: Module) -> None:
        self.module = module
        self.entries = [entry for entry in module.facts.lazy_entries if not entry.fallback]
        self.names = {entry.name for entry in self.entries}
        self.is_complete = module.facts.lazy_is_complete
        imports = module.facts.imports
        # What comes from outside the package (`from ..utils import ...`) is used here, not offered.
        typed = [
            item for item in imports if item.type_checking and item.target.startswith(".") and item.target[1] != "."
        ]
        self.eager_names = {item.name for item in imports if not item.type_checking}
        self.typed = [item for item in typed if item.name != "*" and not item.fallback]
        self.typed_names = {item.name for item in self.typed}
        self.typed_is_complete = not any(item.name == "*" and not item.fallback for item in typed)
        self.dummies = [entry for entry in module.facts.lazy_entries if entry.fallback and entry.name == "*"]

    def definition(self, entry: LazyEntry) -> Class | Function | Module | None:
        """What an entry stands for; None where it cannot be found."""
        home = self.module
        return home.project.definition(f"{home.name}.{entry.submodule}.{entry.name}", home.root)

    def key_of(self, submodule: str) -> str:
        """The key that a submodule's names stand under: its own, or that of the package that it lies in."""
        keys = {entry.submodule for entry in self.entries}
        parts = submodule.split(".")
        whole = [".".join(parts[:depth]) for depth in range(len(parts), 0, -1)]
        return next((key for key in whole if key in keys), submodule)


_table_of = kept_query(Lazy)


def lazy(module: Module | None) -> Lazy | None:
    """The lazy package that a module is, or None."""
    if module is None or not module.is_package or not module.facts.lazy_entries:
        return None
    return _table_of(module)


def modules_defining(package: Module, submodule: str, name: str) -> list[Module]:
    """The modules below a submodule that define a class of this name; where there is no such submodule, those that lie
    beside its place.
    """
    files = package.project.files
    folder = package.path.parent.joinpath(*submodule.split("."))
    waiting = [folder if files.names(folder) else folder.parent]
    found = []
    while waiting:
        folder = waiting.pop()
        for entry in files.names(folder):
            if entry.endswith("/"):
                waiting.append(folder / entry)
            elif entry.endswith(".py"):
                module = package.project.module_at(folder / entry)
                if module is not None and name in module.classes:
                    found.append(module)
    return found


def offers(table: Lazy, name: str) -> bool:
    """Whether one of the packages that a lazy table takes its names from has this one in a lazy table of its own."""
    home = table.module
    below = {home.project.module(f"{home.name}.{entry.submodule}", home.root) for entry in table.entries}
    return any(name in inner.names for inner in map(lazy, below) if inner is not None)


def library(module: Module) -> Lazy | None:
    """The lazy top-level package that a module lies in, or None."""
    return lazy(module.project.module(module.name.partition(".")[0], module.root))


def packages_above(module: Module) -> Iterator[Module]:
    """The packages that a module lies in, nearest first, without the top-level one."""
    parts = module.name.split(".")
    for depth in range(len(parts) - 1, 1, -1):
        package = module.project.module(".".join(parts[:depth]), module.root)
        if package is not None:
            yield package


def disagreements(table: Lazy) -> Iterator[tuple[LazyEntry | None, Import | None]]:
    """Entries without their import for type checkers, and such imports without their entry."""
    if table.typed_is_complete:
        seen = table.typed_names | table.eager_names
        yield from ((entry, None) for entry in table.entries if entry.name not in seen)
    if table.is_complete:
        yield from ((None, item) for item in table.typed if item.name not in table.names)
