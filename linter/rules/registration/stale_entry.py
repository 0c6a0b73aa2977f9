"""REG004 stale-entry."""

from __future__ import annotations

from collections.abc import Iterator

from linter.edits.registering import without_entry
from linter.findings import Finding, Safety
from linter.project import Module
from linter.project.lazy_packages import lazy
from linter.project.profiles import LIBRARIES
from linter.rules.base import Rule
from linter.rules.registration import GUIDE, LAZY_MODELS, LIBRARY


class StaleEntry(Rule):
    """A lazy table names something that its module does not define.

    ## What it does
    Looks each entry of `_import_structure` up in the submodule that it is said to come from.

    ## Why is this bad?
    The name shows in `dir()` and in completions, and importing it raises.

    ## Fix safety
    Safe: the entry goes, and the import of the name under `TYPE_CHECKING` with it. An entry that is the only one of a
    larger table's list is left to be looked at.
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
        for entry in table.entries if table else ():
            home = f"{module.name}.{entry.submodule}"
            submodule = module.project.module(home, module.root)
            if submodule is None:
                message = f"`{entry.name}` is said to come from `{home}`, which does not exist"
            elif self._defines(submodule, entry.name):
                continue
            else:
                message = f"`{home}` does not define `{entry.name}`"
            yield self.finding(module, entry.span, message, entry.name, without_entry(module, entry))

    def _defines(self, submodule: Module, name: str) -> bool:
        if name in submodule.facts.bindings or any(entry.name == name for entry in submodule.facts.lazy_entries):
            return True
        if submodule.project.module(f"{submodule.name}.{name}", submodule.root) is not None:
            return True
        stars = any(item.name == "*" for item in submodule.facts.imports)
        return (
            submodule.reexport(name) is not None
            or not submodule.facts.lazy_is_complete
            or (stars and "__getattr__" in submodule.facts.bindings)
        )
