"""REG: the tables of a lazily imported library that a public class must stand in."""

from __future__ import annotations

from collections.abc import Iterator
from weakref import WeakKeyDictionary

from linter.facts import Import, LazyEntry, Span
from linter.findings import Edit, Finding, Safety
from linter.project import Class, Module
from linter.registering import insert_import, insert_string
from linter.rules.base import Rule
from linter.source import Source


GUIDE = "models.md#registration"
_PUBLIC_BASES = ("DiffusionPipeline", "ModularPipeline", "SchedulerMixin")
_MIXINS = frozenset({"ModelMixin", "ConfigMixin", *_PUBLIC_BASES})


class Lazy:
    """A package whose `__init__` imports lazily: its table, and the imports that type checkers read."""

    def __init__(self, module: Module) -> None:
        self.module = module
        self.entries = [entry for entry in module.facts.lazy_entries if not entry.fallback]
        self.names = {entry.name for entry in self.entries}
        self.is_complete = module.facts.lazy_is_complete
        imports = module.facts.imports
        # What comes from outside the package (`from ..utils import ...`) is used here, not offered.
        typed = [
            item for item in imports if item.type_checking and item.target.startswith(".") and item.target[1] != "."
        ]
        self.eager_names = {item.name for item in imports if not item.type_checking}
        self.typed = [item for item in typed if item.name != "*" and not item.fallback]
        self.typed_names = {item.name for item in self.typed}
        self.typed_is_complete = not any(item.name == "*" and not item.fallback for item in typed)
        self.dummies = [entry for entry in module.facts.lazy_entries if entry.fallback and entry.name == "*"]

    def key_of(self, submodule: str) -> str:
        """The key that a submodule's names stand under: its own, or that of the package that it lies in."""
        keys = {entry.submodule for entry in self.entries}
        parts = submodule.split(".")
        whole = [".".join(parts[:depth]) for depth in range(len(parts), 0, -1)]
        return next((key for key in whole if key in keys), submodule)


_known: WeakKeyDictionary[Module, Lazy] = WeakKeyDictionary()


def lazy(module: Module | None) -> Lazy | None:
    """The lazy package that a module is, or None."""
    if module is None or not module.is_package or not module.facts.lazy_entries:
        return None
    if module not in _known:
        _known[module] = Lazy(module)
    return _known[module]


def library(module: Module) -> Lazy | None:
    """The lazy top-level package that a module lies in, or None."""
    return lazy(module.project.module(module.name.partition(".")[0], module.root))


def packages_above(module: Module) -> Iterator[Module]:
    """The packages that a module lies in, nearest first, without the top-level one."""
    parts = module.name.split(".")
    for depth in range(len(parts) - 1, 1, -1):
        package = module.project.module(".".join(parts[:depth]), module.root)
        if package is not None:
            yield package


def is_public(cls: Class) -> bool:
    """Whether users import a class from the library: a model with a config, a pipeline or a scheduler, and not a base
    of those.
    """
    if cls.name.startswith("_") or cls.name in _MIXINS or "." in cls.qualname:
        return False
    return (cls.is_model and cls.inherits("ConfigMixin")) or cls.inherits(*_PUBLIC_BASES)


def with_entry(table: Lazy, submodule: str, name: str, near: LazyEntry | None = None) -> tuple[Edit, ...]:
    """The edit that adds a name to a lazy table; none where there is no telling where it belongs.

    Args:
        table: The package.
        submodule: The submodule that defines the name, relative to the package.
        name: The name.
        near: An entry behind the backends that the new one needs, where the key is not there yet.
    """
    key = table.key_of(submodule)
    same = next((entry for entry in table.entries if entry.submodule == key), None)
    source = table.module.source
    if same is not None:
        text = insert_string(source.between(same.container), name)
        return (Edit(str(source.path), same.container, text),) if text else ()
    siblings = [entry for entry in table.entries if _package(entry.submodule) == _package(key)]
    if near is not None:
        siblings = [entry for entry in siblings if entry.backends == near.backends] or [near]
    statements = [entry for entry in siblings if _own_line(table.module, entry.container)]
    if not statements:
        return ()
    after = [entry for entry in statements if entry.submodule < key]
    neighbour = after[-1] if after else statements[0]
    return (_statement(source, neighbour.container, f'_import_structure["{key}"] = ["{name}"]', before=not after),)


