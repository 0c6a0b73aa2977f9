"""Which skill the trigger cases of the pack would bring up, by a retrieval proxy.

An agent chooses skills by their names and descriptions, with judgement that no formula has. The proxy has none: it
ranks descriptions by the words that they share with a request (BM25 over word stems). It is quick, and says the same
each time; a case that it gets wrong shows a description whose words are not those of its users.

    python benchmarks/triggers.py
"""

from __future__ import annotations

import json
import math
import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from linter.pack.pages import read_pack
from linter.rules.skill_pack.frontmatter import fields_of
from scaffold.resources import skill_pack_root


SATURATION, LENGTH = 1.2, 0.5
"""BM25's two constants: how soon a word counts no more, and how much long descriptions lose."""


@dataclass(frozen=True)
class Trigger:
    """A request, and the skill that is to come first for it; `near` is the skill that it nearly is a case of."""

    query: str
    wanted: str
    near: str


def descriptions(pack: Path) -> dict[str, str]:
    """The names of the skills with what an agent reads of each."""
    found = {}
    for page in read_pack(pack).skills:
        fields = fields_of(page)
        assert isinstance(fields, dict), fields
        # What a description says of other skills sends requests there, not here.
        own = re.sub(r"(?:To|For) [^.]*?\buse [a-z-]+[^.]*\.$", "", " ".join(fields["description"].split()))
        found[fields["name"]] = f"{fields['name'].replace('-', ' ')} {own}"
    return found


def triggers(pack: Path) -> list[Trigger]:
    """The trigger cases of all skills. One that is not for its skill names the skill that it is for."""
    cases = []
    for path in sorted(pack.glob("skills/*/evals/triggers.json")):
        skill = path.parent.parent.name
        for case in json.loads(path.read_text(encoding="utf-8")):
            cases.append(Trigger(case["query"], skill if case["should_trigger"] else case["instead"], skill))
    return cases


def ranked(query: str, texts: Mapping[str, str]) -> list[str]:
    """The names of texts, the one that shares most with the query first."""
    counts = {name: Counter(_stems(text)) for name, text in texts.items()}
    mean = sum(count.total() for count in counts.values()) / len(counts)
    scores = dict.fromkeys(counts, 0.0)
    for stem in set(_stems(query)):
        holding = sum(stem in count for count in counts.values())
        weight = math.log(1 + (len(counts) - holding + 0.5) / (holding + 0.5))
        for name, count in counts.items():
            size = SATURATION * (1 - LENGTH + LENGTH * count.total() / mean)
            scores[name] += weight * count[stem] * (SATURATION + 1) / (count[stem] + size)
    return sorted(scores, key=lambda name: (-scores[name], name))


def _stems(text: str) -> list[str]:
    words = re.findall(r"[a-z0-9]+", text.lower())
    return [re.sub(r"(?:ations?|ions?|ing|ers?|ed|es|s|e)$", "", word) if len(word) > 4 else word for word in words]


def main() -> None:
    """Print how each case is ranked, and how many come out right."""
    pack = skill_pack_root()
    texts = descriptions(pack)
    cases = triggers(pack)
    right = 0
    for case in cases:
        first = ranked(case.query, texts)[0]
        right += first == case.wanted
        if first != case.wanted:
            print(f"{case.query}\n    wanted {case.wanted}, the proxy says {first}")
    print(f"{right} of {len(cases)} by a retrieval proxy (BM25 over descriptions), which is no agent.")


if __name__ == "__main__":
    main()
