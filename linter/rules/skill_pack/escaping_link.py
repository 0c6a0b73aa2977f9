"""SKL005 escaping-link."""

from __future__ import annotations

from collections.abc import Iterator

from linter.findings import Finding
from linter.pack.pages import Pack
from linter.rules.skill_pack import PackRule
from linter.rules.skill_pack.dead_link import target_of


class EscapingLink(PackRule):
    """A link of a skill leaves the skill's folder, or one of a guide leaves the pack.

    ## Why is this bad?
    Only the skill's folder is installed, so the link is dead there, or leads to what happens to lie in the place.
    """

    code = "SKL005"
    name = "escaping-link"
    guide = "pack.md#links"
    good = {
        "skills/tiny/SKILL.md": "---\nname: tiny\ndescription: Tiny.\n---\n# Tiny\n\n[models](references/models.md)\n",
        "skills/tiny/references/models.md": "# Models\n",
        "models.md": "# Models\n",
    }
    bad = {
        "skills/tiny/SKILL.md": "---\nname: tiny\ndescription: Tiny.\n---\n# Tiny\n\n[models](../../models.md) #!\n",
        "models.md": "# Models\n",
    }

    def check_pack(self, pack: Pack) -> Iterator[Finding]:
        """Yields a finding for each link that leads out."""
        for page in pack.pages.values():
            root = pack.root / page.skill
            for link in page.links:
                if not target_of(link, page).is_relative_to(root):
                    place = f"the folder of the skill `{root.name}`" if page.skill else "the pack"
                    message = f"`{link.target}` leaves {place}; carry the guide in `references/`"
                    yield self.on(page, link.span, message)
