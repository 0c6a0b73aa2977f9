"""A pack of guides and skills, read: pages with their headings, links and code blocks."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path, PurePosixPath

from linter.errors import LinterError
from linter.facts import Span


INDEX = "AGENTS.md"
SKILL = "SKILL.md"
REFERENCES = "references"
"""The folder of a skill that holds copies of the guides that it cites."""
_LARGEST = 1_000_000
_FENCE = re.compile(r"(`{3,}|~{3,})\s*(\S*)(.*)")
_OPTION = re.compile(r'([\w-]+)(?:="([^"]*)")?')
_LINK = re.compile(r"\[[^\]\n]+\]\((?!<?[a-z]+:)([^)#\s]*)(?:#([^)\s]+))?\)(?:, section \"([^\"]+)\")?")
_CODE_SPAN = re.compile(r"(`+)(?!`)(.+?)(?<!`)\1(?!`)")


@dataclass(frozen=True)
class Fence:
    """A code block: its language, its options (`title="a.py"`), its text, and the line on which the text begins."""

    language: str
    options: dict[str, str]
    text: str
    line: int


@dataclass(frozen=True)
class Link:
    """A relative link: the path that it gives, empty for the page itself, with its anchor and the section it names."""

    target: str
    anchor: str
    section: str
    span: Span


@dataclass(frozen=True)
class Page:
    """One Markdown file of a pack; `name` is its path within the pack, with forward slashes."""

    path: Path
    name: str
    text: str

    @cached_property
    def lines(self) -> list[str]:
        """The lines, without their ends."""
        return self.text.splitlines()

    @property
    def skill(self) -> str:
        """The folder of the skill that the page belongs to, within the pack; empty for a guide."""
        parts = PurePosixPath(self.name).parts
        return "/".join(parts[:2]) if parts[0] == "skills" and len(parts) > 2 else ""

    @property
    def is_copy(self) -> bool:
        """Whether it lies where a skill carries copies of guides."""
        return bool(self.skill) and PurePosixPath(self.name).parent.name == REFERENCES

    @cached_property
    def frontmatter(self) -> list[str]:
        """The lines between the marks at the top, without the marks; empty where there are none."""
        if self.lines[:1] != ["---"] or "---" not in self.lines[1:]:
            return []
        return self.lines[1 : self.lines.index("---", 1)]

    @cached_property
    def fences(self) -> list[Fence]:
        """The code blocks, in order."""
        found, opened, begun = [], None, 0
        for number, line in enumerate(self.lines, start=1):
            match = _FENCE.match(line)
            if match and opened is None:
                opened, begun = match, number
            elif match and opened is not None and line.startswith(opened[1]) and not match[2]:
                text = "\n".join([*self.lines[begun : number - 1], ""])
                options = dict(_OPTION.findall(opened[3]))
                found.append(Fence(opened[2], options, text, begun + 1))
                opened = None
        return found

    @cached_property
    def prose(self) -> list[tuple[int, str]]:
        """The lines that are neither frontmatter nor code, with their numbers."""
        hidden = set(range(1, len(self.frontmatter) + 3)) if self.frontmatter else set()
        for fence in self.fences:
            hidden |= set(range(fence.line - 1, fence.line + fence.text.count("\n") + 1))
        return [(number, line) for number, line in enumerate(self.lines, start=1) if number not in hidden]

    @cached_property
    def headings(self) -> dict[str, int]:
        """The titles of sections, with the line of each."""
        return {
            line.lstrip("#").strip(): number for number, line in reversed(self.prose) if re.match(r"#{1,6} ", line)
        }

    @property
    def anchors(self) -> dict[str, int]:
        """The anchors that the headings have, with the line of each."""
        return {anchor_of(title): line for title, line in self.headings.items()}

    @cached_property
    def links(self) -> list[Link]:
        """The relative links. One that is followed by `, section "..."` names a heading of its target."""
        # A link and the section after it may stand on two lines.
        found, lines = [], dict(self.prose)
        for number, line in self.prose:
            following = lines.get(number + 1, "").strip()
            for match in _LINK.finditer(f"{line} {following}"):
                if match.start() < len(line):
                    end = min(match.end(), len(line))
                    span = Span(number, match.start(), number, end)
                    found.append(Link(match[1], match[2] or "", match[3] or "", span))
        return found

    @cached_property
    def code_spans(self) -> list[tuple[str, Span]]:
        """What stands between backticks in the text, with its place."""
        return [
            (match[2], Span(number, match.start(), number, match.end()))
            for number, line in self.prose
            for match in _CODE_SPAN.finditer(line)
        ]

    def span(self, number: int) -> Span:
        """The whole of a line, counted from 1."""
        width = len(self.lines[number - 1]) if number <= len(self.lines) else 0
        return Span(number, 0, number, max(width, 1))


@dataclass(frozen=True)
class Pack:
    """A folder of AGENTS.md, guides and `skills/`."""

    root: Path
    pages: dict[str, Page]

    @property
    def sources(self) -> list[Page]:
        """The pages that somebody wrote: all but the copies of guides that skills carry."""
        return [page for page in self.pages.values() if not page.is_copy]

    @property
    def skills(self) -> Iterator[Page]:
        """The page `SKILL.md` of each skill."""
        return (page for page in self.pages.values() if page.skill and page.name == f"{page.skill}/{SKILL}")


def read_pack(folder: Path) -> Pack:
    """The pack in a folder, or in the `.ai` of a repository.

    Raises:
        LinterError: there is none, or one of its pages cannot be read.
    """
    root = folder / ".ai" if (folder / ".ai").is_dir() else folder
    if not (root / INDEX).is_file() and not (root / "skills").is_dir():
        raise LinterError(f"{folder}: no skill pack: a folder with {INDEX} or skills/. Name the folder that has them.")
    pages = {}
    for path in sorted(root.rglob("*.md")):
        name = path.relative_to(root).as_posix()
        try:
            if path.stat().st_size > _LARGEST:
                raise LinterError(f"{path}: is larger than {_LARGEST} bytes, which no agent should read. Split it.")
            pages[name] = Page(path, name, path.read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError) as error:
            raise LinterError(f"{path}: cannot be read as UTF-8 text ({error}). Mend or remove it.") from error
    if not pages:
        raise LinterError(f"{root}: no page in this pack is a file; links to pages elsewhere are not followed.")
    return Pack(root, pages)


def anchor_of(title: str) -> str:
    """The anchor that a heading has on GitHub and on the site."""
    return re.sub(r"[^\w\- ]", "", title.lower()).strip().replace(" ", "-")
