"""SKL006 orphan."""

from __future__ import annotations

from collections.abc import Iterator

from linter.findings import Finding
from linter.pack.pages import INDEX, SKILL, Pack
from linter.rules.skill_pack import PackRule
from linter.rules.skill_pack.dead_link import target_of


class Orphan(PackRule):
    """A page that nothing leads to: a guide or a skill that the index does not link to, or a page of a skill.

    ## Why is this bad?
    What an agent does not come across it does not read. References of references are read in part, or not at all, so
    SKILL.md itself has to link to every page of its skill.
    """

    code = "SKL006"
    name = "orphan"
    guide = "pack.md#links"
    good = {"AGENTS.md": "# Index\n\n[models](models.md)\n", "models.md": "# Models\n"}
    bad = {"AGENTS.md": "# Index\n", "models.md": "# Models #!\n"}

    def check_pack(self, pack: Pack) -> Iterator[Finding]:
        """Yields a finding for each page without a link from where it is looked for."""
        index = pack.pages.get(INDEX)
        for page in pack.pages.values():
            if page is index:
                continue
            inside = bool(page.skill) and page.name != f"{page.skill}/{SKILL}"
            opener = pack.pages.get(f"{page.skill}/{SKILL}") if inside else index
            if opener is not None and page.path not in {target_of(link, opener) for link in opener.links}:
                yield self.on(page, 1, f"{opener.name} does not link to {page.name}")
