"""Edits of the tables that a class is registered in: one name goes in where the order wants it, nothing else moves."""

from __future__ import annotations

import ast
import itertools
import re
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Sequence
from keyword import iskeyword
from typing import TypeVar

import msgspec

from linter.facts import Import, LazyEntry, Span
from linter.facts.paths import Places
from linter.findings import Edit
from linter.project import Class, Function, Module
from linter.project.lazy_packages import Lazy
from linter.source import Source


Guarded = TypeVar("Guarded", LazyEntry, Import)

_NAMES_FOR_A_STRAY = 20
Order = Callable[[str], tuple[bool, str]]
_ORDERS: tuple[Order, ...] = (
    # By letters; without regard to case; classes before functions; and as isort does, which leaves underscores out.
    lambda name: (False, name),
    lambda name: (False, name.casefold()),
    lambda name: (name[:1].islower(), name.casefold()),
    lambda name: (name[:1].islower(), name.casefold().replace("_", "")),
)
# Upstream's scripts sort without regard to case, which shows where a new name is written unlike the others: tables
# without regard to underscores, imports by their numbers as numbers.
_LIKELY = _ORDERS[::-1]
_LIKELY_OF_IMPORTS: tuple[Order, ...] = (
    lambda name: (name[:1].islower(), re.sub(r"\d+", lambda digits: digits[0].zfill(9), name.casefold())),
    *_LIKELY,
)


def with_entry(table: Lazy, submodule: str, name: str, backends: Collection[str] | None = None) -> tuple[Edit, ...]:
    """The edit that adds a name to a lazy table; none where there is no telling where it belongs.

    Args:
        table: The package.
        submodule: The submodule that defines the name, relative to the package.
        name: The name.
        backends: What the name needs; None where that is what most names around it need.
    """
    key = table.key_of(submodule)
    siblings = [entry for entry in table.entries if _package(entry.submodule) == _package(key)]
    around = [entry for entry in table.entries if entry.submodule == key] or siblings or table.entries
    if backends is None:
        needed = Counter(frozenset(entry.backends) for entry in around)
        backends = max(needed, key=lambda item: needed[item], default=frozenset())
    same = next((entry for entry in _behind(backends, table.entries) if entry.submodule == key), None)
    source = table.module.source
    if same is not None:
        text = _with_string(source.between(same.container), name)
        return (Edit(str(source.path), same.container, text),) if text else ()
    neighbours = _behind(backends, siblings) or _behind(backends, table.entries)
    statements = [entry for entry in neighbours if _own_line(table.module, entry.container)]
    if not statements:
        return ()
    after = [entry for entry in statements if entry.submodule < key]
    neighbour = after[-1] if after else statements[0]
    return (_statement(source, neighbour.container, f'_import_structure["{key}"] = ["{name}"]', before=not after),)


def with_typed_import(table: Lazy, entry: LazyEntry) -> tuple[Edit, ...]:
    """The edit that adds an entry's name to what a lazy package imports for type checkers; none where there is no
    telling where, or where it is no name.
    """
    source = table.module.source
    typed = _behind(entry.backends, table.typed) or table.typed
    parts = entry.submodule.split(".")
    if not all(part.isidentifier() and not iskeyword(part) for part in (*parts, entry.name)):
        return ()
    for depth in range(len(parts), 0, -1):
        home = "." + ".".join(parts[:depth])
        same = next((item for item in typed if item.target.rpartition(".")[0] == home), None)
        if same is not None:
            text = extended_import(source.between(same.statement), entry.name)
            return (Edit(str(source.path), same.statement, text),) if text else ()
    return _with_import(source, typed, entry.submodule, entry.name)


def behind_other_backends(table: Lazy, entry: LazyEntry, backends: Collection[str]) -> tuple[Edit, ...]:
    """The edits that move an entry, with its import for type checkers, behind other backends.

    None where it shares its statement with others, or where nothing stands behind those backends yet.
    """
    module = table.module
    shared = [other for other in module.facts.lazy_entries if other.container == entry.container]
    moved = msgspec.structs.replace(entry, backends=tuple(backends))
    typed = [item for item in table.typed if item.name == entry.name]
    if len(shared) > 1 or not _behind(backends, table.entries) or (typed and not _behind(backends, table.typed)):
        return ()
    taken_out = without_entry(module, entry)
    put_in = with_entry(table, entry.submodule, entry.name, backends)
    imported = with_typed_import(table, moved) if typed else ()
    return (*taken_out, *put_in, *imported) if taken_out and put_in and bool(typed) == bool(imported) else ()


def with_eager_import(package: Module, submodule: str, name: str) -> tuple[Edit, ...]:
    """The edit that adds an import to a package that imports what it offers at once."""
    own = [item for item in package.facts.imports if item.target.startswith(".") and item.target[1:2] != "."]
    same = next((item for item in own if item.target.rpartition(".")[0] == f".{submodule}"), None)
    text = extended_import(package.source.between(same.statement), name) if same else None
    if same and text:
        return (Edit(str(package.path), same.statement, text),)
    return _with_import(package.source, own, submodule, name)


