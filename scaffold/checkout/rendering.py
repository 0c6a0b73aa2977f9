"""The files of a model in a checkout: the folder's templates with those of `templates/checkout/` before them.

A template under `checkout/` hides the one at the same path beside it: the shells are shared, and what a checkout has
mechanisms of its own for is left to them. Imports are written as the library writes its own.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping
from typing import Any

from linter.project.lazy_packages import lazy
from scaffold.checkout.tree import LIBRARY, Checkout
from scaffold.expressions import evaluate
from scaffold.rendering import format_files, make_environment, render
from scaffold.resources import templates_root
from scaffold.spec import Spec


def render_texts(spec: Spec, templates: Mapping[str, str], **values: Any) -> dict[str, str]:
    """Texts of a checkout, not formatted yet.

    Args:
        spec: the architecture.
        templates: each path with its template, relative to `templates/checkout/`.
        values: what the templates see beside the spec.

    Raises:
        ScaffoldError: a template is broken.
    """
    root = templates_root()
    environment = make_environment((root / "checkout", root), spec.custom)
    environment.filters["counted"] = lambda size: counted(size, spec)
    environment.filters["copied"] = with_origins
    return {path: render(environment, name, spec=spec, **values) for path, name in templates.items()}


def format_python(texts: Mapping[str, str]) -> dict[str, str]:
    """The same texts as upstream's own formatter has them.

    Raises:
        ScaffoldError: one is not Python.
    """
    return format_files(LIBRARY, dict(texts))


def counted(size: str | int, spec: Spec) -> Any:
    """The value of a formula of the spec for its tiny configuration."""
    defaults = {name: entry.default for name, entry in spec.config.items()}
    return evaluate(str(size), {**defaults, **spec.tiny.config, **spec.tiny.sizes})


def with_origins(functions: str, module: str) -> str:
    """Functions with the comment by which the library's own script holds them to where they are copied from."""
    return re.sub(r"^(?=def (\w+)\()", rf"# Copied from {module}.\1\n", functions, flags=re.MULTILINE)


def without_idle_logger(text: str) -> str:
    """A module without the logger that it does not use."""
    return text if "logger." in text else re.sub(r"^logger = .*\n", "", text, flags=re.MULTILINE)


def output_shape(spec: Spec) -> tuple[int, ...]:
    """The shape of the tiny model's prediction, without the batch: its first input's, with channels of its own."""
    config = {**{name: entry.default for name, entry in spec.config.items()}, **spec.tiny.config}
    channels = config.get("out_channels")
    drawn = next(argument.draw for argument in spec.arguments.values() if argument.draw)
    shape = drawn.each[0] if drawn.each else drawn.normal[1:]
    if channels and len(shape) == 2:
        # Tokens hold the channels of a whole patch.
        channels *= config.get("patch_size", 1) ** 2
    return tuple(channels if size == "in_channels" and channels else counted(size, spec) for size in shape)


def with_relative_imports(text: str, checkout: Checkout, module: str) -> str:
    """A module's text with the imports of the library relative to where it lies.

    Args:
        text: Python that imports the library by its name, at the top level.
        checkout: the checkout, which says where a name lies that the library offers at its top.
        module: the module's name, relative to the library.
    """
    package = module.rpartition(".")[0]
    lines = text.split("\n")
    for node in reversed(ast.parse(text).body):
        if not isinstance(node, ast.ImportFrom) or (node.module or "").partition(".")[0] != LIBRARY:
            continue
        statements = []
        named = (node.module or "").partition(".")[2]
        for alias in node.names:
            home = _home_of(checkout, alias.name, package, named)
            name = alias.name if alias.asname is None else f"{alias.name} as {alias.asname}"
            statements.append(f"from {_relative(home, package)} import {name}")
        lines[node.lineno - 1 : node.end_lineno] = statements
    return "\n".join(lines)


def _home_of(checkout: Checkout, name: str, package: str, named: str) -> str:
    """The package that offers a name; where the file lies in that package, the module that defines it.

    Args:
        checkout: the checkout.
        name: what is imported.
        package: where the file lies.
        named: what the name is imported from, empty for the library's top.
    """
    around = not named or f"{package}.".startswith(f"{named}.")
    table = lazy(checkout.module(named)) if around else None
    entry = next((entry for entry in table.entries if entry.name == name), None) if table else None
    if entry is None:
        return named
    return _home_of(checkout, name, package, f"{named}.{entry.submodule}".lstrip("."))


def _relative(home: str, package: str) -> str:
    """A module of the library as a file of `package` writes it."""
    own, other = package.split("."), home.split(".")
    shared = 0
    while shared < min(len(own), len(other)) and own[shared] == other[shared]:
        shared += 1
    return "." * (len(own) - shared + 1) + ".".join(other[shared:])
