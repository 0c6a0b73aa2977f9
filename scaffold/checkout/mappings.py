"""Mappings that the library writes as lists of pairs."""

from __future__ import annotations

from linter.facts import Span
from linter.findings import Edit
from linter.project import Module
from scaffold.checkout.tree import Checkout, NotFound


def add_pair(checkout: Checkout, module: Module, mapping: str, pair: str) -> None:
    """Put a pair at the end of a mapping, unless it is there.

    Args:
        checkout: the checkout.
        module: the module of the mapping, as it is now.
        mapping: its name.
        pair: the pair as Python, with the comma behind it.

    Raises:
        NotFound: there is no such mapping, or it is no list of pairs.
    """
    span = next((item.span for item in module.facts.attributes if item.name == mapping), None)
    if span is None:
        raise NotFound(f"{mapping} in {module.name}")
    if pair in module.source.between(span):
        return
    # The mapping ends with the bracket of its list and then with that of the call.
    line = span.end_line - 1
    if module.source.lines[line - 1].strip() != "]":
        raise NotFound(f"list of pairs in {mapping} of {module.name}")
    checkout.edit(module, (Edit(str(module.path), Span(line, 0, line, 0), f"        {pair}\n"),), pair)
