"""REG005 dummy-object."""

from __future__ import annotations

from collections.abc import Iterator

from linter.edits.registering import with_dummy, without_dummy
from linter.findings import Finding, Safety
from linter.project import Module
from linter.project.lazy_packages import Lazy, lazy, offers
from linter.project.profiles import LIBRARIES
from linter.rules.base import Rule
from linter.rules.registration import GUIDE


class DummyObject(Rule):
    """A name behind an optional dependency has no dummy object, or a dummy stands for no name.

    ## What it does
    Pairs each block of the top-level table that needs a backend with the dummy module that its `except` branch
    imports, and compares their names.

    ## Why is this bad?
    Without the dependency, importing the name raises an `ImportError` instead of saying what to install.

    ## Fix safety
    Safe: the dummy of a neighbour is written once more under the new name, or the dummy without a name goes. Where the
    module has no dummy class to go by, nothing is changed.
    """

    code = "REG005"
    name = "dummy-object"
    guide = GUIDE
    profiles = LIBRARIES
    fixes = Safety.SAFE
    bad = {
        "tinylib/__init__.py": """
            from typing import TYPE_CHECKING

            from .utils import OptionalDependencyNotAvailable, _LazyModule, is_torch_available

            _import_structure = {"utils": []}

            try:
                if not is_torch_available():
                    raise OptionalDependencyNotAvailable()
            except OptionalDependencyNotAvailable:
                from .utils import dummy_pt_objects

                _import_structure["utils.dummy_pt_objects"] = [name for name in dir(dummy_pt_objects)]
            else:
                _import_structure["models"] = [
                    "OtherModel",  #!
                    "TinyModel",
                ]

            if TYPE_CHECKING:
                try:
                    if not is_torch_available():
                        raise OptionalDependencyNotAvailable()
                except OptionalDependencyNotAvailable:
                    from .utils.dummy_pt_objects import *
                else:
                    from .models import OtherModel, TinyModel
            else:
                import sys

                sys.modules[__name__] = _LazyModule(__name__, globals()["__file__"], _import_structure)
        """,
        "tinylib/models.py": "class OtherModel:\n    pass\n\n\nclass TinyModel:\n    pass\n",
        "tinylib/utils/__init__.py": "",
        "tinylib/utils/dummy_pt_objects.py": """
            class TinyModel(metaclass=type):
                _backends = ["torch"]
        """,
    }
    good = {
        **bad,
        "tinylib/utils/dummy_pt_objects.py": """
            class OtherModel(metaclass=type):
                _backends = ["torch"]


            class TinyModel(metaclass=type):
                _backends = ["torch"]
        """,
    }

    def check(self, module: Module) -> Iterator[Finding]:
        table = lazy(module)
        if table is None:
            return
        for backends in dict.fromkeys(frozenset(dummies.backends) for dummies in table.dummies):
            yield from self._behind(table, backends)

    def _behind(self, table: Lazy, backends: frozenset[str]) -> Iterator[Finding]:
        """Compares the names behind one set of backends with the dummies for it, which may lie in several modules."""
        needed = " and ".join(f"`{backend}`" for backend in sorted(backends))
        defined: dict[str, set[str]] = {}
        for fallback in table.dummies:
            home = f"{table.module.name}.{fallback.submodule}"
            dummies = table.module.project.module(home, table.module.root)
            if dummies is None or set(fallback.backends) != backends:
                continue
            defined[home] = {name for name in (*dummies.classes, *dummies.functions) if not name.startswith("_")}
            for name in sorted(defined[home] - table.names if table.is_complete else ()):
                message = f"`{home}` holds a dummy for `{name}`, which the table does not name"
                # What a package below offers is missing in the table, and not too much among the dummies.
                edits = () if offers(table, name) else without_dummy(dummies, name)
                yield self.finding(table.module, fallback.span, message, name, edits)
        if not defined:
            return
        main = max(defined, key=lambda home: len(defined[home]))
        for entry in table.entries:
            if set(entry.backends) == backends and not any(entry.name in names for names in defined.values()):
                message = f"`{entry.name}` needs {needed} and has no dummy in `{main}`"
                dummies = table.module.project.module(main, table.module.root)
                edits = with_dummy(dummies, entry.name) if dummies else ()
                yield self.finding(table.module, entry.span, message, entry.name, edits)
