"""One thing that is wrong with a spec, and the check of a formula, which every part of a spec may hold."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass

from scaffold.expressions import ExpressionError, check_expression


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong: its place, what was expected, and the names among which the right one may be."""

    steps: tuple[str | int, ...]
    reason: str
    given: str | None = None
    known: tuple[str, ...] = ()
    on_key: bool = False


def formula_problems(formula: object, place: tuple[str | int, ...], known: Collection[str]) -> Iterator[Problem]:
    """What keeps a formula from being read in a place where these names are known."""
    try:
        check_expression(str(formula), known)
    except ExpressionError as error:
        yield Problem(place, str(error), error.unknown, tuple(known))
