"""REG003 top-level."""

from __future__ import annotations

from collections.abc import Iterator

from linter.edits.registering import home_of, with_entry, with_typed_import
from linter.facts import LazyEntry
from linter.findings import Finding, Safety
from linter.project import Class, Module
from linter.project.lazy_packages import Lazy, disagreements, lazy, library, packages_above
from linter.project.profiles import LIBRARIES
from linter.rules.base import Rule
from linter.rules.registration import GUIDE, LAZY_TOP, LIBRARY, is_public


class TopLevel(Rule):
    """A public class cannot be imported from the top of the library, or only one of its two lists there names it.

    ## What it does
    Looks for models, pipelines and schedulers that a sub-package of the library registers in the top-level `__init__`:
    in `_import_structure` and in the imports under `TYPE_CHECKING`.

    ## Why is this bad?
    `from library import Name` fails, or type checkers deny what works.

    ## Fix safety
    Safe: the missing entry or import is added, at its sorted place.
    """

    code = "REG003"
    name = "top-level"
    guide = GUIDE
    profiles = LIBRARIES
    fixes = Safety.SAFE
    bad = {
        **LIBRARY,
        "tinylib/__init__.py": LAZY_TOP.replace("import TinyModel\n", "import TinyModel, SmallModel  #!\n"),
    }
    good = LIBRARY

    def check(self, module: Module) -> Iterator[Finding]:
        top = library(module)
        if top is None:
            return
        if module is top.module:
            yield from self._between_the_two(top)
        for cls in module.classes.values():
            below = self._registered_below(cls, module) if is_public(cls) else None
            if below is None:
                continue
            if top.is_complete and cls.name not in top.names and cls.name not in top.typed_names:
                submodule = module.name.partition(".")[2]
                edits = with_entry(top, submodule, cls.name, below.backends)
                message = f"`{cls.name}` is missing from `{top.module.name}.__init__`"
                yield self.finding(module, cls.facts.header, message, cls, edits)

    def _between_the_two(self, top: Lazy) -> Iterator[Finding]:
        for entry, item in disagreements(top):
            if entry is not None:
                message = f"`{entry.name}` is in `_import_structure` and not imported under `TYPE_CHECKING`"
                edits = with_typed_import(top, entry)
                yield self.finding(top.module, entry.span, message, entry.name, edits)
            elif item is not None:
                message = f"`{item.name}` is imported under `TYPE_CHECKING` and not in `_import_structure`"
                edits = with_entry(top, home_of(top, item), item.name, item.backends)
                yield self.finding(top.module, item.span, message, item.name, edits)

    def _registered_below(self, cls: Class, module: Module) -> LazyEntry | None:
        """Its entry in the package next to the top, where every lazy package that it lies in has one."""
        tables = [table for package in packages_above(module) if (table := lazy(package)) is not None]
        entries = [next((entry for entry in table.entries if entry.name == cls.name), None) for table in tables]
        return entries[-1] if entries and all(entries) else None
