"""CPY: `# Copied from` markers and the code that they mark."""

from __future__ import annotations

from collections.abc import Iterator

from linter.copies import Marker, library_of, parse_marker
from linter.facts import Copied
from linter.project import Class, Function, Module


GUIDE = "models.md#copied-code"


def markers(module: Module) -> Iterator[tuple[Copied, Marker | None]]:
    """The comments that mark copies of this library's own code, with what each says; None for a malformed one."""
    library = module.name.partition(".")[0]
    for comment in module.facts.copied:
        if library_of(comment.text) == library:
            yield comment, parse_marker(comment.text)


def source_of(module: Module, marker: Marker) -> Class | Function | None:
    """The definition that a marker names."""
    found = module.project.definition(marker.source, module.root)
    return None if isinstance(found, Module) else found


def marker_of(definition: Class | Function) -> Marker | None:
    """The well-formed marker that stands above a definition."""
    above = (item.text for item in definition.module.facts.copied if item.qualname == definition.qualname)
    return next((marker for marker in map(parse_marker, above) if marker is not None), None)
