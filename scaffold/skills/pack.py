"""What the skill pack holds, how its index reads from another folder, and who carries what."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from scaffold.errors import ScaffoldError


INDEX = "AGENTS.md"
EVALS = "evals"
"""The folder of a skill that holds what it is measured by."""
_RELATIVE_LINK = re.compile(r"(?<=\]\()(?!#|[a-z]+:)([^)#\s]+)")


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
    """What a copy of the skill holds: POSIX paths below its folder, and their content.

    Its evals stay behind: an agent that comes across them would read the answers.
    """
    found = (path.relative_to(skill.folder) for path in sorted(skill.folder.rglob("*")) if path.is_file())
    return {path.as_posix(): (skill.folder / path).read_bytes() for path in found if path.parts[0] != EVALS}


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
