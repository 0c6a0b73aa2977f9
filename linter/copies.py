"""Copied code: what a `# Copied from` marker says, whether the copy still agrees with its source, and the text that
brings it into line.
"""

from __future__ import annotations

import ast
import inspect
import io
import re
import tokenize
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from linter.project import Class, Function
from linter.source import Source


if TYPE_CHECKING:
    import libcst as cst

_MARKER = re.compile(r"^# Copied from (?P<source>[A-Za-z_]\w*(?:\.\w+)+)(?: with (?P<renames>\S.*))?$")
_LOOSE = re.compile(
    r"^#+\s*copied\s+from\s*:?\s*`?(?P<source>[A-Za-z_][\w./]*\w)`?\.?\s*(?:with\b\s*:?\s*(?P<renames>.*))?$",
    re.IGNORECASE,
)
_LIBRARY = re.compile(r"copied\s+from[\s:`]*(\w+)", re.IGNORECASE)
_RENAME = re.compile(r"^(?P<old>[^\s>]+)->(?P<new>\S+)(?: (?P<all_casing>all-casing))?$")
_LOOSE_RENAME = re.compile(
    r"^(?P<old>\S+?)\s*-+>\s*(?P<new>\S+?)(?P<all_casing>\s+all[-_ ]?casing)?\.?$", re.IGNORECASE
)
# Most lines are neither, which is seen without a regular expression.
_MARKER_WORDS, _END_WORDS = "# Copied from ", "# End copy"
_MARKER_LINE = re.compile(rf"^\s*{_MARKER_WORDS}\S")
_END = re.compile(rf"^\s*{_END_WORDS}\b")
_MOST_TEXT = 200_000
"""Where a rename puts more names in than it takes out, a few of them fill any memory; no copy is as long as this."""


@dataclass(frozen=True)
class Rename:
    """`old->new`, in the three usual casings where `all_casing` is set."""

    old: str
    new: str
    all_casing: bool = False

    def __str__(self) -> str:
        return f"{self.old}->{self.new}{' all-casing' if self.all_casing else ''}"

    def apply(self, text: str) -> str:
        """The text with the rename made."""
        text = text.replace(self.old, self.new)
        if self.all_casing:
            text = text.replace(self.old.lower(), self.new.lower()).replace(self.old.upper(), self.new.upper())
        return text


@dataclass(frozen=True)
class Marker:
    """A marker that can be read: the source's absolute dotted name and the renames, in the order in which they are
    made.
    """

    source: str
    renames: tuple[Rename, ...]

    def __str__(self) -> str:
        renames = f" with {', '.join(map(str, self.renames))}" if self.renames else ""
        return f"# Copied from {self.source}{renames}"


def parse_marker(text: str) -> Marker | None:
    """The marker that a well-formed comment is; None for a malformed one."""
    match = _MARKER.match(text)
    if match is None:
        return None
    renames = []
    for part in match["renames"].split(",") if match["renames"] else ():
        found = _RENAME.match(part.strip())
        if found is None:
            return None
        renames.append(Rename(found["old"], found["new"], found["all_casing"] is not None))
    return Marker(match["source"], tuple(renames))


def guess_marker(text: str) -> Marker | None:
    """What a malformed marker was meant to be; None where that cannot be told."""
    match = _LOOSE.match(text)
    if match is None:
        return None
    renames = []
    for part in match["renames"].split(",") if match["renames"] else ():
        found = _LOOSE_RENAME.match(part.strip())
        if found is None:
            return None
        renames.append(Rename(found["old"], found["new"], found["all_casing"] is not None))
    return Marker(re.sub(r"[./]+", ".", match["source"]), tuple(renames))


def library_of(text: str) -> str:
    """The library that a marker, well formed or not, names a part of."""
    match = _LIBRARY.search(text)
    return match[1] if match else ""


def in_sync(copy: Class | Function, source: Class | Function, marker: Marker) -> bool:
    """Whether a copy says what its source says after the renames.

    Comments and docstrings count. Layout does not, and neither does a header that fits on its first line: a copy may
    have another name, and take or annotate what its own class needs. So does upstream's checker compare, and thousands
    of its copies are made for that.
    """
    if is_literal(copy, source, marker):
        return True
    expected = renamed_text(source, marker)
    found = _without_markers(_text(copy.module.source, copy))
    with_signature = not (_has_short_header(expected) and _has_short_header(found))
    if len(expected) > _MOST_TEXT:
        return False
    try:
        return _meaning(expected, with_signature) == _meaning(found, with_signature)
    except (SyntaxError, MemoryError):
        # The renames make something that is not Python: then only the letter can be compared.
        return False


def is_literal(copy: Class | Function, source: Class | Function, marker: Marker) -> bool:
    """Whether a copy has its source's lines after the renames, the one with its name excepted."""
    if isinstance(copy, Class) != isinstance(source, Class):
        return False
    return _body(renamed_text(source, marker)) == _body(_without_markers(_text(copy.module.source, copy)))