def _with_import(source: Source, imports: Sequence[Import], submodule: str, name: str) -> tuple[Edit, ...]:
    """A new import statement: they are ordered by submodule, so it goes behind the last one that sorts before it."""
    if not imports:
        return ()
    before = [item for item in imports if item.target < f".{submodule}.{name}"]
    neighbour = max(before, key=lambda item: item.target) if before else imports[0]
    return (_statement(source, neighbour.statement, f"from .{submodule} import {name}", before=not before),)


def home_of(table: Lazy, item: Import) -> str:
    """The submodule, relative to a lazy package, that defines what the package imports for type checkers."""
    module = table.module
    found = module.project.definition(module.absolute(item.target), module.root)
    if isinstance(found, (Class, Function)) and found.module.name.startswith(f"{module.name}."):
        return found.module.name[len(module.name) + 1 :]
    return item.target.lstrip(".").rpartition(".")[0]


def _behind(backends: Collection[str], items: Iterable[Guarded]) -> list[Guarded]:
    """The entries or imports that stand behind exactly these backends."""
    return [item for item in items if set(item.backends) == set(backends)]


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


def _with_string(text: str, name: str) -> str | None:
    """The source of a list of strings with one more; None where it is not such a list."""
    node = ast.parse(text, mode="eval").body
    elements = node.elts if isinstance(node, ast.List) else []
    names = [item.value for item in elements if isinstance(item, ast.Constant) and isinstance(item.value, str)]
    # What stands in parentheses of its own begins before its syntax does.
    if not names or len(names) < len(elements) or "(" in text:
        return None
    return _inserted(text, elements, _place(names, name, _LIKELY), f'"{name}"')


def extended_import(text: str, name: str) -> str | None:
    """The source of a `from ... import` statement with one more name; None where it is not such a statement."""
    node = ast.parse(text).body[0]
    if not isinstance(node, ast.ImportFrom) or node.names[0].name == "*":
        return None
    index = _place([alias.name for alias in node.names], name, _LIKELY_OF_IMPORTS)
    return _inserted(text, node.names, index, name)


def _place(names: Sequence[str], name: str, orders: Sequence[Order]) -> int:
    """Where a name goes in a list: at its place in the order that the list keeps, else at the end."""
    key = kept_order([names], orders)
    if key is None:
        return len(names)
    ordered, wanted = [key(item) for item in names], key(name)
    return min(
        range(len(names) + 1),
        key=lambda index: (
            sum(item > wanted for item in ordered[:index]) + sum(item < wanted for item in ordered[index:])
        ),
    )


def with_dummy(dummies: Module, name: str, before: str | None = None) -> tuple[Edit, ...]:
    """The edit that gives a name its dummy: a neighbour's, under the new name; none where there is no dummy class.

    Args:
        dummies: The module of dummies.
        name: The name.
        before: The dummy that it goes in front of, by default the first whose name sorts behind it.
    """
    classes = list(dummies.classes.values())
    if not classes or not name[:1].isupper():
        return ()
    path, lines = str(dummies.path), dummies.source.lines
    behind = next((cls for cls in classes if (cls.name == before if before else cls.name > name)), None)
    model = behind or classes[-1]
    text = "\n".join(lines[model.facts.span.line - 1 : model.facts.span.end_line])
    text = re.sub(rf"\b{re.escape(model.name)}\b", name, text)
    if behind is not None:
        return (Edit(path, Span(behind.facts.span.line, 0, behind.facts.span.line, 0), f"{text}\n\n\n"),)
    last = model.facts.span
    return (Edit(path, Span(last.end_line, last.end_column, last.end_line, last.end_column), f"\n\n\n{text}"),)


def without_dummy(dummies: Module, name: str) -> tuple[Edit, ...]:
    """The edit that takes a dummy class out, with the empty lines before it."""
    cls = dummies.classes.get(name)
    if cls is None or len(dummies.classes) < 2 or cls.facts.decorators:
        return ()
    first, last = cls.facts.span.line, cls.facts.span.end_line
    while first > 1 and not dummies.source.lines[first - 2].strip():
        first -= 1
    return (Edit(str(dummies.path), Span(first, 0, last + 1, 0), ""),)


def without_entry(module: Module, entry: LazyEntry) -> tuple[Edit, ...]:
    """The edits that take a name out of a lazy table, and out of the imports that type checkers read."""
    source = module.source
    others = [other for other in module.facts.lazy_entries if other.container == entry.container]
    named_again = any(other.name == entry.name and other != entry for other in module.facts.lazy_entries)
    imports = () if named_again else module.facts.imports
    typed = [item for item in imports if item.type_checking and item.name == entry.name]
    taken_out = without_element(source, entry.span, entry.container, [other.span for other in others])
    edits = [taken_out or (_without_item(source, entry.container) if len(others) == 1 else None)]
    for item in typed:
        same = [other.span for other in module.facts.imports if other.statement == item.statement]
        edits.append(without_element(source, item.span, item.statement, same))
    return tuple(edit for edit in edits if edit is not None) if None not in edits else ()


