"""Lines that an edit has made too long, laid out as upstream's formatter does."""

from __future__ import annotations

import re


_LINE_LENGTH = 119
_IMPORT = re.compile(r"(?P<indent>\s*)(?P<head>from \S+ import )(?P<items>[\w, ]+)")
_LIST = re.compile(r"(?P<indent>\s*)(?P<head>[^\[]*\[[^\[]*= )\[(?P<items>[^\[\]]+)\]")


def wrap_new_lines(before: str, after: str) -> str:
    """A file's text with one item a line in the imports and lists that an edit has made too long.

    Args:
        before: the text before the edit, whose lines stay as they are.
        after: the text after it.
    """
    known = set(before.split("\n"))
    lines = after.split("\n")
    return "\n".join(line if len(line) <= _LINE_LENGTH or line in known else _wrapped(line) for line in lines)


def _wrapped(line: str) -> str:
    for form, (opening, closing) in ((_IMPORT, "()"), (_LIST, "[]")):
        found = form.fullmatch(line)
        if found:
            indent = found["indent"]
            items = [f"{indent}    {item.strip()},\n" for item in found["items"].split(",") if item.strip()]
            return f"{indent}{found['head']}{opening}\n{''.join(items)}{indent}{closing}"
    return line
