"""CPY: `# Copied from` markers and the code that they mark."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from linter.copies import Marker, library_of, parse_marker
from linter.facts import Copied
from linter.project import Class, Function, Module
from linter.project.nested import nested_functions
from linter.project.queries import kept_query


GUIDE = "models.md#copied-code"


@dataclass(frozen=True)
class Claim:
    """A well-formed marker whose source is there."""

    comment: Copied
    marker: Marker
    copy: Class | Function | None
    """What the marker stands above; None where that is no definition."""
    source: Class | Function


@kept_query
def claims(module: Module) -> tuple[Claim, ...]:
    """What the markers of a file say that can be compared."""
    found = []
    for comment, marker in markers(module):
        copy = copy_below(module, comment)
        if marker is not None and (source := source_of(module, marker, copy)) is not None:
            found.append(Claim(comment, marker, copy, source))
    return tuple(found)


@kept_query
def markers(module: Module) -> tuple[tuple[Copied, Marker | None], ...]:
    """The comments that mark copies of this library's own code, with what each says; None for a malformed one."""
    library = module.name.partition(".")[0]
    own = [comment for comment in module.facts.copied if library_of(comment.text) == library]
    return tuple((comment, parse_marker(comment.text)) for comment in own)


def copy_below(module: Module, comment: Copied) -> Class | Function | None:
    """The definition that a marker stands above."""
    found = _by_line(module).get(comment.line)
    if found is None:
        found = next((item for item in nested_functions(module) if item.facts.span.line == comment.line), None)
    return found


def source_of(module: Module, marker: Marker, copy: Class | Function | None = None) -> Class | Function | None:
    """The definition that a marker names.

    Args:
        module: Where the marker stands.
        marker: What it says.
        copy: What it stands above. A property and its setter have one name: the setter is a copy of the setter.
    """
    found = module.project.definition(marker.source, module.root)
    if found is None:
        found = _inside_a_function(module, marker.source)
    if isinstance(found, Function) and isinstance(copy, Function) and _accessor(copy) != _accessor(found):
        alike = (item for item in _by_line(found.module).values() if item.qualname == found.qualname)
        found = next((item for item in alike if _accessor(item) == _accessor(copy)), found)
    return None if isinstance(found, Module) else found


def _inside_a_function(module: Module, name: str) -> Function | None:
    for outer in around(name):
        function = module.project.definition(outer, module.root)
        if isinstance(function, Function):
            inside = function.qualname + name.removeprefix(outer)
            return next((item for item in nested_functions(function.module) if item.qualname == inside), None)
    return None


def around(name: str) -> Iterator[str]:
    """The dotted names of what a dotted name lies in, the nearest first."""
    while name := name.rpartition(".")[0]:
        yield name


@kept_query
def _by_line(module: Module) -> dict[int, Class | Function]:
    """The definitions of a file by the line of their `def` or `class`, those that share a name with another too."""
    methods = (Function(module, facts, cls) for cls in module.classes.values() for facts in cls.facts.methods)
    functions = (Function(module, facts, None) for facts in module.facts.functions)
    found: dict[int, Class | Function] = {}
    for item in (*module.definitions.values(), *methods, *functions):
        found.setdefault(item.facts.span.line, item)
    return found


def _accessor(definition: Class | Function) -> str | None:
    """`setter` for the setter of a property, and so on; None for what is none."""
    decorators = definition.facts.decorators
    names = [item.path.rpartition(".")[2] for item in decorators if "." in item.path]
    return next((name for name in names if name in ("setter", "deleter", "getter")), None)


def marker_of(definition: Class | Function) -> Marker | None:
    """The well-formed marker that stands above a definition."""
    return _markers_above(definition.module).get(definition.facts.span.line)


@kept_query
def _markers_above(module: Module) -> dict[int, Marker]:
    """The first well-formed marker above each definition, by the line of its `def` or `class`."""
    found: dict[int, Marker] = {}
    for item in module.facts.copied:
        marker = parse_marker(item.text)
        if marker is not None:
            found.setdefault(item.line, marker)
    return found
