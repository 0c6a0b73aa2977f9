"""From an import path to what it names, and from a class and a config to a module in eval mode."""

from __future__ import annotations

import importlib
import inspect
import logging
import pkgutil
import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

from torch import nn

from parity.errors import ParityError, describe, nearest_name


# Written into saved configs by the libraries for themselves; no class takes them as arguments.
_BOOKKEEPING_KEYS = frozenset({"auto_map"})


def load_class(path: str) -> type[nn.Module]:
    """Imports the module class that an import path names.

    Args:
        path: `package.module:Class` or `package.module.Class`.

    Raises:
        ParityError: If the module cannot be imported, has no such name, or the name is no `torch.nn.Module` class.
    """
    found = load_object(path)
    if not (isinstance(found, type) and issubclass(found, nn.Module)):
        raise ParityError(f"{path}: not a class that inherits `torch.nn.Module`; parity compares such classes.")
    return found


def load_object(path: str) -> Any:
    """Imports what an import path names.

    The current directory is importable, so that a folder lying there is found by its name.

    Args:
        path: `package.module:name` or `package.module.name`.

    Raises:
        ParityError: If the module cannot be imported or has no such name.
    """
    module_path, name_path = _split(path)
    here = str(Path.cwd())
    if here not in sys.path:
        sys.path.insert(0, here)
    with _without_warnings():
        found: Any = _import(module_path, path)
        for name in name_path.split("."):
            try:
                found = getattr(found, name)
            except AttributeError:
                hint = nearest_name(name, dir(found))
                raise ParityError(f"{path}: `{module_path}` has no `{name}`.{hint}") from None
            except Exception as error:  # a lazy import that fails
                raise ParityError(f"{path}: importing `{name}` failed: {type(error).__name__}: {error}") from error
    return found


def build_module(path: str, module_class: type[nn.Module], config: Mapping[str, Any]) -> nn.Module:
    """Makes one module from a config, in eval mode.

    Keys that begin with an underscore and `auto_map` are left out: saved configs carry them for their library.

    Args:
        path: The class's import path, for messages.
        module_class: The class to make.
        config: Keyword arguments of the class.

    Raises:
        ParityError: If the config has a key that the class does not take, lacks one that it needs, or the class
            raises while it is made.
    """
    arguments = _arguments(config)
    check_arguments(path, module_class.__init__, arguments, "config", "add it to --config")
    try:
        return module_class(**arguments).eval()
    except Exception as error:
        raise ParityError(f"{path}: cannot be made from this config: {describe(error)}") from error


def effective_config(module_class: type[nn.Module], config: Mapping[str, Any]) -> dict[str, Any]:
    """The keyword arguments that a class is made with, defaults made explicit."""
    parameters = inspect.signature(module_class.__init__).parameters.values()
    defaults = {each.name: each.default for each in parameters if each.default is not each.empty}
    return {**defaults, **_arguments(config)}


def check_arguments(path: str, function: Any, arguments: Iterable[str], origin: str, remedy: str) -> None:
    """Checks names of keyword arguments against a function's signature.

    Args:
        path: The class's import path, for messages.
        function: The function as its class holds it; its first parameter is `self`.
        arguments: The names that are about to be passed.
        origin: Where the arguments stand, as the message names it (`config`, `inputs`).
        remedy: What the message asks for when an argument is missing.

    Raises:
        ParityError: If a name is not taken, or a parameter without default has no argument.
    """
    parameters = list(inspect.signature(function).parameters.values())[1:]
    named = {p.name: p for p in parameters if p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY)}
    given = set(arguments)
    if not any(p.kind is p.VAR_KEYWORD for p in parameters):
        for name in sorted(given - named.keys()):
            hint = nearest_name(name, named) or f" It takes {', '.join(f'`{known}`' for known in named) or 'nothing'}."
            raise ParityError(f"{path}: `{name}` in the {origin} is none of its arguments.{hint}")
    missing = [name for name, p in named.items() if p.default is p.empty and name not in given]
    if missing:
        raise ParityError(f"{path}: needs {', '.join(f'`{name}`' for name in missing)}; {remedy}.")


def check_forward_arguments(path: str, module_class: type[nn.Module], names: Mapping[str, Any]) -> None:
    """Checks that a class's forward takes the named arguments and needs no other.

    Raises:
        ParityError: If it does not.
    """
    remedy = "describe it in the --inputs file or with --input NAME=SHAPE"
    check_arguments(path, module_class.forward, names, "inputs", remedy)


def _arguments(config: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in config.items() if not key.startswith("_") and key not in _BOOKKEEPING_KEYS}


@contextmanager
def _without_warnings() -> Iterator[None]:
    """Keeps what libraries log about themselves while they are imported, such as a missing kernel, out of reports."""
    before = logging.root.manager.disable
    logging.disable(max(before, logging.WARNING))
    try:
        yield
    finally:
        logging.disable(before)


def _split(path: str) -> tuple[str, str]:
    module_path, separator, name_path = path.partition(":") if ":" in path else path.rpartition(".")
    if not (separator and all(part.isidentifier() for part in [*module_path.split("."), *name_path.split(".")])):
        raise ParityError(f"{path}: not an import path. Write `package.module:Class` or `package.module.Class`.")
    return module_path, name_path


def _import(module_path: str, path: str) -> ModuleType:
    try:
        return importlib.import_module(module_path)
    except ModuleNotFoundError as error:
        if error.name and f"{module_path}.".startswith(f"{error.name}."):
            parent, _, leaf = error.name.rpartition(".")
            hint = nearest_name(leaf, _modules_in(parent))
            where = f"in `{parent}`" if parent else "installed or in the current directory"
            raise ParityError(f"{path}: there is no module `{leaf}` {where}.{hint}") from None
        raise ParityError(f"{path}: importing `{module_path}` failed: {error}.") from error
    except Exception as error:
        raise ParityError(f"{path}: importing `{module_path}` failed: {type(error).__name__}: {error}") from error


def _modules_in(parent: str) -> list[str]:
    locations = getattr(sys.modules.get(parent), "__path__", None) if parent else None
    return [module.name for module in pkgutil.iter_modules(locations)]
