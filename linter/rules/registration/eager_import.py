"""REG008 eager-import."""

from __future__ import annotations

from collections.abc import Iterator

from linter.facts import Import, Span
from linter.findings import Edit, Finding, Safety
from linter.project import Class, Function, Module
from linter.project.dependencies import needed_backends, optional_backend, package_of
from linter.project.lazy_packages import Lazy, lazy
from linter.project.profiles import LIBRARIES
from linter.rules.base import Rule
from linter.rules.registration import GUIDE, LAZY_MODELS, LIBRARY, is_public


class EagerImport(Rule):
    """A lazy `__init__` imports a heavy module when it is executed.

    ## What it does
    Looks at the imports of a lazy package outside `TYPE_CHECKING` for optional packages, and for names that its own
    table loads lazily.

    ## Why is this bad?
    Importing the library then loads the module, and with it torch and half the library: seconds, for everybody, at
    every start. What the table says about the name is never used.

    ## Fix safety
    Safe: the statement is removed where the table and the imports for type checkers name all that it imports.
    """

    code = "REG008"
    name = "eager-import"
    guide = GUIDE
    profiles = LIBRARIES
    fixes = Safety.SAFE
    bad = {
        **LIBRARY,
        "tinylib/models/__init__.py": LAZY_MODELS.replace(
            "from ..utils import _LazyModule\n",
            "from ..utils import _LazyModule\n            from .tiny import TinyModel  #!\n",
        ),
    }
    good = LIBRARY

    def check(self, module: Module) -> Iterator[Finding]:
        table = lazy(module)
        if table is None:
            return
        for item in module.facts.imports:
            if item.type_checking or item.fallback:
                continue
            backend = optional_backend(module, package_of(module, item))
            if backend and not item.conditional:
                message = f"`{item.target}` is imported when the package is, before anybody asks for it"
            elif item.name in table.names and self._is_heavy(module, item):
                message = f"`{item.name}` is imported when the package is, though its table loads it lazily"
            else:
                continue
            yield self.finding(module, item.span, message, item.name, self._without(table, item))

    def _is_heavy(self, module: Module, item: Import) -> bool:
        found = module.project.definition(module.absolute(item.target), module.root)
        if not isinstance(found, (Class, Function)):
            return False
        return bool(needed_backends(found.module)) or (isinstance(found, Class) and is_public(found))

    def _without(self, table: Lazy, item: Import) -> tuple[Edit, ...]:
        imported = [other for other in table.module.facts.imports if other.statement == item.statement]
        known = table.names & table.typed_names
        if item.conditional or not all(other.name in known for other in imported):
            return ()
        lines = Span(item.statement.line, 0, item.statement.end_line + 1, 0)
        return (Edit(str(table.module.path), lines, ""),)
