"""REG007 sorted."""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import Any

from linter.edits.registering import Order, kept_order
from linter.facts import LazyEntry, Span
from linter.findings import Edit, Finding, Safety
from linter.project import Module
from linter.project.lazy_packages import lazy
from linter.project.profiles import LIBRARIES
from linter.rules.base import Rule
from linter.rules.registration import GUIDE, LAZY_TOP, LIBRARY


_NAMES = [f'"{letter}Model",' for letter in "ABCDEFGHIJKLMNOPQRSTUVWX"]


def _table(names: Sequence[str]) -> str:
    lines = "".join(f"\n                    {name}" for name in names)
    return LAZY_TOP.replace('["TinyModel"]', f"[{lines}\n                ]")


class SortedEntries(Rule):
    """An entry stands out of the order that its lazy `__init__` keeps.

    ## What it does
    Finds out by which order the lists of the file are sorted (by letters, without regard to case, or classes before
    functions), and names the entries that break it.

    ## Why is this bad?
    Two branches that add a name at the end collide; those that add it at its place do not. Upstream's own check fails.

    ## Fix safety
    Safe: the names of one list change places, the rest of the list stays.

    ## Exceptions
    Files that keep no order: more than one name in twenty stands out of it. Lists with comments are not mended.
    """

    code = "REG007"
    name = "sorted"
    guide = GUIDE
    profiles = LIBRARIES
    fixes = Safety.SAFE
    bad = {
        **LIBRARY,
        "tinylib/__init__.py": _table([*_NAMES[:5], '"ZModel",  #!', *_NAMES[5:]]),
    }
    good = {**LIBRARY, "tinylib/__init__.py": _table([*_NAMES, '"ZModel",'])}

    def check(self, module: Module) -> Iterator[Finding]:
        table = lazy(module)
        lists: dict[Span, list[LazyEntry]] = defaultdict(list)
        for entry in table.entries if table else ():
            lists[entry.container].append(entry)
        names = [[entry.name for entry in entries] for entries in lists.values()]
        key = kept_order(names)
        if key is None:
            return
        for container, entries in lists.items():
            strays = _strays([key(entry.name) for entry in entries])
            edits = self._sorted(module, container, entries, key) if strays else ()
            for index in strays:
                message = f"`{entries[index].name}` stands out of the order that the lists of this file keep"
                yield self.finding(module, entries[index].span, message, entries[index].name, edits)

    def _sorted(self, module: Module, container: Span, entries: Sequence[LazyEntry], key: Order) -> tuple[Edit, ...]:
        source = module.source
        if "#" in source.between(container):
            return ()
        wanted = sorted(entries, key=lambda entry: key(entry.name))
        return tuple(
            Edit(str(module.path), there.span, source.between(name.span))
            for there, name in zip(entries, wanted, strict=True)
            if there.name != name.name
        )


def _strays(keys: Sequence[Any]) -> list[int]:
    """The fewest items to take out of a list so that the rest is sorted."""
    ends: list[Any] = []
    lengths = []
    for key in keys:
        place = bisect_right(ends, key)
        ends[place : place + 1] = [key]
        lengths.append(place)
    kept, wanted = set(), len(ends) - 1
    for index, length in reversed(list(enumerate(lengths))):
        if length == wanted:
            kept.add(index)
            wanted -= 1
    return [index for index in range(len(keys)) if index not in kept]
