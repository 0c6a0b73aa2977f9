"""The comments that carry meaning: `# Copied from` markers and `# lint: ignore[...]` suppressions."""

from __future__ import annotations

import ast
import io
import re
import tokenize
from collections.abc import Iterator, Sequence

from linter.facts.statements import begins_in_string, definition_at, first_line, last_line
from linter.facts.values import Copied, Span, Suppression


_COPIED = re.compile(r"^[ \t]*#+[ \t]*copied[ \t]+from\b", re.IGNORECASE)
# A marker names a path of this library's own; prose about copying, links and other packages' names are not markers.
_MARKER = re.compile(r"^#+[ \t]*copied[ \t]+from[ \t]*:?[ \t]*`?(?P<source>[A-Za-z_][\w/]*\.[^\s`]+)", re.IGNORECASE)
_SUPPRESSION = re.compile(r"(?P<head>#\s*lint:\s*ignore\b(?:\s*\[(?P<codes>[^\]]*)\])?)(?P<rest>.*)", re.IGNORECASE)
_NEXT_COMMENT = re.compile(r"#\s")
_LONGEST = 2000
"""No marker is longer: a few names and a few renames."""
_SUPPRESSION_WORDS = re.compile(r"lint:\s*ignore", re.IGNORECASE)


def comments(lines: Sequence[str], tree: ast.Module) -> tuple[tuple[Copied, ...], tuple[Suppression, ...]]:
    """The markers of copied code and the suppressions of a file.

    Args:
        lines: The file's lines.
        tree: Its syntax tree, in which only the few lines with such comments are looked up.
    """
    hashed = [(number, line) for number, line in enumerate(lines, start=1) if "#" in line]
    copied = tuple(_copied_markers([number for number, line in hashed if _COPIED.match(line)], lines, tree))
    # Few lines get as far as the regular expression, which goes through them letter by letter.
    suppressing = any("lint:" in line.lower() and _SUPPRESSION_WORDS.search(line) for _, line in hashed)
    return copied, _suppressions(lines, tree) if suppressing else ()


def _copied_markers(numbers: Sequence[int], lines: Sequence[str], tree: ast.Module) -> Iterator[Copied]:
    """The markers that lines claim to be, without those that are prose, or part of a string."""
    below = 0
    for number in numbers:
        column = lines[number - 1].index("#")
        text = lines[number - 1][column:].rstrip()
        if len(text) > _LONGEST or not _MARKER.match(text) or begins_in_string(tree, number):
            continue
        # Of comments in a row, each stands above the same line.
        below = max(below, number + 1)
        while below <= len(lines) and lines[below - 1].lstrip().startswith("#"):
            below += 1
        yield Copied(text, Span(number, column, number, column + len(text)), *definition_at(tree, below))


def _suppressions(lines: Sequence[str], tree: ast.Module) -> tuple[Suppression, ...]:
    """The suppressions of a file.

    A comment at the end of a line covers the statement that begins there when it opens a block, else the line; one
    that stands alone covers the statement below it; one before the first statement of the file covers the file.
    """
    found: list[Suppression] = []
    first_statement = first_line(tree.body[0]) if tree.body else len(lines) + 1
    try:
        # Joined from lines, so that every line end that Python knows is one here too.
        tokens = list(tokenize.generate_tokens(io.StringIO("\n".join(lines)).readline))
    except (tokenize.TokenError, SyntaxError):
        return ()
    first_below = 0
    for token in tokens:
        match = _SUPPRESSION.match(token.string) if token.type == tokenize.COMMENT else None
        if match is None:
            continue
        line, column = token.start
        if lines[line - 1][:column].strip():
            first, last = line, last_line(tree, line)
        elif line < first_statement:
            first, last = 1, 0
        else:
            first = max(first_below, line + 1)
            while first <= len(lines) and (not lines[first - 1].strip() or lines[first - 1].lstrip().startswith("#")):
                first += 1
            first_below, last = first, last_line(tree, first)
        codes = tuple(code.strip() for code in (match["codes"] or "").split(",") if code.strip())
        # Another comment may follow on the same line.
        reason = _NEXT_COMMENT.split(match["rest"], maxsplit=1)[0].rstrip()
        span = Span(line, column, line, column + len((match["head"] + reason).rstrip()))
        found.append(Suppression(codes, reason.strip(" \t-:"), span, first, last))
    return tuple(found)
