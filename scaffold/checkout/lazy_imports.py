"""The tables that a lazily imported library has of its names, what type checkers are told, and the dummies."""

from __future__ import annotations

from collections.abc import Iterator

from linter.edits.registering import with_dummy, with_eager_import, with_entry, with_typed_import
from linter.project import Module
from linter.project.lazy_packages import Lazy, lazy
from scaffold.checkout.tree import LIBRARY, Checkout, NotFound


def register(checkout: Checkout, submodule: str, name: str) -> None:
    """Have the library offer a class, from the package that it lies in up to the top, with a dummy.

    Args:
        checkout: the checkout.
        submodule: the module that defines it, relative to the library.
        name: the class.

    Raises:
        NotFound: a package has no place for it.
    """
    for package, inner in _packages_of(submodule):
        offer(checkout, package, inner, name)
    _add_dummy(checkout, name)


def offer(checkout: Checkout, package: str, submodule: str, name: str) -> None:
    """Have one package offer a class.

    Args:
        checkout: the checkout.
        package: the package, relative to the library.
        submodule: the module that defines the class, relative to the package.
        name: the class.

    Raises:
        NotFound: the package has no place for it.
    """
    module = checkout.module(package)
    if lazy(module) is not None:
        _register_lazily(checkout, package, submodule, name)
    elif not any(item.name == name for item in module.facts.imports):
        checkout.edit(module, with_eager_import(module, submodule, name), name)


def _packages_of(submodule: str) -> Iterator[tuple[str, str]]:
    """The packages that a module lies in, nearest first, each with the module's name relative to it."""
    parts = submodule.split(".")
    for depth in range(len(parts) - 1, -1, -1):
        yield ".".join(parts[:depth]), ".".join(parts[depth:])


def _register_lazily(checkout: Checkout, package: str, submodule: str, name: str) -> None:
    table = checkout.table(package)
    if name not in table.names:
        home = _lazy_part(checkout, package, submodule)
        checkout.edit(table.module, with_entry(table, home, name, _backends(table, submodule)), name)
    table = checkout.table(package)
    if name not in table.typed_names and table.typed_is_complete:
        entry = next(entry for entry in table.entries if entry.name == name)
        checkout.edit(table.module, with_typed_import(table, entry), f"import of {name}")


def _lazy_part(checkout: Checkout, package: str, submodule: str) -> str:
    """The outermost package on the way to a module that offers its names lazily itself, else the module."""
    parts = submodule.split(".")
    for depth in range(1, len(parts)):
        part = ".".join(parts[:depth])
        found = checkout.find_module(".".join(filter(None, (LIBRARY, package, part))))
        if lazy(found) is not None:
            return part
    return submodule


def _backends(table: Lazy, submodule: str) -> tuple[str, ...] | None:
    """What a pipeline needs, whose text encoders are transformers', where a table sets such names apart.

    A model needs what those around it need.
    """
    wanted = ("torch", "transformers")
    is_set_apart = any(set(entry.backends) == set(wanted) for entry in table.entries)
    return wanted if "pipelines" in f"{table.module.name}.{submodule}" and is_set_apart else None


def _add_dummy(checkout: Checkout, name: str) -> None:
    """The dummy, where upstream's own script writes it: in the order of the imports for type checkers."""
    top = checkout.table("")
    dummies = _dummies_for(checkout, top, name)
    if name in dummies.classes:
        return
    ordered = [item.name for item in top.typed if item.name in dummies.classes or item.name == name]
    following = ordered[ordered.index(name) + 1 :]
    checkout.edit(dummies, with_dummy(dummies, name, before=following[0] if following else None), f"dummy of {name}")


def _dummies_for(checkout: Checkout, top: Lazy, name: str) -> Module:
    entry = next(entry for entry in top.entries if entry.name == name)
    homes = [checkout.module(item.submodule) for item in top.dummies if set(item.backends) == set(entry.backends)]
    if not homes:
        raise NotFound(f"module of dummies for what needs {' and '.join(entry.backends)}")
    # A few backends of quantizers have modules of their own behind the same guard.
    return max(homes, key=lambda home: len(home.classes))
