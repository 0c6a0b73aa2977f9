"""A run over a pack: its pages through the rules of SKL, and how far rules and sentences cover each other."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from linter.engine import Report
from linter.pack.norms import MANUAL, norms, reserved_codes, said_rules
from linter.pack.pages import Pack
from linter.rules import all_rules, rules_by_code
from linter.rules.skill_pack import PackRule
from linter.source import digest_of


@dataclass(frozen=True)
class Coverage:
    """How far rules and sentences cover each other.

    Attributes:
        rules: How many rules there are.
        said: How many of them have their sentence.
        norms: How many norms the pages have.
        checked: How many of them cite a rule that there is.
        reserved: How many cite only rules to come.
        manual: How many say that nothing but their reader checks them.
    """

    rules: int
    said: int
    norms: int
    checked: int
    reserved: int
    manual: int

    def __str__(self) -> str:
        tagged = self.checked + self.reserved + self.manual
        return (
            f"Rules with their sentence: {self.said} of {self.rules} ({_percent(self.said, self.rules)}).\n"
            f"Norms with their tag: {tagged} of {self.norms} ({_percent(tagged, self.norms)}): {self.checked} a rule, "
            f"{self.reserved} a rule to come, {self.manual} manual."
        )


def check_pack(pack: Pack, selected: Collection[str]) -> Report:
    """What the selected rules find in a pack."""
    rules = [rule() for rule in all_rules() if issubclass(rule, PackRule) and rule.code in selected]
    found = [finding for rule in rules for finding in rule.check_pack(pack)]
    digests = {str(page.path): digest_of(page.text.encode()) for page in pack.pages.values()}
    return Report(tuple(sorted(found, key=lambda finding: finding.order)), len(pack.pages), digests)


def coverage(pack: Pack) -> Coverage:
    """How far rules and sentences of a pack cover each other."""
    tagged, untagged = norms(pack)
    existing = rules_by_code().keys()
    checked = sum(bool(existing & set(norm.codes)) for norm in tagged)
    manual = sum(norm.codes == (MANUAL,) for norm in tagged)
    reserved = sum(MANUAL not in norm.codes and set(norm.codes) <= reserved_codes() for norm in tagged)
    return Coverage(
        rules=len(existing),
        said=len(said_rules(pack)),
        norms=len(tagged) + len(untagged),
        checked=checked,
        reserved=reserved,
        manual=manual,
    )


def _percent(part: int, whole: int) -> str:
    # Rounded down, so that 100 % is said only of all.
    return f"{100 * part // whole if whole else 100} %"