def renamed_text(source: Class | Function, marker: Marker) -> str:
    """The source's lines from its `def` or `class`, with the renames made and nested markers taken out."""
    text = _without_markers(_text(source.module.source, source))
    for rename in marker.renames:
        if len(text) > _MOST_TEXT:
            break
        text = rename.apply(text)
    return text


def dead_renames(source: Class | Function, marker: Marker) -> list[tuple[Rename, str]]:
    """The renames that change nothing in a source's lines, its header included, each with the reason."""
    text = _without_markers(_text(source.module.source, source))
    found = []
    made: dict[str, Rename] = {}
    for rename in marker.renames:
        if len(text) > _MOST_TEXT:
            break
        renamed = rename.apply(text)
        earlier = made.setdefault(rename.old, rename)
        if earlier.new != rename.new:
            found.append((rename, f"disagrees with `{earlier}`"))
        elif renamed == text:
            found.append((rename, f"changes nothing in `{marker.source}`"))
        text = renamed
    return found


def without_dead_renames(source: Class | Function, marker: Marker) -> Marker:
    """The marker without renames that do nothing, and with one rename for two where the second goes on from the
    first: the shortest that makes the same of the source.
    """
    expected = renamed_text(source, marker)
    renames = list(marker.renames)
    for index in range(len(renames) - 1, -1, -1):
        first = renames[index]
        onward = next((other for other in renames[index + 1 :] if other.old == first.new), None)
        rest = [*renames[:index], *renames[index + 1 :]]
        shorter = [rest]
        if onward is not None and first.all_casing == onward.all_casing:
            joined = Rename(first.old, onward.new, first.all_casing)
            shorter.append([joined if rename is first else rename for rename in renames if rename is not onward])
        for attempt in shorter:
            if renamed_text(source, Marker(marker.source, tuple(attempt))) == expected:
                renames = attempt
                break
    return Marker(marker.source, tuple(renames))


def rewritten(copy: Class | Function, source: Class | Function, marker: Marker) -> str | None:
    """The text of the copy's file with the copy brought into line; None where that cannot be done.

    The copy keeps its name, its decorators and its marker, and a header that fits on one line; the rest becomes the
    source's. Only the lines of the definition are parsed and written anew.
    """
    import libcst as cst

    file, span = copy.module.source, copy.facts.span
    lines = file.lines[span.line - 1 : span.end_line]
    end = _end_of_copy(lines)
    found, expected = "\n".join(lines[:end]), renamed_text(source, marker)
    if len(expected) > _MOST_TEXT:
        return None
    # What is written anew is indented as the copy is.
    unit = "\t" if "\n\t" in found else _INDENT
    try:
        # Python's own parser gives up on what is nested so deeply that libcst's would end the process.
        ast.parse(wrapped := _wrap(expected))
        old_tree, new_tree = cst.parse_module(_wrap(found, unit)), cst.parse_module(wrapped)
    except (cst.ParserSyntaxError, SyntaxError, MemoryError, RecursionError):
        return None
    old, new = (cst.ensure_type(tree.body[0], cst.If).body.body[0] for tree in (old_tree, new_tree))
    changes: dict[str, object] = {"body": _moved(new.body, source, copy)} if hasattr(new, "body") else {}
    with_signature = not (_has_short_header(expected) and _has_short_header(found))
    if isinstance(old, cst.FunctionDef) and isinstance(new, cst.FunctionDef):
        changes |= {"asynchronous": new.asynchronous}
        changes |= {"params": new.params, "returns": new.returns} if with_signature else {}
    elif isinstance(old, cst.ClassDef) and isinstance(new, cst.ClassDef):
        changes |= (
            {name: getattr(new, name) for name in ("bases", "keywords", "lpar", "rpar")} if with_signature else {}
        )
    else:
        return None
    tree = cst.ensure_type(old_tree.deep_replace(old, old.with_changes(**changes)), cst.Module)
    written = _unwrap(tree.code, found, unit)
    return "\n".join([*file.lines[: span.line - 1], *written, *lines[end:], *file.lines[span.end_line :]])


def _moved(body: cst.BaseSuite, source: Class | Function, copy: Class | Function) -> cst.BaseSuite:
    """A body with its docstrings shifted to where the copy stands; libcst itself indents the code, never what is
    inside a string.
    """
    import libcst as cst

    shift = copy.facts.span.column - source.facts.span.column
    if not shift:
        return body

    class Docstrings(cst.CSTTransformer):
        def leave_Expr(self, original_node: cst.Expr, updated_node: cst.Expr) -> cst.Expr:
            value = updated_node.value
            if not isinstance(value, cst.SimpleString):
                return updated_node
            first, *rest = value.value.split("\n")
            pad = " " * shift
            moved = [(pad + line if shift > 0 else line.removeprefix(" " * -shift)) if line else line for line in rest]
            return updated_node.with_changes(value=value.with_changes(value="\n".join([first, *moved])))

    return cst.ensure_type(body.visit(Docstrings()), cst.BaseSuite)  # type: ignore[type-abstract]


