"""The plan of an installation: what should lie in a repository, and what each path of it needs for that."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from scaffold.errors import ScaffoldError
from scaffold.skills.lock import Entry, Lock, hash_of_file, hash_of_folder, hash_of_link, hash_on_disk
from scaffold.skills.pack import INDEX, carrier_of, files_of, index_for, skills_in


@dataclass(frozen=True)
class Agent:
    """Where an agent looks: its folder of skills, and the file that it always reads."""

    skills: str
    memory: str


AGENTS = {
    "claude": Agent(skills=".claude/skills", memory="CLAUDE.md"),
    "codex": Agent(skills=".agents/skills", memory=INDEX),
}

_IMPORT_INDEX = f"@{INDEX}"
_MADE_BY = "<!-- Written by `scaffold skills install` from the AGENTS.md of modelwright's skill pack. -->\n\n"

Action = Literal["create", "update", "remove", "unchanged", "present", "edited", "foreign", "yours"]


@dataclass(frozen=True)
class Wanted:
    """One path of the repository, and what should lie there: a file, or a skill's folder or a link to it."""

    path: str
    source: str
    content: bytes | None = None
    files: dict[str, bytes] | None = None
    link: str | None = None

    def entries(self) -> list[Entry]:
        """The lock's entries that are this; for a link also the copy, which takes its place where links fail."""
        if self.content is not None:
            return [Entry(self.source, "copy", hash_of_file(self.content))]
        copy = Entry(self.source, "copy", hash_of_folder(self.files or {}))
        return [copy] if self.link is None else [Entry(self.source, "link", hash_of_link(self.link)), copy]


@dataclass(frozen=True)
class Step:
    """What one path needs. `hint` is the line that a person may add to a file of theirs, or empty."""

    action: Action
    path: str
    wanted: Wanted | None = None
    hint: str = ""


def plan_install(pack: Path, root: Path, lock: Lock, agents: Sequence[str], copy: bool) -> list[Step]:
    """What must happen in `root` so that `agents` find the pack, sorted as it should be done.

    Args:
        pack: The folder of AGENTS.md, the guides and `skills/`.
        root: The repository.
        lock: What was installed there before.
        agents: Keys of `AGENTS`.
        copy: Copy the skills even where a link to them would do.

    Raises:
        ScaffoldError: A folder that would be written into is a link or a file.
    """
    for agent in agents:
        _refuse_what_is_no_folder(root, AGENTS[agent].skills)
    wanted = _wanted_skills(pack, root, agents, copy) + _wanted_files(pack, root, lock, agents)
    steps = [_step_for(root, lock, one) for one in wanted]
    steps += _hints(root, lock, agents)
    return steps + plan_removal(root, lock, keep={one.path for one in wanted})


def plan_removal(root: Path, lock: Lock, keep: set[str] | None = None) -> list[Step]:
    """What must happen to take away all that the lock records, but for `keep`; what was edited stays."""
    steps = []
    for path, entry in sorted(lock.entries.items()):
        found = None if path in (keep or ()) else hash_on_disk(root / path)
        if found is not None:
            steps.append(Step("remove" if found == entry.hash else "edited", path))
    return steps


def _wanted_skills(pack: Path, root: Path, agents: Sequence[str], copy: bool) -> list[Wanted]:
    # A link that leaves the repository breaks for everybody else who clones it, so from elsewhere the pack is copied.
    linkable = not copy and pack.is_relative_to(root)
    wanted = []
    for agent in agents:
        folder = AGENTS[agent].skills
        for skill in skills_in(pack):
            target = os.path.relpath(skill.folder, root / folder) if linkable else None
            wanted.append(Wanted(f"{folder}/{skill.name}", f"skills/{skill.name}", files=files_of(skill), link=target))
    return wanted


def _wanted_files(pack: Path, root: Path, lock: Lock, agents: Sequence[str]) -> list[Wanted]:
    """AGENTS.md, and CLAUDE.md for the agent that reads no other, where no person has written one."""
    wanted = []
    if _is_free(root, lock, INDEX):
        index = _index_text(pack, root, AGENTS["codex" if "codex" in agents else "claude"])
        wanted.append(Wanted(INDEX, INDEX, content=index.encode()))
    if "claude" in agents and _is_free(root, lock, "CLAUDE.md"):
        text = f"{_IMPORT_INDEX}\n"
        if not wanted:  # A person's own AGENTS.md says nothing of the pack, so CLAUDE.md brings the index as well.
            text += "\n" + _index_text(pack, root, AGENTS["claude"])
        wanted.append(Wanted("CLAUDE.md", INDEX, content=text.encode()))
    return wanted


def _index_text(pack: Path, root: Path, agent: Agent) -> str:
    """The index with links that hold from the repository's root: into the pack, or else into the agent's skills."""

    def address(path: str) -> str:
        if pack.is_relative_to(root):
            return (pack.relative_to(root) / path).as_posix()
        return f"{agent.skills}/{carrier_of(pack, path)}"

    return _MADE_BY + index_for(pack, address)


def _is_free(root: Path, lock: Lock, path: str) -> bool:
    return path in lock.entries or not os.path.lexists(root / path)


def _step_for(root: Path, lock: Lock, wanted: Wanted) -> Step:
    found = hash_on_disk(root / wanted.path)
    installed = lock.entries.get(wanted.path)
    as_wanted = [entry.hash for entry in wanted.entries()]
    action: Action
    if found is None:
        action = "create"
    elif installed is None:
        action = "present" if found in as_wanted else "foreign"
    elif found != installed.hash:
        action = "edited"
    else:
        action = "unchanged" if found in as_wanted else "update"
    return Step(action, wanted.path, wanted)


def _hints(root: Path, lock: Lock, agents: Sequence[str]) -> list[Step]:
    """For each file of a person's that an agent reads: the line that would bring the pack in, unless it is there."""
    hints = []
    for path, agent in sorted({AGENTS[name].memory: AGENTS[name] for name in agents}.items()):
        if _is_free(root, lock, path):
            continue
        line = f"Before you add, change or review a diffusers model, read {agent.skills}/model-integration/SKILL.md."
        if path != INDEX and _is_free(root, lock, INDEX):
            line = _IMPORT_INDEX
        text = (root / path).read_text(encoding="utf-8", errors="replace") if (root / path).is_file() else ""
        hints.append(Step("yours", path, hint="" if line in text else line))
    return hints


def _refuse_what_is_no_folder(root: Path, folder: str) -> None:
    for part in (Path(folder), *Path(folder).parents[:-1]):
        if (root / part).is_symlink():
            raise ScaffoldError(
                f"{root / part} is a link to {os.readlink(root / part)}, so an installation would write through it; "
                f"remove the link (what is behind it stays) with `rm {part.as_posix()}` and run this again"
            )
        if (root / part).exists() and not (root / part).is_dir():
            raise ScaffoldError(
                f"{root / part} is a file, and the agent's folder has to be there; move it and run this again"
            )
