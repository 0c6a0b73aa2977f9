"""The comments that carry meaning: `# Copied from` markers and `# lint: ignore[...]` suppressions."""

from __future__ import annotations

import ast
import io
import re
import tokenize
from collections.abc import Mapping, Sequence

from linter.facts.values import Copied, Span, Suppression


_COPIED = re.compile(r"^[ \t]*#+[ \t]*copied[ \t]+from\b", re.IGNORECASE | re.MULTILINE)
# A marker names a path of this library's own; prose about copying, links and other packages' names are not markers.
_MARKER = re.compile(r"^#+[ \t]*copied[ \t]+from[ \t]*:?[ \t]*`?(?P<source>[A-Za-z_][\w/]*\.[^\s`]+)", re.IGNORECASE)
_SUPPRESSION = re.compile(
    r"#\s*lint:\s*ignore\b(?:\s*\[(?P<codes>[^\]]*)\])?[ \t]*(?P<reason>.*?)\s*(?=#\s|$)", re.IGNORECASE
)
_SUPPRESSION_WORDS = re.compile(r"lint:\s*ignore", re.IGNORECASE)


def may_have_comments(text: str) -> bool:
    """Whether a text holds anything that looks like one of these comments."""
    return bool(_COPIED.search(text) or _SUPPRESSION_WORDS.search(text))


def copied_markers(
    lines: Sequence[str], spanning: Sequence[ast.stmt], definitions: Mapping[int, str]
) -> tuple[Copied, ...]:
    """The lines that claim to mark copied code.

    Args:
        lines: The file's lines.
        spanning: The statements of several lines; in their strings nothing is a comment.
        definitions: The qualified name of the definition whose first line (decorator or `def`) this is.
    """
    found = []
    for number, line in enumerate(lines, start=1):
        if not _COPIED.match(line):
            continue
        if any(_in_string(statement, number) for statement in spanning):
            continue
        column = line.index("#")
        text = line[column:].rstrip()
        if not _MARKER.match(text):
            continue
        below = number + 1
        while below <= len(lines) and lines[below - 1].lstrip().startswith("#"):
            below += 1
        found.append(Copied(text, Span(number, column, number, column + len(text)), definitions.get(below, "")))
    return tuple(found)


def _in_string(statement: ast.stmt, line: int) -> bool:
    """Whether a line begins inside a string of a statement."""
    if not statement.lineno < line <= (statement.end_lineno or 0):
        return False
    return any(
        node.lineno < line <= (node.end_lineno or 0)
        for node in ast.walk(statement)
        if isinstance(node, (ast.Constant, ast.JoinedStr))
    )


def suppressions(text: str, lines: Sequence[str], blocks: Mapping[int, int]) -> tuple[Suppression, ...]:
    """The suppressions of a file. `blocks` gives the last line of the statement that begins on a line.

    A comment at the end of a line covers the statement that begins there when it opens a block, else the line; one
    that stands alone covers the statement below it; one before the first statement of the file covers the file.
    """
    if not _SUPPRESSION_WORDS.search(text):
        return ()
    found: list[Suppression] = []
    first_statement = min(blocks, default=len(lines) + 1)
    try:
        # Joined from lines, so that every line end that Python knows is one here too.
        tokens = list(tokenize.generate_tokens(io.StringIO("\n".join(lines)).readline))
    except (tokenize.TokenError, SyntaxError):
        return ()
    for token in tokens:
        match = _SUPPRESSION.match(token.string) if token.type == tokenize.COMMENT else None
        if match is None:
            continue
        line, column = token.start
        if lines[line - 1][:column].strip():
            first, last = line, max(line, blocks.get(line, line))
        elif line < first_statement:
            first, last = 1, 0
        else:
            first = line + 1
            while first <= len(lines) and (not lines[first - 1].strip() or lines[first - 1].lstrip().startswith("#")):
                first += 1
            last = max(first, blocks.get(first, first))
        codes = tuple(code.strip() for code in (match["codes"] or "").split(",") if code.strip())
        span = Span(line, column, line, column + len(match[0].rstrip()))
        found.append(Suppression(codes, match["reason"].strip(" -:"), span, first, last))
    return tuple(found)
