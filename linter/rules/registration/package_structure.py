"""REG001 package-structure."""

from __future__ import annotations

from collections.abc import Iterator

from linter.edits.registering import with_eager_import, with_entry
from linter.findings import Finding, Safety
from linter.project import Class, Module
from linter.project.lazy_packages import lazy, library, packages_above
from linter.project.profiles import LIBRARIES
from linter.rules.base import Rule
from linter.rules.registration import GUIDE, LIBRARY, MODEL_FILE, is_public


class PackageStructure(Rule):
    """A public class is missing from the lazy table of a package that it lies in.

    ## What it does
    For models with a config, pipelines and schedulers, looks for the name in the `_import_structure` of each lazy
    package between the class and the top of the library, and among the imports of each eager `__init__` in between.

    ## Why is this bad?
    The name cannot be imported from the package: an `ImportError` that only users see.

    ## Fix safety
    Safe: one entry is added, at its sorted place.

    ## Exceptions
    Classes whose name begins with an underscore, and packages none of whose names this file contributes (a pipeline's
    private models).
    """

    code = "REG001"
    name = "package-structure"
    guide = GUIDE
    profiles = LIBRARIES
    fixes = Safety.SAFE
    bad = {
        **LIBRARY,
        "tinylib/models/tiny.py": MODEL_FILE
        + "\n\n            class OtherTinyModel(ModelMixin, ConfigMixin):  #!\n                pass\n",
    }
    good = LIBRARY

    def check(self, module: Module) -> Iterator[Finding]:
        if module.is_package or library(module) is None:
            return
        for cls in module.classes.values():
            if not is_public(cls):
                continue
            for package in packages_above(module):
                submodule = module.name[len(package.name) + 1 :]
                table = lazy(package)
                if table is None:
                    names = {item.name for item in package.facts.imports}
                    missing = cls.name not in names and any(
                        item.target.startswith(".") for item in package.facts.imports
                    )
                    edits = with_eager_import(package, submodule, cls.name) if missing else ()
                else:
                    missing = table.is_complete and cls.name not in table.names
                    typed = next((item.backends for item in table.typed if item.name == cls.name), None)
                    edits = with_entry(table, submodule, cls.name, typed) if missing else ()
                if missing and self._is_place_of(cls, package, module):
                    where = f"`{package.name}.__init__`"
                    what = "the `_import_structure`" if table else "the imports"
                    message = f"`{cls.name}` is missing from {what} of {where}"
                    yield self.finding(module, cls.facts.header, message, cls, edits)

    def _is_place_of(self, cls: Class, package: Module, module: Module) -> bool:
        """Models that lie among a pipeline's files are parts of that pipeline; the library's tables of models do not
        name them.
        """
        if cls.is_model and not cls.inherits("DiffusionPipeline"):
            return "models" in package.name.split(".")
        return True
