"""REG006 dependency-guard."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from linter.edits.registering import behind_other_backends
from linter.facts import LazyEntry
from linter.findings import Finding, Safety
from linter.project import Class, Function, Module
from linter.project.dependencies import needed_backends
from linter.project.lazy_packages import lazy, library, packages_above
from linter.project.profiles import LIBRARIES
from linter.rules.base import Rule
from linter.rules.registration import GUIDE


class DependencyGuard(Rule):
    """A name of a lazy table stands behind other backends than its module needs.

    ## What it does
    Compares the `is_..._available()` checks around each entry with the optional packages that the entry's module
    imports at its top without a guard of its own. A name that comes from a lazy package below is that package's.

    ## Why is this bad?
    Where the package is missing, the entry is offered all the same and raises when it is used, instead of being a
    dummy that says what to install.

    ## Fix safety
    Safe: the entry, and its import for type checkers, move behind what their module needs, where other entries stand
    behind that already. Nobody could use the name without it before.

    ## Exceptions
    Packages that no table of the library asks for: the file itself has to guard those (REG009). What the table of a
    package above asks for before it loads this one need not be asked for twice.
    """

    code = "REG006"
    name = "dependency-guard"
    guide = GUIDE
    fixes = Safety.SAFE
    profiles = LIBRARIES
    bad = {
        "tinylib/__init__.py": """
            from .utils import OptionalDependencyNotAvailable, is_torch_available, is_transformers_available

            _import_structure = {"utils": []}

            try:
                if not is_torch_available():
                    raise OptionalDependencyNotAvailable()
            except OptionalDependencyNotAvailable:
                pass
            else:
                _import_structure["encoders"] = ["Encoder"]  #!
                _import_structure["model"] = ["TinyModel"]

            try:
                if not (is_torch_available() and is_transformers_available()):
                    raise OptionalDependencyNotAvailable()
            except OptionalDependencyNotAvailable:
                pass
            else:
                _import_structure["pipeline"] = ["TinyPipeline"]
        """,
        "tinylib/utils.py": """
            class OptionalDependencyNotAvailable(Exception):
                pass


            def is_torch_available():
                return True


            def is_transformers_available():
                return True
        """,
        "tinylib/encoders.py": "from transformers import CLIPTextModel\n\n\nclass Encoder(CLIPTextModel):\n    pass\n",
        "tinylib/model.py": "import torch\n\n\nclass TinyModel:\n    dtype = torch.float32\n",
        "tinylib/pipeline.py": "import torch\n\n\nclass TinyPipeline:\n    dtype = torch.float32\n",
    }
    good = {
        **bad,
        "tinylib/__init__.py": """
            from .utils import OptionalDependencyNotAvailable, is_torch_available, is_transformers_available

            _import_structure = {"utils": []}

            try:
                if not is_torch_available():
                    raise OptionalDependencyNotAvailable()
            except OptionalDependencyNotAvailable:
                pass
            else:
                _import_structure["model"] = ["TinyModel"]

            try:
                if not (is_torch_available() and is_transformers_available()):
                    raise OptionalDependencyNotAvailable()
            except OptionalDependencyNotAvailable:
                pass
            else:
                _import_structure["encoders"] = ["Encoder"]
                _import_structure["pipeline"] = ["TinyPipeline"]
        """,
    }

    def check(self, module: Module) -> Iterator[Finding]:
        table, top = lazy(module), library(module)
        if table is None or top is None:
            return
        asked = {backend for entry in (*table.entries, *top.entries) for backend in entry.backends}
        guards = self._guards_above(module)
        for entry in table.entries:
            home, needed = self._needs(module, entry)
            there = {*entry.backends, *guards}
            missing = [backend for backend in needed if backend in asked and backend not in there]
            if missing:
                names = " and ".join(f"`{backend}`" for backend in missing)
                behind = " and ".join(f"`{backend}`" for backend in entry.backends) or "no backend"
                message = f"`{entry.name}` stands behind {behind}, and `{home}` needs {names}"
                edits = behind_other_backends(table, entry, (*entry.backends, *missing))
                yield self.finding(module, entry.span, message, entry.name, edits)

    def _needs(self, module: Module, entry: LazyEntry) -> tuple[str, Iterable[str]]:
        """The module that defines an entry and the backends that it needs; none where a lazy package lies between.

        That package's own table is compared with its modules: so no table rests on every file of the library.
        """
        if lazy(module.project.module(f"{module.name}.{entry.submodule}", module.root)) is not None:
            return "", ()
        found = module.project.definition(f"{module.name}.{entry.submodule}.{entry.name}", module.root)
        if isinstance(found, (Class, Function)):
            return found.module.name, needed_backends(found.module)
        return "", ()

    def _guards_above(self, module: Module) -> set[str]:
        """The backends that the packages above ask for before they load anything from this one."""
        found: set[str] = set()
        for package in (package for package in packages_above(module) if package is not module):
            table, key = lazy(package), module.name[len(package.name) + 1 :]
            behind = [set(entry.backends) for entry in table.entries if entry.submodule == key] if table else []
            found |= set.intersection(*behind) if behind else set()
        return found
