"""The sentence of a guide that a rule checks, where the guides are at hand."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

from linter.rules import Rule


_PROJECT = Path(__file__).resolve().parents[1]
# A checkout keeps the guides at its root, a wheel inside the package that installs them.
_PLACES = (_PROJECT / ".ai", _PROJECT / "scaffold" / "bundled" / "ai")
_BLOCK = re.compile(r"\n\s*\n|\n(?=- |\d+\. |#)")
_SENTENCE = re.compile(r"(?<=[.!?])\s+(?=[A-Z`])|(?<=\])\s+(?=[A-Z`])")
_TAG = re.compile(r"\s*\[([A-Z]{3}\d{3}(?:, [A-Z]{3}\d{3})*)\]$")


def sentence_of(rule: type[Rule]) -> str:
    """The sentence that carries the rule's code in the guide that the rule names; empty where there is none."""
    return _sentences(rule.guide.partition("#")[0]).get(rule.code, "")


@cache
def _sentences(guide: str) -> dict[str, str]:
    """The sentences of a guide by the codes that they carry."""
    found: dict[str, str] = {}
    for block in _BLOCK.split(_text(guide)):
        words = " ".join(re.sub(r"^\s*(?:- |\d+\. )", "", block).split())
        for sentence in _SENTENCE.split(words):
            tag = _TAG.search(sentence)
            if tag is not None:
                for code in tag[1].split(", "):
                    found.setdefault(code, sentence[: tag.start()])
    return found


def _text(guide: str) -> str:
    for place in _PLACES:
        try:
            return (place / guide).read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError):
            continue
    return ""
