"""REG017 single-file-entry."""

from __future__ import annotations

from collections.abc import Iterator

from linter.facts import Attribute, Span
from linter.findings import Finding
from linter.project import Class, Module
from linter.project.lazy_packages import library
from linter.project.profiles import LIBRARIES
from linter.project.single_file import SINGLE_FILE_TABLE, SingleFileTable, single_file_table
from linter.rules.base import Rule
from linter.rules.registration import GUIDE


_MIXIN = "FromOriginalModelMixin"


class SingleFileEntry(Rule):
    """A model has `from_single_file` without an entry in the table that it goes by, or an entry without the method.

    ## What it does
    Compares the models that inherit `FromOriginalModelMixin` with the keys of `SINGLE_FILE_LOADABLE_CLASSES`, where
    the entry of a base class counts.

    ## Why is this bad?
    Without the entry, the method is there and always raises. Without the mixin, loading a whole pipeline from one file
    fails at this model.

    ## Exceptions
    Models that bring their own `from_single_file`.
    """

    code = "REG017"
    name = "single-file-entry"
    guide = GUIDE
    profiles = LIBRARIES
    bad = {
        "tinylib/__init__.py": '_import_structure = {"models": ["OtherModel", "TinyModel"]}\n',
        "tinylib/loaders/__init__.py": "",
        "tinylib/loaders/single_file_model.py": """
            SINGLE_FILE_LOADABLE_CLASSES = {
                "TinyModel": {"default_subfolder": "transformer"},
            }


            class FromOriginalModelMixin:
                pass
        """,
        "tinylib/models.py": """
            from torch import nn

            from .loaders.single_file_model import FromOriginalModelMixin


            class ModelMixin(nn.Module):
                pass


            class OtherModel(ModelMixin, FromOriginalModelMixin):  #!
                pass


            class TinyModel(ModelMixin, FromOriginalModelMixin):
                pass
        """,
    }
    good = {
        **bad,
        "tinylib/loaders/single_file_model.py": """
            SINGLE_FILE_LOADABLE_CLASSES = {
                "OtherModel": {"default_subfolder": "transformer"},
                "TinyModel": {"default_subfolder": "transformer"},
            }


            class FromOriginalModelMixin:
                pass
        """,
    }

    def check(self, module: Module) -> Iterator[Finding]:
        table = single_file_table(module)
        if table is None:
            return
        if module is table.module:
            yield from self._without_mixin(table)
        for cls in module.classes.values():
            if not (cls.is_model and cls.inherits(_MIXIN)):
                continue
            method = cls.method("from_single_file")
            names = {item.name for item in cls.ancestors if isinstance(item, Class)}
            is_its_own = method is not None and method.cls is not None and method.cls.name != _MIXIN
            if not is_its_own and not names & set(table.names):
                message = f"`{cls.name}` inherits `{_MIXIN}` and is not in `{SINGLE_FILE_TABLE}`"
                yield self.finding(module, cls.facts.header, f"{message}: `from_single_file` always raises", cls)

    def _without_mixin(self, table: SingleFileTable) -> Iterator[Finding]:
        module = table.module
        top = library(module)
        homes = {entry.name: entry.submodule for entry in top.entries} if top else {}
        for name in table.names:
            target = f"{module.name.partition('.')[0]}.{homes.get(name, '')}.{name}"
            cls = module.project.definition(target, module.root) if name in homes else None
            if isinstance(cls, Class) and not cls.inherits(_MIXIN) and cls.method("from_single_file") is None:
                message = f"`{name}` is said to load from a single file, and does not inherit `{_MIXIN}`"
                yield self.finding(module, _place_of(name, table.attribute, module), message, name)


def _place_of(name: str, table: Attribute, module: Module) -> Span:
    key, first = f'"{name}"', table.span.line
    for number, line in enumerate(module.source.lines[first - 1 : table.span.end_line], start=first):
        if key in line:
            column = line.index(key)
            return Span(number, column, number, column + len(key))
    return table.span
