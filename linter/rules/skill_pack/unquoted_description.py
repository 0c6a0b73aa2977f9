"""SKL010 unquoted-description."""

from __future__ import annotations

import re
from collections.abc import Iterator

from linter.findings import Finding
from linter.pack.pages import Pack
from linter.rules.skill_pack import PackRule


_KEY = re.compile(r"(description|compatibility): *(.*)")
_PLAIN_TROUBLE = re.compile(r": | #|^[\[{&*!|>%@`,?-]")


class UnquotedDescription(PackRule):
    """A description is written in a way that some agents read as empty or as no YAML.

    ## What it does
    Finds `>` and `|` where `>-` reads the same everywhere, and a description on one line that is not quoted although
    it holds a colon with a space, a comment's sign, or begins with a sign of YAML's.

    ## Why is this bad?
    One agent shows a description folded with `>` as empty; a colon makes the head no YAML at all, and the skill is
    skipped.
    """

    code = "SKL010"
    name = "unquoted-description"
    guide = "pack.md#skills"
    good = {"skills/tiny/SKILL.md": "---\nname: tiny\ndescription: >-\n  Does little: nothing.\n---\n# Tiny\n"}
    bad = {"skills/tiny/SKILL.md": "---\nname: tiny\ndescription: > #!\n  Does little: nothing.\n---\n# Tiny\n"}

    def check_pack(self, pack: Pack) -> Iterator[Finding]:
        """Yields a finding for each text of a head that is written so."""
        for page in pack.skills:
            for number, line in enumerate(page.frontmatter, start=2):
                match = _KEY.fullmatch(line)
                if match is None or match[2] in (">-", "|-") or match[2][:1] in ("'", '"'):
                    continue
                if match[2].rstrip("+") in (">", "|"):
                    yield self.on(page, number, f"`{match[1]}` is folded with `{match[2]}`; write `>-`")
                elif _PLAIN_TROUBLE.search(match[2]):
                    yield self.on(page, number, f"`{match[1]}` needs quotes, or `>-` and a line of its own")