def _text(source: Source, definition: Class | Function) -> str:
    span = definition.facts.span
    lines = source.lines[span.line - 1 : span.end_line]
    return "\n".join([line.rstrip() for line in lines[: _end_of_copy(lines)]])


def _end_of_copy(lines: Sequence[str]) -> int:
    """How many lines stand before the comment that ends a copy, where there is one."""
    return next((number for number, line in enumerate(lines) if _END_WORDS in line and _END.match(line)), len(lines))


def _without_markers(text: str) -> str:
    if _MARKER_WORDS not in text:
        return text
    return "\n".join(line for line in text.split("\n") if not _MARKER_LINE.match(line))


def _body(text: str) -> str:
    return text.split("\n", 1)[1] if "\n" in text else ""


_HEADER = "if True:\n"
_INDENT = "    "


def _wrap(text: str, unit: str = _INDENT) -> str:
    """A definition as the body of a block, so that an indented one parses too."""
    is_indented = text[:1] in " \t"
    return f"{_HEADER}{text if is_indented else _indent_code(text, unit)}\n"


def _unwrap(code: str, original: str, unit: str) -> list[str]:
    """The lines of a definition out of the block that `_wrap` put it in, indented as the original was."""
    text = code.removeprefix(_HEADER).removesuffix("\n")
    if original[:1] in " \t":
        return text.split("\n")
    inside = _lines_inside_strings(code)
    return [
        line if number in inside else line.removeprefix(unit) for number, line in enumerate(text.split("\n"), start=1)
    ]


def _indent_code(text: str, unit: str) -> str:
    inside = _lines_inside_strings(text)
    lines = text.split("\n")
    return "\n".join(line if number in inside or not line else f"{unit}{line}" for number, line in enumerate(lines))


def _lines_inside_strings(text: str) -> set[int]:
    """The lines, counted from 0, that begin inside a string: white space there is not layout."""
    return {
        line
        for node in ast.walk(ast.parse(text))
        if isinstance(node, (ast.Constant, ast.JoinedStr))
        for line in range(node.lineno, node.end_lineno or node.lineno)
    }


def _meaning(text: str, with_signature: bool) -> tuple[str, list[tuple[str, int]]]:
    """What counts in a definition: its syntax without the name and without layout, and its comments with the statement
    each stands at.
    """
    column = len(text) - len(text.lstrip(" \t"))
    tree = ast.parse(f"if True:\n{text}" if column else text)
    wrapper = tree.body[0]
    definition = wrapper.body[0] if isinstance(wrapper, ast.If) else wrapper
    assert isinstance(definition, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef))
    definition.name = ""
    definition.decorator_list = []
    if not with_signature:
        _drop_signature(definition)
    starts = []
    for node in ast.walk(definition):
        if isinstance(node, ast.stmt):
            starts.append(node.lineno - (1 if column else 0))
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
            # A docstring, or one of an attribute, moves with the code that it stands in.
            node.value.value = inspect.cleandoc(node.value.value)
        if isinstance(node, ast.Constant) and type(node.value) is int and node.value.bit_length() > 1000:
            # Python refuses to write thousands of digits.
            node.value = hex(node.value).encode()
    return ast.dump(definition), _comments(text, sorted(starts))


def _has_short_header(text: str) -> bool:
    """Whether the `def` or `class` line holds the whole header."""
    return text.partition("\n")[0].partition("#")[0].rstrip().endswith(":")


def _drop_signature(definition: ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) -> None:
    if isinstance(definition, ast.ClassDef):
        definition.bases, definition.keywords = [], []
    else:
        definition.args, definition.returns = ast.arguments([], [], None, [], [], None, []), None


def _comments(text: str, starts: list[int]) -> list[tuple[str, int]]:
    if "#" not in text:
        return []
    comments = []
    try:
        for token in tokenize.generate_tokens(io.StringIO(_dedented(text)).readline):
            if token.type == tokenize.COMMENT:
                comments.append((token.string.rstrip(), bisect_right(starts, token.start[0])))
    except (tokenize.TokenError, IndentationError):
        return [(line.strip(), 0) for line in text.split("\n") if line.lstrip().startswith("#")]
    return comments


def _dedented(text: str) -> str:
    """The text with the first line's indentation taken from every line that has it; only comments are read from it."""
    column = len(text) - len(text.lstrip(" \t"))
    return "\n".join(line[column:] if not line[:column].strip() else line for line in text.split("\n"))
