"""What a library's repository holds beside it: the pages that document its names, and the tests that name them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from linter.project.index import Files
from linter.project.profiles import repository_of
from linter.project.queries import kept_query, query
from linter.project.views import Module


_DOCUMENTATION = ("docs/source/en", "docs/source", "docs")
_TABLE_OF_CONTENTS = "_toctree.yml"
_LISTED = re.compile(r"^[\s-]*local:\s*[\"']?([^\s\"'#]+)", re.MULTILINE)
_DOCUMENTED = re.compile(r"\[\[autodoc\]\]\s*([\w.]+)")
_WORD = re.compile(r"\b[A-Z]\w+")


class Repository:
    """The folder of a repository, and what lies in it."""

    def __init__(self, folder: Path, files: Files) -> None:
        self.folder = folder
        self._files = files

    @query
    def table_of_contents(self) -> Path | None:
        """The file that lists the pages of the documentation."""
        places = (self.folder / folder / _TABLE_OF_CONTENTS for folder in _DOCUMENTATION)
        return next((path for path in places if self._files.exists(path)), None)

    @query
    def documented(self) -> frozenset[str]:
        """The last names of what the listed pages of the documentation document."""
        contents = self.table_of_contents
        found: set[str] = set()
        for page in _LISTED.findall(self._text(contents)) if contents else ():
            text = self._text(contents.parent / f"{page}.md") if contents else ""
            found.update(name.rpartition(".")[2] for name in _DOCUMENTED.findall(text))
        return frozenset(found)

    @query
    def tests(self) -> Mapping[str, frozenset[str]]:
        """The Python files below `tests/` by their path in the repository, each with the capitalised words in it."""
        files = self._below(self.folder / "tests")
        return {path.relative_to(self.folder).as_posix(): frozenset(_WORD.findall(self._text(path))) for path in files}

    def named_below(self, folder: str) -> frozenset[str]:
        """The capitalised words of the tests below a folder of the repository."""
        return frozenset().union(*(words for path, words in self.tests.items() if path.startswith(f"{folder}/")))

    def _below(self, folder: Path) -> Iterator[Path]:
        for name in self._files.names(folder):
            if name.endswith(".py"):
                yield folder / name
            elif name.endswith("/") and not name.startswith((".", "__")):
                yield from self._below(folder / name)

    def _text(self, path: Path) -> str:
        source = self._files.source(path) if self._files.exists(path) else None
        return source.text if source else ""


def repository(module: Module) -> Repository | None:
    """The repository that a file's package lies in."""
    top = module.project.module(module.name.partition(".")[0], module.root)
    return _repository(top or module)


@kept_query
def _repository(top: Module) -> Repository | None:
    folder = repository_of(top)
    return Repository(folder, top.project.files) if folder else None
