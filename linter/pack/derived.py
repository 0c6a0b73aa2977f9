"""What a pack derives from elsewhere: the tables of rules in guides, and the guides that skills carry with them."""

from __future__ import annotations

import re
from pathlib import Path

from linter.pack.pages import REFERENCES, SKILL
from linter.rules import FAMILIES, all_rules


_TABLE = re.compile(r"(<!-- rules -->\n).*?(<!-- end of rules -->)", re.DOTALL)
_CARRIED = re.compile(rf"\]\({REFERENCES}/([\w.-]+\.md)")


def stale_files(root: Path) -> dict[Path, str | None]:
    """The files of a pack that differ from what they are derived from, with what each should hold.

    A skill is installed alone and may not reach outside its folder, so it carries the guides that its SKILL.md
    links to. None stands for a copy that nothing links to any more.
    """
    stale: dict[Path, str | None] = {}
    guides = {}
    for path in sorted(root.glob("*.md")):
        text = path.read_text(encoding="utf-8")
        guides[path.name] = _TABLE.sub(lambda mark: f"{mark[1]}\n{rules_by_family()}\n{mark[2]}", text)
        if guides[path.name] != text:
            stale[path] = guides[path.name]
    for skill in sorted(root.glob(f"skills/*/{SKILL}")):
        folder = skill.parent / REFERENCES
        cited = _CARRIED.findall(skill.read_text(encoding="utf-8"))
        wanted = {folder / name: guides[name] for name in cited if name in guides}
        found = {path: path.read_text(encoding="utf-8") for path in folder.glob("*.md")}
        stale |= {path: text for path, text in wanted.items() if found.get(path) != text}
        stale |= {path: None for path in found if path.name not in cited}
    return stale


def rules_by_family() -> str:
    """A Markdown table for each family of rules: code, name, severity, fix, what is found."""
    tables = []
    for code, name in FAMILIES.items():
        family = [rule for rule in all_rules() if rule.family() == code]
        guides = ", ".join(f"`{guide}`" for guide in sorted({rule.guide for rule in family}))
        rows = [
            f"| {rule.code} | {rule.name} | {rule.severity.value} | {rule.fixes.value if rule.fixes else ''} "
            f"| {rule.summary()} |"
            for rule in family
        ]
        head = f"{name.replace('_', ' ').capitalize()}: {guides}\n\n| code | name | weight | fix | what it finds |"
        tables.append("\n".join([head, "| --- | --- | --- | --- | --- |", *rows]))
    return "\n\n".join(tables) + "\n"
