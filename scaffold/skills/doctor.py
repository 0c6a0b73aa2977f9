"""What an agent will see in a repository: the file that it always reads, and each skill, with what hides it."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from scaffold.skills.lock import Lock, hash_on_disk, read_lock
from scaffold.skills.pack import INDEX
from scaffold.skills.plan import AGENTS


@dataclass(frozen=True)
class SeenSkill:
    """One entry of an agent's folder of skills.

    Attributes:
        path: Where it lies, POSIX and relative to the repository.
        origin: `link` or `copy` as installed, `edited`, or `yours`.
        tokens: About what its head costs in every session.
        description: When the agent will choose it; empty where it cannot be read.
        trouble: Why the agent will not see it or will skip it; empty where it will not.
    """

    path: str
    origin: str
    tokens: int
    description: str
    trouble: str


@dataclass(frozen=True)
class Sight:
    """What one agent sees.

    Attributes:
        agent: A key of `AGENTS`.
        memory: The file that it always reads.
        tokens: About what that file costs in every session, with what it imports; None where there is none.
        leads_to_skills: Whether that text names the agent's folder of skills or the pack.
        skills: What lies in its folder of skills.
        trouble: What keeps the folder from being read; empty where nothing does.
    """

    agent: str
    memory: str
    tokens: int | None
    leads_to_skills: bool
    skills: list[SeenSkill]
    trouble: str


def examine(root: Path) -> list[Sight]:
    """What each agent sees in the repository at `root`.

    Raises:
        ScaffoldError: the lock of the installation cannot be read.
    """
    lock = read_lock(root)
    return [_sight(root, lock, name) for name in AGENTS]


def _sight(root: Path, lock: Lock, name: str) -> Sight:
    agent = AGENTS[name]
    text = _text(root / agent.memory)
    if text is not None and f"@{INDEX}" in text and agent.memory != INDEX:
        text += _text(root / INDEX) or ""
    folder = root / agent.skills
    trouble = "is a link that leads nowhere; remove it" if folder.is_symlink() and not folder.exists() else ""
    skills = [_skill(root, path, lock) for path in sorted(folder.iterdir())] if folder.is_dir() else []
    return Sight(
        agent=name,
        memory=agent.memory,
        tokens=None if text is None else len(text) // 4,
        leads_to_skills=any(place in (text or "") for place in (agent.skills, "skills/")),
        skills=[skill for skill in skills if not Path(skill.path).name.startswith(".")],
        trouble=trouble,
    )


def _skill(root: Path, path: Path, lock: Lock) -> SeenSkill:
    # The rules are loaded for this alone.
    from linter.pack.pages import Page
    from linter.rules.skill_pack.budget import tokens_of
    from linter.rules.skill_pack.frontmatter import faults_of, fields_of

    place = path.relative_to(root).as_posix()
    entry = lock.entries.get(place)
    origin = "yours" if entry is None else entry.mode if hash_on_disk(path) == entry.hash else "edited"
    trouble = ""
    if path.is_symlink() and not path.exists():
        trouble = f"a link to {os.readlink(path)}, which is not there"
    elif not path.is_dir():
        trouble = "not a folder"
    elif (path / "SKILL.md").is_symlink():
        trouble = "its SKILL.md is a link, which not every agent follows"
    text = _text(path / "SKILL.md")
    if trouble or text is None:
        return SeenSkill(place, origin, 0, "", trouble or "no SKILL.md that can be read")
    page = Page(path / "SKILL.md", f"skills/{path.name}/SKILL.md", text)
    fields = fields_of(page)
    description = str(fields.get("description", "")) if isinstance(fields, dict) else ""
    faults = [message for _, message in faults_of(page)]
    if not faults and isinstance(fields, dict) and fields["name"] != path.name:
        faults = [f"named `{fields['name']}`, not as its folder"]
    return SeenSkill(place, origin, tokens_of("\n".join(page.frontmatter)), description, "; ".join(faults))


def _text(path: Path) -> str | None:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
