"""SKL007 rule-without-sentence."""

from __future__ import annotations

from collections.abc import Iterator

from linter.findings import Finding
from linter.pack.norms import said_rules
from linter.pack.pages import Pack
from linter.rules import all_rules
from linter.rules.skill_pack import PackRule


class RuleWithoutSentence(PackRule):
    """A rule has no sentence in the section that it names as its guide.

    ## What it does
    Asks every rule for a sentence that ends in its code, in the guide and the section that findings of the rule send
    their reader to. A guide that the pack does not have is not asked for.

    ## Why is this bad?
    Whoever writes code by the guide breaks a rule that nobody told of, and whoever follows a finding into the guide
    finds nothing there.
    """

    code = "SKL007"
    name = "rule-without-sentence"
    guide = "pack.md#sentences-and-rules"
    good = {
        "AGENTS.md": "[review rules](review-rules.md)\n",
        "review-rules.md": """
            # Review

            ## Linter findings

            - Mend a syntax error first. [LNT001]
            - Remove a suppression that suppresses nothing. [LNT002]
            - Name codes that exist, and say why. [LNT003, LNT004]
            - Keep sources readable. [LNT005]
        """,
    }
    bad = {
        "AGENTS.md": "[review rules](review-rules.md)\n",
        "review-rules.md": """
            # Review

            ## Linter findings #!

            - Mend a syntax error first. [LNT001]
            - Remove a suppression that suppresses nothing. [LNT002]
            - Name codes that exist. [LNT003]
            - Keep sources readable. [LNT005]
        """,
    }

    def check_pack(self, pack: Pack) -> Iterator[Finding]:
        """Yields a finding for each rule without its sentence, at the section that lacks it."""
        said = said_rules(pack)
        for rule in all_rules():
            name, _, anchor = rule.guide.partition("#")
            page = pack.pages.get(name)
            if page is not None and rule.code not in said:
                message = f"no sentence in `{rule.guide}` ends in [{rule.code}]: {rule.summary()}"
                yield self.on(page, page.anchors.get(anchor, 1), message, rule.code)
