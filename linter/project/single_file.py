"""What a library's loaders know of its models: the table of the classes that load from a single original file."""

from __future__ import annotations

from dataclasses import dataclass

from linter.facts import Attribute
from linter.project import Module


SINGLE_FILE_TABLE = "SINGLE_FILE_LOADABLE_CLASSES"


@dataclass(frozen=True)
class SingleFileTable:
    """The table of one library, and the file that it stands in."""

    module: Module
    attribute: Attribute

    @property
    def names(self) -> tuple[str, ...]:
        """The classes that have an entry."""
        return self.attribute.value.strings


def single_file_table(module: Module) -> SingleFileTable | None:
    """The table of the library that a file lies in; None where it has none whose names can all be read."""
    top = module.name.partition(".")[0]
    home = module.project.module(f"{top}.loaders.single_file_model", module.root) if top else None
    for attribute in home.facts.attributes if home else ():
        if home is not None and attribute.name == SINGLE_FILE_TABLE and attribute.value.complete:
            return SingleFileTable(home, attribute)
    return None
