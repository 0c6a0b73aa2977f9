"""SKL002 name-is-folder."""

from __future__ import annotations

import re
from collections.abc import Iterator

from linter.findings import Finding
from linter.pack.pages import Pack
from linter.rules.skill_pack import PackRule
from linter.rules.skill_pack.frontmatter import fields_of, line_of


_NAME = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
_LONGEST = 64


class NameIsFolder(PackRule):
    """A skill is not named as its folder, or by a name that the specification does not allow.

    ## Why is this bad?
    Agents find a skill by its folder and show it by its name, and skip it where the two differ.
    """

    code = "SKL002"
    name = "name-is-folder"
    guide = "pack.md#skills"
    good = {"skills/tiny/SKILL.md": "---\nname: tiny\ndescription: Does little.\n---\n# Tiny\n"}
    bad = {"skills/tiny/SKILL.md": "---\nname: small #!\ndescription: Does little.\n---\n# Tiny\n"}

    def check_pack(self, pack: Pack) -> Iterator[Finding]:
        """Yields a finding for each skill with another name than its folder, or with a name of another form."""
        for page in pack.skills:
            fields = fields_of(page)
            name = fields.get("name") if isinstance(fields, dict) else None
            if not isinstance(name, str):
                continue
            folder = page.path.parent.name
            if name != folder:
                yield self.on(page, line_of(page, "name"), f"the skill is named `{name}` and its folder `{folder}`")
            elif not _NAME.fullmatch(name) or len(name) > _LONGEST:
                message = f"`{name}` is no name: lower-case words with single hyphens, {_LONGEST} characters at most"
                yield self.on(page, line_of(page, "name"), message)
