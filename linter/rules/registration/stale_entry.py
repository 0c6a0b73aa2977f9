"""REG004 stale-entry."""

from __future__ import annotations

from collections.abc import Iterator
from difflib import get_close_matches

from linter.edits.registering import with_other_key, with_other_name, without_entry
from linter.facts import LazyEntry
from linter.findings import Edit, Finding, Safety
from linter.project import Module
from linter.project.lazy_packages import Lazy, lazy, modules_defining
from linter.project.profiles import LIBRARIES
from linter.rules.base import Rule
from linter.rules.registration import GUIDE, LAZY_MODELS, LIBRARY


_ALIKE = 0.85


class StaleEntry(Rule):
    """A lazy table names something that its module does not define.

    ## What it does
    Looks each entry of `_import_structure` up in the submodule that it is said to come from.

    ## Why is this bad?
    The name shows in `dir()` and in completions, and importing it raises.

    ## Fix safety
    Safe: the entry goes, and the import of the name under `TYPE_CHECKING` with it; the last entry takes its key along.
    Where the submodule defines one class of nearly that name that the table lacks, the entry names that one. A name
    that the package does define is not taken out: where there is one such place and no such submodule, the key is
    changed.
    """

    code = "REG004"
    name = "stale-entry"
    guide = GUIDE
    profiles = LIBRARIES
    fixes = Safety.SAFE
    bad = {
        **LIBRARY,
        "tinylib/models/__init__.py": LAZY_MODELS.replace('["TinyModel"]', '["TinyModel", "GoneModel"]  #!').replace(
            "import TinyModel", "import GoneModel, TinyModel"
        ),
    }
    good = LIBRARY

    def check(self, module: Module) -> Iterator[Finding]:
        table = lazy(module)
        if table is None:
            return
        for entry in table.entries:
            home = f"{module.name}.{entry.submodule}"
            submodule = module.project.module(home, module.root)
            if submodule is None:
                # What a file that cannot be read defines is not known.
                if module.project.has_module(home, module.root):
                    continue
                defining = modules_defining(module, entry.submodule, entry.name)
                message = f"`{entry.name}` is said to come from `{home}`, which does not exist"
            elif self._defines(submodule, entry.name):
                continue
            else:
                defining = modules_defining(module, entry.submodule, entry.name)
                message = f"`{home}` does not define `{entry.name}`"
            if defining:
                message += f"; `{defining[0].name}` does"
            edits = self._edits(table, submodule, entry, defining)
            yield self.finding(module, entry.span, message, entry.name, edits)

    def _edits(
        self, table: Lazy, submodule: Module | None, entry: LazyEntry, defining: list[Module]
    ) -> tuple[Edit, ...]:
        if defining:
            # What another rule finds missing in a table below must not cost the entries above it.
            (home, *others) = defining
            # A file in a folder without an `__init__` is of no package that a key could name.
            moved = submodule is None and not others and home.root == table.module.root
            return with_other_key(table.module, entry, home.name[len(table.module.name) + 1 :]) if moved else ()
        classes = [name for name in submodule.classes if name not in table.names] if submodule else []
        meant = get_close_matches(entry.name, classes, cutoff=_ALIKE)
        if len(meant) == 1 and entry.name not in table.typed_names:
            return with_other_name(table.module, entry, meant[0])
        return without_entry(table.module, entry)

    def _defines(self, submodule: Module, name: str) -> bool:
        return (
            name in submodule.facts.bindings
            or submodule.reexport(name) is not None
            or submodule.project.module(f"{submodule.name}.{name}", submodule.root) is not None
            # What a table or a function hands out at run time cannot be read.
            or not submodule.facts.lazy_is_complete
            or "__getattr__" in submodule.facts.bindings
        )
