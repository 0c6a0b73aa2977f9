"""The sentence of a guide that a rule checks, where the guides are at hand."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from linter.pack.norms import sentence_by_code
from linter.pack.pages import Page
from linter.rules import Rule


_PROJECT = Path(__file__).resolve().parents[1]
# A checkout keeps the guides at its root, a wheel inside the package that installs them.
_PLACES = (_PROJECT / ".ai", _PROJECT / "scaffold" / "bundled" / "ai")


def sentence_of(rule: type[Rule]) -> str:
    """The sentence that carries the rule's code in the guide that the rule names; empty where there is none."""
    return _sentences(rule.guide.partition("#")[0]).get(rule.code, "")


@cache
def _sentences(guide: str) -> dict[str, str]:
    """The sentences of a guide by the codes that they carry."""
    for place in _PLACES:
        try:
            text = (place / guide).read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError):
            continue
        return sentence_by_code([Page(place / guide, guide, text)])
    return {}
