"""SKL003 budget."""

from __future__ import annotations

from collections.abc import Iterator

from linter.findings import Finding
from linter.pack.pages import INDEX, Pack, Page
from linter.rules.skill_pack import PackRule


_CHARACTERS_OF_A_TOKEN = 4
_HEAD_TOKENS = 100
_BODY_LINES = 500
_BODY_TOKENS = 5_000
_INDEX_LINES = 60
_LINES_WITHOUT_CONTENTS = 300


class Budget(PackRule):
    """A page costs an agent more than it may.

    ## What it does
    Finds a SKILL.md of more than 500 lines or 5,000 tokens, a head of more than 100 tokens, an AGENTS.md of more than
    60 lines, and a page of more than 300 lines without a line that begins with `Contents:`. Four characters count as
    a token.

    ## Why is this bad?
    Heads and the index are before an agent in every session, a skill's page for the whole of its task: what is too
    long pushes out the code that the task is about.
    """

    code = "SKL003"
    name = "budget"
    guide = "pack.md#skills"
    good = {"AGENTS.md": "# Index\n"}
    bad = {"AGENTS.md": "# Index #!\n" + "\nA line.\n" * 30}

    def check_pack(self, pack: Pack) -> Iterator[Finding]:
        """Yields a finding for each budget that a page exceeds."""
        for page in pack.sources:
            for message in _excesses(page):
                yield self.on(page, 1, f"{page.name} {message}")


def tokens_of(text: str) -> int:
    """About how many tokens a text has."""
    return len(text) // _CHARACTERS_OF_A_TOKEN


def _excesses(page: Page) -> Iterator[str]:
    count = len(page.lines)
    if page.skill and page.path.name == "SKILL.md":
        head = "\n".join(page.frontmatter)
        body = page.lines[len(page.frontmatter) + 2 :] if page.frontmatter else page.lines
        if tokens_of(head) > _HEAD_TOKENS:
            yield f"has a head of about {tokens_of(head)} tokens; {_HEAD_TOKENS} are allowed"
        if len(body) >= _BODY_LINES:
            yield f"has {len(body)} lines below its head; fewer than {_BODY_LINES} are allowed"
        if tokens_of("\n".join(body)) >= _BODY_TOKENS:
            yield f"has about {tokens_of(chr(10).join(body))} tokens; fewer than {_BODY_TOKENS} are allowed"
    if page.name == INDEX and count > _INDEX_LINES:
        yield f"has {count} lines; {_INDEX_LINES} are allowed, since every session begins with it"
    elif count > _LINES_WITHOUT_CONTENTS and not any(line.startswith("Contents:") for line in page.lines):
        yield f"has {count} lines and none that begins with `Contents:`"
