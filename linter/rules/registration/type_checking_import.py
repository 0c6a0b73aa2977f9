"""REG002 type-checking-import."""

from __future__ import annotations

from collections.abc import Iterator

from linter.edits.registering import home_of, with_entry, with_typed_import
from linter.findings import Finding, Safety
from linter.project import Module
from linter.project.lazy_packages import disagreements, lazy
from linter.project.profiles import LIBRARIES
from linter.rules.base import Rule
from linter.rules.registration import GUIDE, LAZY_MODELS, LIBRARY, MODEL_FILE


class TypeCheckingImport(Rule):
    """A lazy package's table and its imports under `TYPE_CHECKING` do not name the same things.

    ## What it does
    Compares the two lists of each lazy `__init__` below the top of the library, both ways.

    ## Why is this bad?
    What type checkers and editors see is not what can be imported.

    ## Fix safety
    Safe: the missing entry or import is added, at its sorted place.

    ## Exceptions
    Output classes, which the library offers from their sub-package in one way or the other.
    """

    code = "REG002"
    name = "type-checking-import"
    guide = GUIDE
    profiles = LIBRARIES
    fixes = Safety.SAFE
    bad = {
        **LIBRARY,
        "tinylib/models/__init__.py": LAZY_MODELS.replace('["TinyModel"]', '["OtherTinyModel", "TinyModel"]  #!'),
        "tinylib/models/tiny.py": MODEL_FILE + "\n\n            class OtherTinyModel:\n                pass\n",
    }
    good = LIBRARY

    def check(self, module: Module) -> Iterator[Finding]:
        table = lazy(module)
        if table is None or not table.typed or "." not in module.name:
            return
        for entry, item in disagreements(table):
            if entry is not None and not entry.name.endswith("Output"):
                message = f"`{entry.name}` is in `_import_structure` and not imported under `TYPE_CHECKING`"
                edits = with_typed_import(table, entry)
                yield self.finding(module, entry.span, message, entry.name, edits)
            if item is not None and not item.name.endswith("Output"):
                message = f"`{item.name}` is imported under `TYPE_CHECKING` and not in `_import_structure`"
                edits = with_entry(table, home_of(table, item), item.name, item.backends)
                yield self.finding(module, item.span, message, item.name, edits)