def with_typed_import(table: Lazy, submodule: str, name: str) -> tuple[Edit, ...]:
    """The edit that adds a name to what a lazy package imports for type checkers; none where there is no telling
    where.
    """
    source = table.module.source
    parts = submodule.split(".")
    for depth in range(len(parts), 0, -1):
        home = "." + ".".join(parts[:depth])
        same = next((item for item in table.typed if item.target.rpartition(".")[0] == home), None)
        if same is not None:
            text = insert_import(source.between(same.statement), name)
            return (Edit(str(source.path), same.statement, text),) if text else ()
    # A table's order is by submodule: the new import goes behind the last one that sorts before it.
    before = [item for item in table.typed if item.target < f".{submodule}.{name}"]
    neighbours = before or table.typed
    if not neighbours:
        return ()
    neighbour = max(before, key=lambda item: item.target) if before else table.typed[0]
    return (_statement(source, neighbour.statement, f"from .{submodule} import {name}", before=not before),)


def _statement(source: Source, neighbour: Span, code: str, before: bool) -> Edit:
    """The edit that adds a statement directly before or after the one that spans a place, at its indentation."""
    text = source.lines[neighbour.line - 1]
    indent = text[: len(text) - len(text.lstrip())]
    line = neighbour.line if before else neighbour.end_line + 1
    return Edit(str(source.path), Span(line, 0, line, 0), f"{indent}{code}\n")


def _package(submodule: str) -> str:
    return submodule.rpartition(".")[0]


def _own_line(module: Module, container: Span) -> bool:
    """Whether a list is the right-hand side of a statement of its own, not a value in a larger table."""
    return module.source.lines[container.line - 1].lstrip().startswith("_import_structure[")


_ORIGIN = """
            from .configuration_utils import ConfigMixin
            from .modeling_utils import ModelMixin


            class TinyModel(ModelMixin, ConfigMixin):
                pass
"""
_LAZY_TOP = """
            from typing import TYPE_CHECKING

            from .utils import _LazyModule

            _import_structure = {"models": ["TinyModel"]}

            if TYPE_CHECKING:
                from .models import TinyModel
            else:
                import sys

                sys.modules[__name__] = _LazyModule(__name__, globals()["__file__"], _import_structure)
"""
_LAZY_MODELS = """
            from typing import TYPE_CHECKING

            from ..utils import _LazyModule

            _import_structure = {}
            _import_structure["tiny"] = ["TinyModel"]

            if TYPE_CHECKING:
                from .tiny import TinyModel
            else:
                import sys

                sys.modules[__name__] = _LazyModule(__name__, globals()["__file__"], _import_structure)
"""
_GOOD = {
    "tinylib/__init__.py": _LAZY_TOP,
    "tinylib/utils/__init__.py": "class _LazyModule:\n    pass\n",
    "tinylib/models/__init__.py": _LAZY_MODELS,
    "tinylib/models/configuration_utils.py": "class ConfigMixin:\n    pass\n",
    "tinylib/models/modeling_utils.py": "from torch import nn\n\n\nclass ModelMixin(nn.Module):\n    pass\n",
    "tinylib/models/tiny.py": _ORIGIN,
}


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
    fixes = Safety.SAFE
    bad = {
        **_GOOD,
        "tinylib/models/tiny.py": _ORIGIN
        + "\n\n            class OtherTinyModel(ModelMixin, ConfigMixin):  #!\n                pass\n",
    }
    good = _GOOD

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
                    edits: tuple[Edit, ...] = ()
                else:
                    missing = table.is_complete and cls.name not in table.names
                    edits = with_entry(table, submodule, cls.name) if missing else ()
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
    fixes = Safety.SAFE
    bad = {
        **_GOOD,
        "tinylib/models/__init__.py": _LAZY_MODELS.replace('["TinyModel"]', '["OtherTinyModel", "TinyModel"]  #!'),
        "tinylib/models/tiny.py": _ORIGIN + "\n\n            class OtherTinyModel:\n                pass\n",
    }
    good = _GOOD

    def check(self, module: Module) -> Iterator[Finding]:
        table = lazy(module)
        if table is None or not table.typed or "." not in module.name:
            return
        for entry, item in disagreements(table):
            if entry is not None and not entry.name.endswith("Output"):
                message = f"`{entry.name}` is in `_import_structure` and not imported under `TYPE_CHECKING`"
                edits = with_typed_import(table, entry.submodule, entry.name)
                yield self.finding(module, entry.span, message, entry.name, edits)
            if item is not None and not item.name.endswith("Output"):
                message = f"`{item.name}` is imported under `TYPE_CHECKING` and not in `_import_structure`"
                edits = with_entry(table, item.target.lstrip(".").rpartition(".")[0], item.name)
                yield self.finding(module, item.span, message, item.name, edits)


