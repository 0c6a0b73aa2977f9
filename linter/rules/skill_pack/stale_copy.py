"""SKL011 stale-copy."""

from __future__ import annotations

from collections.abc import Iterator

from linter.facts import Span
from linter.findings import Finding
from linter.pack.derived import stale_files
from linter.pack.pages import Pack
from linter.rules.skill_pack import PackRule


class StaleCopy(PackRule):
    """A copy of a guide in a skill, or a table of rules in a guide, is not what it is derived from.

    ## What it does
    Compares `references/` of each skill with the guides of the pack, and what stands between `<!-- rules -->` and
    `<!-- end of rules -->` with the rules that there are. `scaffold skills sync` writes both anew.

    ## Why is this bad?
    An installed skill is read alone, so its reader follows a guide that has changed since.
    """

    code = "SKL011"
    name = "stale-copy"
    guide = "pack.md#links"
    good = {
        "models.md": "# Models\n\nNew.\n",
        "skills/tiny/SKILL.md": "---\nname: tiny\ndescription: Does little.\n---\n[models](references/models.md)\n",
        "skills/tiny/references/models.md": "# Models\n\nNew.\n",
    }
    bad = {
        "models.md": "# Models\n\nNew.\n",
        "skills/tiny/SKILL.md": "---\nname: tiny\ndescription: Does little.\n---\n[models](references/models.md)\n",
        "skills/tiny/references/models.md": "# Models #!\n\nOld.\n",
    }

    def check_pack(self, pack: Pack) -> Iterator[Finding]:
        """Yields a finding for each file that would be written anew."""
        for path, text in stale_files(pack.root).items():
            name = path.relative_to(pack.root).as_posix()
            what = "is a copy that its SKILL.md does not link to" if text is None else "is not what it is derived from"
            yield self.problem(path, Span(1, 0, 1, 1), f"{name} {what}; run `scaffold skills sync`")
