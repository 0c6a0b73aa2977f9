"""REG010 new-dependency."""

from __future__ import annotations

from collections.abc import Iterator

from linter.facts import Import
from linter.findings import Finding
from linter.project import Function, Module
from linter.project.dependencies import declared_packages, optional_backend, package_of
from linter.rules.base import Rule
from linter.rules.registration import GUIDE


class NewDependency(Rule):
    """An import of a package that the project does not declare.

    ## What it does
    Compares each imported package with the requirements and extras in the project's `pyproject.toml`, its `setup.py`,
    or the metadata of its installation, and with the packages that the library asks for by `is_..._available()`.

    ## Why is this bad?
    Users do not have it. Each dependency is one more thing that breaks, and most are imported for a few lines that
    native operations replace.

    ## Exceptions
    The project's own packages, the standard library, what a declared package brings with it, imports under a condition
    or in a `try`, `setup.py` and what lies beside a project's `src` folder, which are not shipped, and projects that
    declare nothing.
    """

    code = "REG010"
    name = "new-dependency"
    guide = GUIDE
    bad = {
        "pyproject.toml": '[project]\nname = "tiny"\ndependencies = ["torch>=2.4", "Pillow"]\n',
        "tiny.py": """
            import torch
            from einops import rearrange  #!
            from PIL import Image


            def split(x: torch.Tensor, image: Image.Image):
                return rearrange(x, "b (h d) -> b h d", h=8), image
        """,
    }
    good = {
        **bad,
        "tiny.py": """
            import torch
            from PIL import Image


            def split(x: torch.Tensor, image: Image.Image):
                return x.unflatten(-1, (8, -1)), image
        """,
    }

    def check(self, module: Module) -> Iterator[Finding]:
        declared = declared_packages(module)
        if declared is None or not _is_shipped(module):
            return
        told: set[str] = set()
        for item in _imports(module):
            package = package_of(module, item)
            if not package or package in told or item.conditional:
                continue
            if not declared.allows(package) and not optional_backend(module, package) and not _is_own(module, package):
                told.add(package)
                message = f"`{package}` is not among the dependencies in `{declared.place}`"
                yield self.finding(module, item.statement, message, package)


def _is_shipped(module: Module) -> bool:
    """Whether users get a file: where a project has a folder `src`, they get what is in there; never `setup.py`."""
    if module.path.name == "setup.py":
        return False
    files = module.project.files
    for folder in (module.root, module.root.parent):
        if files.exists(folder / "pyproject.toml") or files.exists(folder / "setup.py"):
            return module.root == folder / "src" or "src/" not in files.names(folder, "src")
    return True


def _imports(module: Module) -> Iterator[Import]:
    yield from module.facts.imports
    for definition in module.definitions.values():
        if not isinstance(definition, Function) or not definition.facts.imports:
            continue
        # A function that asks first imports what it has made sure of.
        if not any("available" in name for name in definition.facts.body.names):
            yield from definition.facts.imports


def _is_own(module: Module, package: str) -> bool:
    files = module.project.files
    folders = (module.path.parent, module.root, module.root.parent)
    # A folder without an `__init__` is a package too.
    return any(
        files.exists(folder / f"{package}.py") or f"{package}/" in files.names(folder, package) for folder in folders
    )
