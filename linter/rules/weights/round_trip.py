"""WGT001 round-trip."""

from __future__ import annotations

import ast
import re
from collections import Counter
from collections.abc import Iterator

from linter.facts import Attribute, Span
from linter.findings import Finding
from linter.project import Module
from linter.rules.base import Rule
from linter.rules.weights import GUIDE


_INVERTED = re.compile(r"\{\s*(\w+)\s*:\s*(\w+)\s+for\s+\2\s*,\s*\1\s+in\s+(?:\w+\.)*(\w+)\.items\(\)")


class RoundTrip(Rule):
    """A table of key names is turned round although two of its names become one.

    ## What it does
    For a table of names that the same file inverts (`{new: old for old, new in TABLE.items()}`), looks for values that
    occur twice.

    ## Why is this bad?
    Of two names that become one, the way back knows only the last: the weights of the other are lost, or renamed to
    what they never were.

    ## Exceptions
    Tables that nothing inverts.
    """

    code = "WGT001"
    name = "round-trip"
    guide = GUIDE
    bad = """
        NAMES = {
            "img_in.": "x_embedder.",
            "txt_in.": "context_embedder.",
            "vector_in.": "context_embedder.",  #!
        }
        BACK = {new: old for old, new in NAMES.items()}
    """
    good = """
        NAMES = {
            "img_in.": "x_embedder.",
            "txt_in.": "context_embedder.",
            "vector_in.": "time_text_embed.",
        }
        BACK = {new: old for old, new in NAMES.items()}
    """

    def check(self, module: Module) -> Iterator[Finding]:
        attributes = [*module.facts.attributes, *(item for cls in module.facts.classes for item in cls.attributes)]
        tables = [item for item in attributes if item.value.kind == "dict" and len(item.value.strings) > 1]
        inverted = {match[3] for match in _INVERTED.finditer(module.source.text)} if tables else set()
        for table in tables:
            if table.name not in inverted:
                continue
            seen: Counter[str] = Counter()
            for text, span in _values(module, table):
                seen[text] += 1
                if seen[text] > 1:
                    message = f"`{text}` is already the name of another key: the inverse of `{table.name}` loses one"
                    yield self.finding(module, span, message, table.name)


def _values(module: Module, table: Attribute) -> Iterator[tuple[str, Span]]:
    """The strings that a table of names maps to, each with its place."""
    statement = ast.parse(module.source.between(table.span)).body[0]
    value = getattr(statement, "value", None)
    for node in value.values if isinstance(value, ast.Dict) else ():
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            first = node.lineno == 1
            line, column = table.span.line + node.lineno - 1, node.col_offset + (table.span.column if first else 0)
            yield node.value, Span(line, column, line, column + (node.end_col_offset or 0) - node.col_offset)
