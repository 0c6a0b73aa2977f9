"""CPY: `# Copied from` markers and the code that they mark."""

from __future__ import annotations

from collections.abc import Iterator

from linter.copies import Marker, library_of, parse_marker
from linter.facts import Copied
from linter.project import Class, Function, Module
from linter.project.queries import kept_query


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
    return _markers_above(definition.module).get(definition.qualname)


@kept_query
def _markers_above(module: Module) -> dict[str, Marker]:
    """The first well-formed marker above each definition, by its qualified name."""
    found: dict[str, Marker] = {}
    for item in module.facts.copied:
        marker = parse_marker(item.text)
        if marker is not None:
            found.setdefault(item.qualname, marker)
    return found
