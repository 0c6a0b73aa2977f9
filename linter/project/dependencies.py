"""What a project may import: the packages that it declares, and those that it treats as optional."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from linter.facts import Import
from linter.project import Function, Module
from linter.project.queries import kept_query


if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

_IMPORTED_AS = {
    "bs4": "beautifulsoup4",
    "cv2": "opencv",
    "git": "gitpython",
    "google": "protobuf",
    "imwatermark": "invisible-watermark",
    "modelopt": "nvidia-modelopt",
    "onnxruntime": "onnx",
    "optimum": "optimum-quanto",
    "PIL": "pillow",
    "ruamel": "ruamel.yaml",
    "sklearn": "scikit-learn",
    "skimage": "scikit-image",
    "yaml": "pyyaml",
}
"""Packages that are installed under another name than they are imported by."""

_BROUGHT_BY = {
    "huggingface-hub": {"packaging", "tqdm", "pyyaml", "typing-extensions", "fsspec", "filelock", "httpx"},
    "torch": {"torchgen", "functorch", "typing-extensions", "jinja2", "sympy", "networkx"},
    "transformers": {"tokenizers", "huggingface-hub", "numpy", "packaging", "safetensors", "regex", "tqdm", "pyyaml"},
    "pytest": {"-pytest", "pluggy"},
}
"""What a declared package itself requires and is used through; nobody declares it twice."""

_REQUIREMENT = re.compile(r"^\s*([A-Za-z0-9][A-Za-z0-9._-]*)")
_LIST_IN_SETUP = re.compile(r"^\s*(_deps|install_requires)\s*=\s*\[(.*?)^\s*\]", re.DOTALL | re.MULTILINE)
_STRING = re.compile(r"""["']([^"'\n]+)["']""")
_METADATA_LINE = re.compile(r"^Requires-Dist: (.+)$", re.MULTILINE)


@dataclass(frozen=True)
class Declared:
    """The packages that a project's metadata name, normalised, and the file that names them."""

    names: frozenset[str]
    required: frozenset[str]
    place: str

    def allows(self, package: str) -> bool:
        """Whether an imported package is declared, or comes with one that is."""
        name = distribution_of(package)
        spread = {name, *(self.names & {f"{name}-python", f"{name}-headless", f"{name}-python-headless"})}
        return bool(spread & self.names) or any(name in _BROUGHT_BY.get(other, ()) for other in self.names)


def distribution_of(package: str) -> str:
    """The normalised name under which a package is installed."""
    return re.sub(r"[-_.]+", "-", _IMPORTED_AS.get(package, package)).lower()


def package_of(module: Module, item: Import) -> str:
    """The top-level package that an import takes from, empty where it is of the file's own or of the standard
    library.
    """
    if item.target.startswith("."):
        return ""
    package, own = (name.partition(".")[0] for name in (item.target, module.name))
    return "" if package in ("", own, "__future__") or package in sys.stdlib_module_names else package


def optional_backend(module: Module, package: str) -> str:
    """The name under which the file's library asks whether a package is there; empty where it never asks."""
    top = module.name.partition(".")[0]
    if package in ("", top):
        return ""
    for name in dict.fromkeys((package, distribution_of(package).replace("-", "_"))):
        if isinstance(module.project.definition(f"{top}.utils.is_{name}_available", module.root), Function):
            return name
    return ""


@kept_query
def needed_backends(module: Module) -> dict[str, Import]:
    """The optional packages without which a file cannot be imported, each with the import that needs it."""
    found: dict[str, Import] = {}
    declared = declared_packages(module)
    for item in module.facts.imports:
        if item.type_checking or item.conditional or item.backends:
            continue
        package = package_of(module, item)
        backend = optional_backend(module, package) if package else ""
        if backend and not (declared and distribution_of(package) in declared.required):
            found.setdefault(backend, item)
    return found


def declared_packages(module: Module) -> Declared | None:
    """What the project that a file lies in declares; None where it declares nothing that can be read."""
    top = module.project.module(module.name.partition(".")[0], module.root)
    return _declared_by(top or module)


@kept_query
def _declared_by(top: Module) -> Declared | None:
    # The metadata of an installed package lie beside it.
    installed = top.project.files.names(top.root, f"{top.name}-*.dist-info") if top.name else ()
    places = [top.root / name / "METADATA" for name in installed]
    for folder in (top.root, top.root.parent):
        places += [folder / "pyproject.toml", folder / "setup.py"]
    for path in places:
        source = top.project.files.source(path) if top.project.files.exists(path) else None
        found = _read(path, source.text, source.digest) if source else None
        if found is not None:
            return found
    return None


@cache
def _read(path: Path, text: str, digest: str) -> Declared | None:
    if path.suffix == ".toml":
        names, required = _of_pyproject(text)
    elif path.name == "setup.py":
        lists = {title: set(_names(_STRING.findall(body))) for title, body in _LIST_IN_SETUP.findall(text)}
        names, required = lists.get("_deps", set()), lists.get("install_requires", set())
    else:
        lines = _METADATA_LINE.findall(text)
        names = set(_names(lines))
        required = set(_names(line for line in lines if "extra ==" not in line))
    return Declared(frozenset(names | required), frozenset(required), path.name) if names | required else None


def _of_pyproject(text: str) -> tuple[set[str], set[str]]:
    try:
        table = tomllib.loads(text)
    except (ValueError, RecursionError):
        return set(), set()
    project = _table(table.get("project"))
    extras = [_table(project.get("optional-dependencies")), _table(table.get("dependency-groups"))]
    required = set(_names(_texts(project.get("dependencies"))))
    names = {name for extra in extras for group in extra.values() for name in _names(_texts(group))}
    own = set(_names(_texts([project.get("name")])))
    return (names | required | own, required) if names or required else (set(), set())


def _table(value: Any) -> dict[str, Any]:
    """A value where it is a table; whether a file is right in all else is not asked here."""
    return value if isinstance(value, dict) else {}


def _texts(value: Any) -> list[str]:
    return [item for item in value if isinstance(item, str)] if isinstance(value, list) else []


def _names(requirements: Iterable[str]) -> Iterator[str]:
    for requirement in requirements:
        if match := _REQUIREMENT.match(requirement):
            yield re.sub(r"[-_.]+", "-", match[1]).lower()
