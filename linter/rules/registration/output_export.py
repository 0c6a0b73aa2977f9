"""REG020 output-export."""

from __future__ import annotations

from collections.abc import Iterator

from linter.findings import Finding, Severity
from linter.project import Class, Module
from linter.project.lazy_packages import Lazy, lazy, library
from linter.project.profiles import LIBRARIES
from linter.rules.base import Rule
from linter.rules.registration import GUIDE, LAZY_MODELS, LAZY_TOP, LIBRARY


class OutputExport(Rule):
    """An output class is registered in the package below the top of the library or at the top, and not in both.

    ## What it does
    Compares the output classes (`...Output`) in the lazy tables of the top-level package and of the packages directly
    below it.

    ## Why is this bad?
    Who annotates with it or unpickles it imports it from where the other public names come from, and cannot.

    ## Exceptions
    Output classes that only their own family's package offers.
    """

    code = "REG020"
    name = "output-export"
    severity = Severity.WARNING
    guide = GUIDE
    profiles = LIBRARIES
    bad = {
        **LIBRARY,
        "tinylib/__init__.py": LAZY_TOP,
        "tinylib/models/__init__.py": LAZY_MODELS.replace('["TinyModel"]', '["TinyModel", "TinyOutput"]  #!'),
        "tinylib/models/tiny.py": "class TinyModel:\n    pass\n\n\nclass TinyOutput:\n    pass\n",
    }
    good = {
        **bad,
        "tinylib/__init__.py": LAZY_TOP.replace('["TinyModel"]', '["TinyModel", "TinyOutput"]'),
    }

    def check(self, module: Module) -> Iterator[Finding]:
        top, table = library(module), lazy(module)
        if top is None or table is None:
            return
        if module is top.module:
            for package in dict.fromkeys(entry.submodule for entry in top.entries):
                below = lazy(module.project.module(f"{module.name}.{package}", module.root))
                if below is not None:
                    yield from self._only_in(top, below, package)
        elif any(module.name == f"{top.module.name}.{entry.submodule}" for entry in top.entries):
            yield from self._only_in(table, top, "")

    def _only_in(self, table: Lazy, other: Lazy, submodule: str) -> Iterator[Finding]:
        """The outputs of one table, all or those of one key, that another lacks."""
        for entry in table.entries if other.is_complete else ():
            if (
                not entry.name.endswith("Output")
                or entry.name in other.names
                or submodule not in ("", entry.submodule)
            ):
                continue
            home = f"{table.module.name}.{entry.submodule}.{entry.name}"
            if submodule or isinstance(table.module.project.definition(home, table.module.root), Class):
                message = f"`{entry.name}` is registered here and not in `{other.module.name}.__init__`"
                yield self.finding(table.module, entry.span, message, entry.name)