def with_other_name(module: Module, entry: LazyEntry, name: str) -> tuple[Edit, ...]:
    """The edit that has a lazy table name something else in an entry's place."""
    return (Edit(str(module.path), entry.span, f'"{name}"'),)


def with_other_key(module: Module, entry: LazyEntry, submodule: str) -> tuple[Edit, ...]:
    """The edit that has a lazy table take an entry from another submodule; nothing where others come with it."""
    if any(other.container == entry.container and other != entry for other in module.facts.lazy_entries):
        return ()
    line = entry.container.line
    before = module.source.lines[line - 1][: entry.container.column]
    for quote in ('"', "'"):
        key = f"{quote}{entry.submodule}{quote}"
        if before.count(key) == 1:
            start = before.index(key)
            place = Span(line, start, line, start + len(key))
            return (Edit(str(module.path), place, f"{quote}{submodule}{quote}"),)
    return ()


def _without_item(source: Source, value: Span) -> Edit | None:
    """The edit that takes an item with its key out of a larger table; None where that would take a comment with it."""
    places = Places(source.lines, source.text.isascii())
    for table in ast.walk(ast.parse(source.text)):
        spans = [places.span(item) for item in table.values] if isinstance(table, ast.Dict) else []
        if not isinstance(table, ast.Dict) or value not in spans or None in table.keys:
            continue
        index, last = spans.index(value), len(spans) - 1
        starts = [places.span(key) for key in table.keys if key is not None]
        begin = starts[index] if index < last or not index else spans[index - 1]
        if index < last:
            span = Span(begin.line, begin.column, starts[index + 1].line, starts[index + 1].column)
        elif index:
            span = Span(begin.end_line, begin.end_column, value.end_line, value.end_column)
        else:
            whole = places.span(table)
            return None if "#" in source.between(whole) else Edit(str(source.path), whole, "{}")
        return None if "#" in source.between(span) else Edit(str(source.path), span, "")
    return None


def without_element(source: Source, span: Span, whole: Span, all_spans: Sequence[Span]) -> Edit | None:
    """The edit that takes one element out of a list or an import; the only one takes its statement with it."""
    path = str(source.path)
    lines = source.lines
    if len(all_spans) == 1:
        before, after = lines[whole.line - 1][: whole.column].strip(), lines[whole.end_line - 1][whole.end_column :]
        is_statement = not before or (before.startswith("_import_structure[") and before.endswith("="))
        if not is_statement or after.partition("#")[0].strip():
            return None
        first = whole.line
        following_line = lines[whole.end_line] if whole.end_line < len(lines) else ""
        if not following_line.strip() or _indentation(following_line) < _indentation(lines[whole.line - 1]):
            # Empty lines that set it off on both sides are not needed twice.
            while first > 1 and not lines[first - 2].strip():
                first -= 1
        return Edit(path, Span(first, 0, whole.end_line + 1, 0), "")
    following = [other for other in all_spans if (other.line, other.column) > (span.line, span.column)]
    if following:
        # With its comma and the white space behind that, up to where the next one begins.
        following.sort(key=lambda other: (other.line, other.column))
        return Edit(path, Span(span.line, span.column, following[0].line, following[0].column), "")
    earlier = max((other for other in all_spans if other != span), key=lambda other: (other.line, other.column))
    return Edit(path, Span(earlier.end_line, earlier.end_column, span.end_line, span.end_column), "")


def _indentation(line: str) -> int:
    return len(line) - len(line.lstrip())


def kept_order(lists: Collection[Sequence[str]], orders: Sequence[Order] = _ORDERS) -> Order | None:
    """The order that lists of names keep, as the key to sort by; None where they keep none.

    Args:
        lists: The names.
        orders: The orders that they may keep, the likeliest first: names that are alike in case keep several.
    """

    def strays(key: Order) -> int:
        return sum(key(before) > key(after) for names in lists for before, after in itertools.pairwise(names))

    best = min(orders, key=strays)
    # Long lists have kept a stray or two.
    return best if strays(best) * _NAMES_FOR_A_STRAY <= sum(len(names) for names in lists) else None


def _inserted(text: str, elements: Sequence[ast.expr | ast.alias], index: int, written: str) -> str:
    """The source of a list or an import with one more name, set off as the others are.

    Args:
        text: The source.
        elements: The syntax of what is in it.
        index: Which of these the new one goes before; their number where it goes to the end.
        written: The new one as it is written there.
    """
    lines = text.split("\n")
    places, starts = Places(lines, text.isascii()), [0, *itertools.accumulate(len(line) + 1 for line in lines)]
    spans = [places.span(element) for element in elements]
    begins = [starts[span.line - 1] + span.column for span in spans]
    ends = [starts[span.end_line - 1] + span.end_column for span in spans]
    if len(elements) > 1:
        space = text[ends[0] : begins[1]].partition(",")[2]
    else:
        opening = text[: begins[0]]
        space = opening[len(opening.rstrip()) :] if "\n" in opening else " "
    if index < len(elements):
        return f"{text[: begins[index]]}{written},{space}{text[begins[index] :]}"
    return f"{text[: ends[-1]]},{space}{written}{text[ends[-1] :]}"
