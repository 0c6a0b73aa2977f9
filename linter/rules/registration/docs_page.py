"""REG011 docs-page."""

from __future__ import annotations

from collections.abc import Iterator

from linter.facts import LazyEntry
from linter.findings import Finding, Severity
from linter.project import Class, Module
from linter.project.lazy_packages import Lazy, lazy
from linter.project.profiles import CHECKOUTS
from linter.project.repository import Repository, repository
from linter.rules.base import Rule
from linter.rules.registration import GUIDE, LIBRARY, is_deprecated, offered


_LOADER = "LoraLoaderMixin"


class DocsPage(Rule):
    """A public model, pipeline or LoRA loader has no page in the documentation.

    ## What it does
    Reads the pages that the documentation's `_toctree.yml` lists for `[[autodoc]]` directives, and looks for the
    models and pipelines that the top-level table offers, and for the LoRA loaders of `loaders`. The finding is at the
    entry of the table.

    ## Why is this bad?
    Nobody finds it: the site and its search know what the pages document. For a loader, the repository's own check of
    its list of loaders fails.

    ## Exceptions
    What is deprecated, and trees without such documentation.
    """

    code = "REG011"
    name = "docs-page"
    severity = Severity.WARNING
    guide = GUIDE
    profiles = CHECKOUTS
    bad = {
        **{f"src/{path}": text for path, text in LIBRARY.items()},
        "src/tinylib/__init__.py": LIBRARY["tinylib/__init__.py"].replace('["TinyModel"]}', '["TinyModel"]}  #!'),
        "setup.py": "",
        "docs/source/en/_toctree.yml": "- sections:\n  - local: api/models/overview\n    title: Models\n",
        "docs/source/en/api/models/overview.md": "# Models\n",
        "docs/source/en/api/models/tiny.md": "# TinyModel\n\n[[autodoc]] TinyModel\n",
    }
    good = {
        **bad,
        "src/tinylib/__init__.py": LIBRARY["tinylib/__init__.py"],
        "docs/source/en/_toctree.yml": """
            - sections:
              - local: api/models/overview
                title: Models
              - local: api/models/tiny
                title: TinyModel
        """,
    }

    def check(self, module: Module) -> Iterator[Finding]:
        table, home = lazy(module), repository(module)
        if table is None or home is None or home.table_of_contents is None:
            return
        contents = home.table_of_contents.relative_to(home.folder).as_posix()
        for entry in self._undocumented(table, home):
            message = f"`{entry.name}` is documented by no page that `{contents}` lists"
            yield self.finding(module, entry.span, message, entry.name)

    def _undocumented(self, table: Lazy, home: Repository) -> Iterator[LazyEntry]:
        missing = [entry for entry in table.entries if entry.name not in home.documented]
        place = table.module.name.split(".")[1:]
        if not place:
            yield from offered(table, missing, ("models", "pipelines"))
        for entry in missing if place == ["loaders"] else ():
            cls = table.definition(entry) if entry.name.endswith(_LOADER) else None
            if isinstance(cls, Class) and not is_deprecated(cls):
                yield entry
