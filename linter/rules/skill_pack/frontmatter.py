"""SKL001 frontmatter."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from linter.findings import Finding
from linter.pack.pages import Pack, Page
from linter.rules.skill_pack import PackRule


_REQUIRED = ("name", "description")
_ALLOWED = (*_REQUIRED, "license", "compatibility", "metadata", "allowed-tools")
_LONGEST = {"description": 1024, "compatibility": 500}


class Frontmatter(PackRule):
    """The head of a SKILL.md is not what the specification of agent skills asks for.

    ## What it does
    Finds a head that is missing or no YAML, keys that the specification does not have, and a name or a description
    that is missing, no text, too long, or holds `<` or `>`.

    ## Why is this bad?
    An agent must skip a skill whose head it cannot read, and says nothing about it.
    """

    code = "SKL001"
    name = "frontmatter"
    guide = "pack.md#skills"
    good = {"skills/tiny/SKILL.md": "---\nname: tiny\ndescription: Does little.\n---\n# Tiny\n"}
    bad = {"skills/tiny/SKILL.md": "---\nname: tiny\ndescription: Does little.\nauthor: me #!\n---\n# Tiny\n"}

    def check_pack(self, pack: Pack) -> Iterator[Finding]:
        """Yields a finding for each fault of a head."""
        for page in pack.skills:
            for line, message in faults_of(page):
                yield self.on(page, line, message)


def fields_of(page: Page) -> dict[str, Any] | str:
    """The entries of a page's head, or what keeps it from being read."""
    if not page.frontmatter:
        return "has no head between two lines of `---`"
    try:
        fields = YAML(typ="safe").load("\n".join(page.frontmatter))
    except YAMLError as error:
        return f"has a head that is no YAML: {str(error).splitlines()[0]}"
    return fields if isinstance(fields, dict) else "has a head that holds no entries"


def line_of(page: Page, key: str) -> int:
    """The line on which an entry of the head begins; the first of the page where there is none."""
    begins = (number for number, line in enumerate(page.frontmatter, start=2) if line.startswith(f"{key}:"))
    return next(begins, 1)


def faults_of(page: Page) -> Iterator[tuple[int, str]]:
    """What is wrong with the head of a page, each fault with its line."""
    fields = fields_of(page)
    if isinstance(fields, str):
        yield 1, f"{page.name} {fields}"
        return
    for key in fields:
        if key not in _ALLOWED:
            yield line_of(page, str(key)), f"`{key}` is no key of the specification, which has {', '.join(_ALLOWED)}"
    for key in _REQUIRED:
        value = fields.get(key)
        if not isinstance(value, str) or not value.strip():
            yield line_of(page, key), f"`{key}` is missing or no text"
    for key, most in _LONGEST.items():
        value = fields.get(key)
        if isinstance(value, str) and len(value) > most:
            yield line_of(page, key), f"`{key}` has {len(value)} characters; {most} are allowed"
    description = fields.get("description")
    if isinstance(description, str) and set("<>") & set(description):
        yield line_of(page, "description"), "`description` holds `<` or `>`, which some agents take for markup"