def disagreements(table: Lazy) -> Iterator[tuple[LazyEntry | None, Import | None]]:
    """Entries without their import for type checkers, and such imports without their entry."""
    if table.typed_is_complete:
        seen = table.typed_names | table.eager_names
        yield from ((entry, None) for entry in table.entries if entry.name not in seen)
    if table.is_complete:
        yield from ((None, item) for item in table.typed if item.name not in table.names)


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
    fixes = Safety.SAFE
    bad = {
        **_GOOD,
        "tinylib/__init__.py": _LAZY_TOP.replace("import TinyModel\n", "import TinyModel, SmallModel  #!\n"),
    }
    good = _GOOD

    def check(self, module: Module) -> Iterator[Finding]:
        top = library(module)
        if top is None:
            return
        if module is top.module:
            yield from self._between_the_two(top)
            return
        for cls in module.classes.values():
            if not is_public(cls) or not self._is_registered_below(cls, module):
                continue
            if top.is_complete and cls.name not in top.names and cls.name not in top.typed_names:
                submodule = module.name.partition(".")[2]
                near = self._near(top, module)
                edits = with_entry(top, submodule, cls.name, near)
                message = f"`{cls.name}` is missing from `{top.module.name}.__init__`"
                yield self.finding(module, cls.facts.header, message, cls, edits)

    def _between_the_two(self, top: Lazy) -> Iterator[Finding]:
        for entry, item in disagreements(top):
            if entry is not None:
                message = f"`{entry.name}` is in `_import_structure` and not imported under `TYPE_CHECKING`"
                edits = with_typed_import(top, entry.submodule, entry.name)
                yield self.finding(top.module, entry.span, message, entry.name, edits)
            elif item is not None:
                message = f"`{item.name}` is imported under `TYPE_CHECKING` and not in `_import_structure`"
                edits = with_entry(top, item.target.lstrip(".").rpartition(".")[0], item.name)
                yield self.finding(top.module, item.span, message, item.name, edits)

    def _is_registered_below(self, cls: Class, module: Module) -> bool:
        tables = [table for package in packages_above(module) if (table := lazy(package)) is not None]
        return bool(tables) and all(cls.name in table.names for table in tables)

    def _near(self, top: Lazy, module: Module) -> LazyEntry | None:
        """An entry for a name of the same sub-package: the new one needs the same backends."""
        first = module.name.split(".")[1]
        return next((entry for entry in top.entries if entry.submodule.split(".")[0] == first), None)


class StaleEntry(Rule):
    """A lazy table names something that its module does not define.

    ## What it does
    Looks each entry of `_import_structure` up in the submodule that it is said to come from.

    ## Why is this bad?
    The name shows in `dir()` and in completions, and importing it raises.

    ## Fix safety
    No fix yet.
    """

    code = "REG004"
    name = "stale-entry"
    guide = GUIDE
    bad = {
        **_GOOD,
        "tinylib/models/__init__.py": _LAZY_MODELS.replace('["TinyModel"]', '["TinyModel", "GoneModel"]  #!').replace(
            "import TinyModel", "import GoneModel, TinyModel"
        ),
    }
    good = _GOOD

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
            yield self.finding(module, entry.span, message, entry.name)

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


class DummyObject(Rule):
    """A name behind an optional dependency has no dummy object, or a dummy stands for no name.

    ## What it does
    Pairs each block of the top-level table that needs a backend with the dummy module that its `except` branch
    imports, and compares their names.

    ## Why is this bad?
    Without the dependency, importing the name raises an `ImportError` instead of saying what to install.
    """

    code = "REG005"
    name = "dummy-object"
    guide = GUIDE
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
        if table is None or "." in module.name:
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
                yield self.finding(table.module, fallback.span, message, name)
        if not defined:
            return
        main = max(defined, key=lambda home: len(defined[home]))
        for entry in table.entries:
            if set(entry.backends) == backends and not any(entry.name in names for names in defined.values()):
                message = f"`{entry.name}` needs {needed} and has no dummy in `{main}`"
                yield self.finding(table.module, entry.span, message, entry.name)
