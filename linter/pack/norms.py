"""Norms: the sentences of a page, each with the tag that says which rule checks it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from linter.pack.pages import Pack, Page, anchor_of
from linter.rules import rules_by_code


MANUAL = "manual"
"""The tag of a norm that no rule checks."""
RESERVED = {"BLK": 25, "PAR": 14, "PIP": 28, "SCH": 4, "SEC": 4, "STY": 10, "TST": 10}
"""How many codes are kept for rules to come, by family; guides cite them already."""
_TAG = re.compile(r"\s*\[(manual|[A-Z]{3}\d{3}(?:, [A-Z]{3}\d{3})*)\]$")
_BOUNDARY = re.compile(r"(?<=[.!?])\s+(?=[A-Z`])|(?<=\])\s+(?=[A-Z`])")
_ITEM = re.compile(r"\s*(?:- |\d+\. )")
_MODAL = re.compile(r"\b(must|never|always|should|shall|may not|do not|don't|has to|have to)\b", re.IGNORECASE)


@dataclass(frozen=True)
class Sentence:
    """A sentence of a page's prose: its text without its tag, its codes, and the lines on which it begins and ends."""

    page: Page
    section: str
    text: str
    codes: tuple[str, ...]
    first_line: int
    last_line: int
    ends_item: bool


def sentences(page: Page) -> Iterator[Sentence]:
    """The sentences of a page, tables and comments left out."""
    for section, block in _blocks(page):
        item = _ITEM.match(block[0][1])
        words = [(number, word) for number, line in block for word in line.split()]
        words = words[len(item[0].split()) :] if item else words
        ends = [number for number, word in words for _ in range(len(word) + 1)]
        text = " ".join(word for _, word in words)
        start = 0
        for part in _BOUNDARY.split(text):
            if part:
                start = text.index(part, start)
                end = start + len(part)
                tag = _TAG.search(part)
                codes = tuple(tag[1].split(", ")) if tag else ()
                said = part[: tag.start()] if tag else part
                last = item is not None and end == len(text)
                yield Sentence(page, section, said, codes, ends[start], ends[end - 1], last)
                start = end


def _blocks(page: Page) -> Iterator[tuple[str, list[tuple[int, str]]]]:
    """Paragraphs and items, as their numbered lines, with the section that each stands in."""
    section, previous = "", 0
    block: list[tuple[int, str]] = []
    for number, line in [*page.prose, (0, "")]:
        starts = not line.strip() or line.startswith(("#", "|", "<!--")) or _ITEM.match(line) or number != previous + 1
        if starts and block:
            yield section, block
            block = []
        if line.startswith("#"):
            section = line.lstrip("#").strip()
        elif line.strip() and not line.startswith(("|", "<!--")):
            block.append((number, line))
        previous = number


def norms(pack: Pack) -> tuple[list[Sentence], list[Sentence]]:
    """The norms of a pack that have their tag, and those that lack it.

    A sentence is a norm if it has a tag, ends an item of a list, has a word such as "must", or begins with a verb
    that a norm of the pack begins with.
    """
    found = [sentence for page in pack.sources for sentence in sentences(page)]
    openers = {_opener(sentence) for sentence in found if sentence.codes}
    tagged = [sentence for sentence in found if sentence.codes]
    untagged = [
        sentence
        for sentence in found
        if not sentence.codes and (sentence.ends_item or _opener(sentence) in openers or _MODAL.search(sentence.text))
    ]
    return tagged, untagged


def said_rules(pack: Pack) -> set[str]:
    """The codes of the rules that have their sentence in the very section that they name as their guide."""
    places = {
        (norm.page.name, anchor_of(norm.section), code)
        for page in pack.sources
        for norm in sentences(page)
        for code in norm.codes
    }
    return {code for code, rule in rules_by_code().items() if (*rule.guide.split("#"), code) in places}


def reserved_codes() -> set[str]:
    """The codes that are kept for rules to come."""
    codes = {f"{family}{number:03}" for family, count in RESERVED.items() for number in range(1, count + 1)}
    return codes - rules_by_code().keys()


def sentence_by_code(pages: Iterable[Page]) -> dict[str, str]:
    """The first sentence that carries each code."""
    found: dict[str, str] = {}
    for page in pages:
        for sentence in sentences(page):
            for code in sentence.codes:
                found.setdefault(code, sentence.text)
    return found


def _opener(sentence: Sentence) -> str:
    return next(iter(sentence.text.split()), "")
