"""What the skill pack holds, how its index reads from another folder, and which guides its skills carry with them."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from scaffold.errors import ScaffoldError


INDEX = "AGENTS.md"
_RELATIVE_LINK = re.compile(r"(?<=\]\()(?!#|[a-z]+:)([^)#\s]+)")
_CARRIED_GUIDE = re.compile(r"\]\(references/([\w.-]+\.md)")


@dataclass(frozen=True)
class Skill:
    """One skill of the pack: a folder that holds SKILL.md and every guide that it cites."""

    name: str
    folder: Path


def skills_in(pack: Path) -> list[Skill]:
    """The pack's skills, sorted by name.

    Raises:
        ScaffoldError: The pack is not there, or holds no skill.
    """
    skills = [Skill(path.parent.name, path.parent) for path in sorted(pack.glob("skills/*/SKILL.md"))]
    if not skills:
        raise ScaffoldError(
            f"{pack}: no skills/*/SKILL.md here, so there is nothing to install; reinstall modelwright"
        )
    return skills


def files_of(skill: Skill) -> dict[str, bytes]:
    """What a copy of the skill holds: POSIX paths below its folder, and their content."""
    found = (path for path in sorted(skill.folder.rglob("*")) if path.is_file())
    return {path.relative_to(skill.folder).as_posix(): path.read_bytes() for path in found}


def index_for(pack: Path, address: Callable[[str], str]) -> str:
    """The pack's AGENTS.md with each relative link rewritten by `address`, which maps a path within the pack."""
    text = (pack / INDEX).read_text(encoding="utf-8")
    return _RELATIVE_LINK.sub(lambda link: address(link[1]), text)


def carrier_of(pack: Path, path: str) -> str:
    """Where an installed skill has `path` of the pack, relative to the agent's folder of skills.

    A path inside a skill is found in that skill, and a guide in the references of the first skill that carries it.

    Raises:
        ScaffoldError: No skill carries the guide.
    """
    if path.startswith("skills/"):
        return path.removeprefix("skills/")
    for skill in skills_in(pack):
        if (skill.folder / "references" / path).exists():
            return f"{skill.name}/references/{path}"
    raise ScaffoldError(f"{pack / INDEX}: links to {path}, which no skill carries in its references")


def stale_references(pack: Path) -> dict[Path, bytes | None]:
    """The references of skills that differ from the guides they are copies of, with what each should hold.

    A skill is installed alone and may not reach outside its folder, so it carries the guides that its SKILL.md
    links to. None stands for a reference that nothing links to any more.
    """
    stale: dict[Path, bytes | None] = {}
    for skill in skills_in(pack):
        folder = skill.folder / "references"
        names = _CARRIED_GUIDE.findall((skill.folder / "SKILL.md").read_text(encoding="utf-8"))
        wanted = {folder / name: (pack / name).read_bytes() for name in names if (pack / name).is_file()}
        found = {path: path.read_bytes() for path in folder.glob("*.md")}
        stale |= {path: content for path, content in wanted.items() if found.get(path) != content}
        stale |= {path: None for path in found if path.name not in names}
    return stale


def sync_references(pack: Path) -> list[Path]:
    """Brings the references of every skill up to date with the guides, and returns those that it changed."""
    stale = stale_references(pack)
    for path, content in stale.items():
        if content is None:
            path.unlink()
            continue
        path.parent.mkdir(exist_ok=True)
        staged = path.with_name(f".{path.name}.new")
        staged.write_bytes(content)
        os.replace(staged, path)
    return sorted(stale)
