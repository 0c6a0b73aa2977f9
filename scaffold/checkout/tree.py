"""A checkout in memory: what its files hold now, and what they will hold once a plan is applied."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from linter.cache import MemoryCache
from linter.files import Files
from linter.findings import Edit
from linter.fixing import apply_edits
from linter.project import Function, Module, Project
from linter.project.lazy_packages import Lazy, lazy
from scaffold.checkout.wrapping import wrap_new_lines
from scaffold.errors import ScaffoldError
from scaffold.plan import Change, Plan, read


LIBRARY = "diffusers"


class NotFound(Exception):
    """What a registration needs and the checkout does not have, as the object of "there is no ..."."""


class Checkout:
    """The files of a checkout, with changes that are not written yet."""

    def __init__(self, root: Path):
        """Look at a checkout.

        Raises:
            ScaffoldError: there is no library at the place where it lies in a checkout.
        """
        self.root = root.resolve()
        self.sources = self.root / "src"
        self._contents: dict[Path, bytes] = {}
        # What was read of a file stays true for its content, however often the project is looked at anew.
        self._cache = MemoryCache()
        self._look_again()
        top = self.find_module(LIBRARY)
        if top is None or lazy(top) is None:
            raise ScaffoldError(
                f"{root} is no checkout of {LIBRARY}: it has no src/{LIBRARY}/__init__.py that imports lazily"
            )

    def module(self, name: str) -> Module:
        """A module of the library, by its name without the library's own.

        Raises:
            NotFound: there is none.
        """
        found = self.find_module(f"{LIBRARY}.{name}" if name else LIBRARY)
        if found is None:
            raise NotFound(f"module {LIBRARY}.{name}")
        return found

    def find_module(self, name: str) -> Module | None:
        """A module of the library by its whole name, `None` if there is none."""
        return self._project.module(name, self.sources)

    def table(self, name: str) -> Lazy:
        """The lazy table of a package of the library.

        Raises:
            NotFound: it has none.
        """
        table = lazy(self.module(name))
        if table is None:
            raise NotFound(f"table of lazy imports in {LIBRARY}{'.' if name else ''}{name}")
        return table

    def function(self, module: Module, name: str) -> Function:
        """A function at the top level of a module.

        Raises:
            NotFound: there is none.
        """
        if name not in module.functions:
            raise NotFound(f"function {name} in {module.name}")
        return module.functions[name]

    def text(self, path: str) -> str:
        """What a file of the checkout holds.

        Raises:
            NotFound: there is none.
        """
        content = self._contents.get(self.root / path, read(self.root, path))
        if content is None:
            raise NotFound(f"file {path}")
        return content.decode()

    def names(self, folder: str, pattern: str) -> tuple[str, ...]:
        """The names of a folder's files that a pattern fits, sorted."""
        return self._project.files.names(self.root / folder, pattern)

    def write(self, path: str, text: str) -> None:
        """Have a file hold a text."""
        self._contents[self.root / path] = text.encode()
        self._look_again()

    def edit(self, module: Module, edits: Iterable[Edit], what: str) -> None:
        """Have a module of the library changed.

        Args:
            module: the module, as it is now.
            edits: none of them overlap; at least one, else nobody knew a place.
            what: what they put in.

        Raises:
            NotFound: there are no edits.
        """
        edits = tuple(edits)
        if not edits:
            raise NotFound(f"place for {what} in {module.name}")
        source = module.source
        after = wrap_new_lines(source.text, apply_edits(source, edits).decode(source.encoding))
        self._contents[module.path] = after.encode(source.encoding)
        self._look_again()

    def plan(self) -> Plan:
        """The changes so far."""
        paths = [path.relative_to(self.root).as_posix() for path in self._contents]
        changes = (Change(path, read(self.root, path), self._contents[self.root / path]) for path in paths)
        return Plan.of(self.root, changes)

    def _look_again(self) -> None:
        self._project = Project(Files(self._cache, self._contents))
