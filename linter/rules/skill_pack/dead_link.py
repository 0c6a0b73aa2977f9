"""SKL004 dead-link."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from linter.findings import Finding
from linter.pack.pages import Link, Pack, Page
from linter.rules.skill_pack import PackRule


class DeadLink(PackRule):
    """A link leads to a page, a heading or a section that is not there.

    ## What it does
    Follows relative links, as an agent does that joins paths: the file has to exist, an anchor has to be a heading's,
    and so has a section that is named behind the link (`[models](references/models.md), section "Attention"`).

    ## Why is this bad?
    An agent that cannot open a page goes on without it.
    """

    code = "SKL004"
    name = "dead-link"
    guide = "pack.md#links"
    good = {"AGENTS.md": "# Index\n\nRead [models](models.md#attention).\n", "models.md": "# Models\n\n## Attention\n"}
    bad = {"AGENTS.md": "# Index\n\nRead [models](models.md#attn). #!\n", "models.md": "# Models\n\n## Attention\n"}

    def check_pack(self, pack: Pack) -> Iterator[Finding]:
        """Yields a finding for each link that leads nowhere."""
        for page in pack.pages.values():
            for link in page.links:
                message = _fault(link, page, pack)
                if message:
                    yield self.on(page, link.span, message)


def target_of(link: Link, page: Page) -> Path:
    """The file that a link of a page means."""
    return Path(os.path.normpath(page.path.parent / link.target)) if link.target else page.path


def _fault(link: Link, page: Page, pack: Pack) -> str:
    target = target_of(link, page)
    if not target.exists():
        return f"`{link.target}` is not there"
    name = Path(os.path.relpath(target, pack.root)).as_posix()
    headings = pack.pages.get(name)
    if headings is None:
        return ""
    if link.anchor and link.anchor not in headings.anchors:
        return f"{name} has no heading `#{link.anchor}`"
    if link.section and link.section not in headings.headings:
        return f'{name} has no section "{link.section}"'
    return ""
