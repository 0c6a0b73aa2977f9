"""The skill pack is held to the code: tags, rules, links, sections, commands, code blocks and budgets."""

from __future__ import annotations

import ast
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import click
import pytest
from ruamel.yaml import YAML

import linter.cli
import parity.cli
import scaffold.cli
from linter.rules import all_rules
from scaffold.resources import skill_pack_root
from scaffold.skills import install
from scaffold.skills.pack import stale_references


# The catalogue of codes: how many each family has. Some have no rule yet; their sentences wait for it.
CATALOGUE = {
    "ATT": 17, "BLK": 25, "CPY": 8, "FWD": 14, "LNT": 5, "MOD": 23, "PAR": 14, "PIP": 28,
    "REG": 21, "SCH": 4, "SEC": 4, "SKL": 10, "STY": 10, "TST": 10, "WGT": 5,
}  # fmt: skip
CODES = {f"{family}{number:03}" for family, count in CATALOGUE.items() for number in range(1, count + 1)}

COMMANDS = {"linter": linter.cli.main, "parity": parity.cli.main, "scaffold": scaffold.cli.main}

TAG = re.compile(r" \[(manual|[A-Z]{3}\d{3}(?:, [A-Z]{3}\d{3})*)\]$")
MODAL = re.compile(r"\b(must|never|always|should|shall|may not|do not|don't|has to|have to)\b", re.IGNORECASE)
LINK = re.compile(r"\[[^\]]+\]\((?![a-z]+:)([^)#\s]*)(?:#([^)\s]+))?\)")
NAMED_SECTION = re.compile(r'\]\(([^)#\s]+\.md)\), section "([^"]+)"')


class Statement(NamedTuple):
    """One sentence of prose, with the file and section that it stands in, and whether it ends a list item."""

    file: str
    section: str
    text: str
    ends_item: bool

    @property
    def codes(self) -> list[str]:
        tag = TAG.search(self.text)
        return tag[1].split(", ") if tag else []


def documents(pack: Path) -> dict[str, str]:
    """Every page of the pack but the references, which are copies of its guides."""
    pages = (path for path in sorted(pack.rglob("*.md")) if path.parent.name != "references")
    return {path.relative_to(pack).as_posix(): path.read_text(encoding="utf-8") for path in pages}


def prose(text: str) -> str:
    """A page without its frontmatter, code blocks and tables."""
    text = re.sub(r"\A---\n.*?\n---\n", "", text, flags=re.DOTALL)
    text = re.sub(r"^```.*?^```$", "", text, flags=re.DOTALL | re.MULTILINE)
    return re.sub(r"^\|.*$", "", text, flags=re.MULTILINE)


def statements(pack: Path) -> Iterator[Statement]:
    for file, text in documents(pack).items():
        section = ""
        for block in re.split(r"\n\s*\n|\n(?=- |\d+\. |#)", prose(text)):
            if block.startswith("#"):
                section = block.lstrip("# ")
                continue
            item = re.match(r"\s*(?:- |\d+\. )", block)
            words = " ".join(block[item.end() if item else 0 :].split())
            sentences = [part for part in re.split(r"(?<=[.!?])\s+(?=[A-Z`])|(?<=\])\s+(?=[A-Z`])", words) if part]
            for number, sentence in enumerate(sentences):
                yield Statement(file, section, sentence, item is not None and number == len(sentences) - 1)


def untagged_norms(pack: Path) -> list[str]:
    found = list(statements(pack))
    # The verbs that norms begin with; a sentence that begins with one of them is a norm as well.
    openers = {one.text.split()[0] for one in found if one.codes}
    return [
        f"{one.file}: {one.text}"
        for one in found
        if not one.codes and (one.ends_item or one.text.split()[0] in openers or MODAL.search(one.text))
    ]


def unknown_codes(pack: Path) -> list[str]:
    cited = {code: one.file for one in statements(pack) for code in one.codes}
    return [f"{file}: {code}" for code, file in cited.items() if code not in CODES | {"manual"}]


def rules_without_sentence(pack: Path) -> list[str]:
    """The rules whose code no sentence cites in the very section that the linter sends people to."""
    sections = {(one.file, slug(one.section), code) for one in statements(pack) for code in one.codes}
    return [rule.code for rule in all_rules() if (*rule.guide.split("#"), rule.code) not in sections]


def slug(heading: str) -> str:
    return re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-")


def headings(text: str) -> list[str]:
    return re.findall(r"^#+ (.+)$", re.sub(r"^```.*?^```$", "", text, flags=re.DOTALL | re.MULTILINE), re.MULTILINE)


def broken_links(root: Path) -> list[str]:
    """Links, anchors and named sections that lead nowhere from where a file lies, joined as text as agents do."""
    broken = []
    for path in sorted(root.rglob("*.md")):
        text = path.read_text(encoding="utf-8")
        wanted = [(target, anchor, slug) for target, anchor in LINK.findall(text)]
        wanted += [(target, section, str) for target, section in NAMED_SECTION.findall(text)]
        for target, part, name in wanted:
            page = path.parent / target if target else path
            if ".." in page.relative_to(root).parts or not page.is_file():
                broken.append(f"{path.relative_to(root)}: {target}")
            elif part and part not in [name(heading) for heading in headings(page.read_text(encoding="utf-8"))]:
                broken.append(f"{path.relative_to(root)}: {target}#{part}")
    return broken


def orphans(pack: Path) -> list[str]:
    """Pages that AGENTS.md does not link to."""
    linked = {target for target, _ in LINK.findall((pack / "AGENTS.md").read_text(encoding="utf-8"))}
    return sorted(documents(pack).keys() - linked - {"AGENTS.md"})


def bad_commands(pack: Path) -> list[str]:
    """Commands of ours, in code blocks and code spans, that the tools would not take."""
    bad = []
    for file, text in documents(pack).items():
        blocks = re.findall(r"^```bash\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)
        lines = [line for block in blocks for line in block.splitlines()]
        lines += re.findall(r"`((?:linter|parity|scaffold) [^`]+)`", text)
        bad += [f"{file}: {line}" for line in lines if line.split()[0] in COMMANDS and not is_known(shlex.split(line))]
    return bad


def is_known(words: list[str]) -> bool:
    command: click.Command | None = COMMANDS[words.pop(0)]
    while isinstance(command, click.Group) and words:
        command = command.commands.get(words.pop(0))
    if command is None:
        return False
    options = {name for parameter in command.params for name in parameter.opts}
    return options >= {word for word in words if word.startswith("-")}


def bad_code(pack: Path) -> list[str]:
    bad = []
    for file, text in documents(pack).items():
        for block in re.findall(r"^```python\n(.*?)^```$", text, re.DOTALL | re.MULTILINE):
            try:
                ast.parse(block)
            except SyntaxError as error:
                bad.append(f"{file}: {error}")
    return bad


def bad_skills(pack: Path) -> list[str]:
    """What the specification of agent skills forbids in a skill's frontmatter or size."""
    bad = []
    for path in sorted(pack.glob("skills/*/SKILL.md")):
        _, header, body = path.read_text(encoding="utf-8").split("---\n", 2)
        fields = YAML(typ="safe").load(header)
        name, description = fields["name"], fields["description"]
        requirements = {
            "keys": fields.keys() <= {"name", "description", "license", "compatibility", "metadata", "allowed-tools"},
            "name": name == path.parent.name and re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", name) and len(name) <= 64,
            "description": 0 < len(description) <= 1024 and not set("<>") & set(description),
            "folding": "\n" not in description and not re.search(r"description: [>|]\n", header),
            "catalogue": len(header) <= 450,
            "body": body.count("\n") < 500 and len(body) < 4 * 5000,
        }
        bad += [f"{path}: {name}" for name, holds in requirements.items() if not holds]
    return bad


def oversized(pack: Path) -> list[str]:
    """Pages that cost too much: the index is before the agent in every session, a guide is read whole."""
    limits = {"AGENTS.md": 60}
    return [
        file
        for file, text in documents(pack).items()
        if text.count("\n") > limits.get(file, 300) and (file in limits or "Contents:" not in text)
    ]


def stale(pack: Path) -> list[str]:
    return [f"{path}: run `scaffold skills sync`" for path in stale_references(pack)]


CHECKS: list[Callable[[Path], list[str]]] = [
    untagged_norms,
    unknown_codes,
    rules_without_sentence,
    broken_links,
    orphans,
    bad_commands,
    bad_code,
    bad_skills,
    oversized,
    stale,
]


@pytest.mark.parametrize("problems", CHECKS)
def test_the_pack_has_no_problem(problems: Callable[[Path], list[str]]) -> None:
    assert problems(skill_pack_root()) == []


@pytest.mark.parametrize(
    ("old", "new", "code"), [("", "", ""), ("            backend=self._attention_backend,\n", "", "ATT005")]
)
def test_the_attention_that_the_guide_shows_obeys_the_rules(tmp_path: Path, old: str, new: str, code: str) -> None:
    text = documents(skill_pack_root())["models.md"]
    (block,) = re.findall(r"^```python\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)
    (tmp_path / "attention.py").write_text(block.replace(old, new), encoding="utf-8")
    words = [sys.executable, "-m", "linter", "check", "--no-cache", "attention.py"]
    run = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True)
    assert code in run.stdout
    assert run.returncode == (1 if code else 0), run.stdout + run.stderr


SKILL = "skills/model-integration/SKILL.md"


@pytest.mark.parametrize(
    ("problems", "file", "old", "new"),
    [
        pytest.param(untagged_norms, "models.md", " [ATT016]", "", id="an item loses its tag"),
        pytest.param(
            untagged_norms,
            "review-rules.md",
            "Look there longest. [manual]",
            "Look there longest.",
            id="a sentence in a paragraph loses its tag",
        ),
        pytest.param(
            untagged_norms,
            "modular.md",
            "from blocks.",
            "from blocks. You must think.",
            id="a norm is added without",
        ),
        pytest.param(unknown_codes, "models.md", "[ATT016]", "[ATT018]", id="a tag names no rule"),
        pytest.param(rules_without_sentence, "models.md", "[ATT016]", "[manual]", id="a rule loses its sentence"),
        pytest.param(rules_without_sentence, "models.md", "## Attention", "## Attending", id="a section is renamed"),
        pytest.param(broken_links, "AGENTS.md", "(modular.md)", "(modulars.md)", id="a link breaks"),
        pytest.param(broken_links, "AGENTS.md", "models.md#attention", "models.md#attn", id="an anchor breaks"),
        pytest.param(broken_links, SKILL, 'section "Registration"', 'section "Tables"', id="a named section breaks"),
        pytest.param(broken_links, SKILL, "references/modular.md", "../../modular.md/..", id="a link leaves the pack"),
        pytest.param(orphans, "AGENTS.md", "review-rules.md", "modular.md", id="a guide is no longer in the index"),
        pytest.param(bad_commands, SKILL, "--dry-run", "--rehearse", id="a command has an unknown option"),
        pytest.param(
            bad_commands, "AGENTS.md", "`linter check PATH`", "`linter chek PATH`", id="a command is unknown"
        ),
        pytest.param(bad_code, "models.md", "def forward(", "def forward((", id="a code block does not parse"),
        pytest.param(bad_skills, SKILL, "name: model-integration", "name: model", id="the name is not the folder's"),
        pytest.param(bad_skills, SKILL, "description: >-", "description: >", id="one client shows it as empty"),
        pytest.param(
            bad_skills, SKILL, "description:", "author: me\ndescription:", id="a key is not in the specification"
        ),
        pytest.param(bad_skills, SKILL, "# Integrating", "text\n" * 500 + "# Integrating", id="the body is too long"),
        pytest.param(oversized, "AGENTS.md", "## Always", "text\n" * 60 + "## Always", id="the index grows too long"),
        pytest.param(stale, "models.md", "## Porting", "## Port", id="a guide is edited and its copies are not"),
        pytest.param(stale, SKILL, "references/modular.md", "references/models.md", id="a copy that nothing cites"),
    ],
)
def test_a_planted_fault_is_found(
    pack: Path, problems: Callable[[Path], list[str]], file: str, old: str, new: str
) -> None:
    path = pack / file
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")
    assert problems(pack) != []


@pytest.mark.parametrize("agent", ["claude", "codex"])
@pytest.mark.parametrize("mode", ["link", "copy", "from elsewhere"])
def test_every_link_holds_after_the_installation(checkout: Path, tmp_path: Path, agent: str, mode: str) -> None:
    if mode == "from elsewhere":
        root = tmp_path / "elsewhere"
        root.mkdir()
    else:
        root = checkout
    install(checkout / ".ai", root, agent, copy=mode == "copy")
    if root != checkout:
        shutil.rmtree(checkout)
    skills = root / (".claude/skills" if agent == "claude" else ".agents/skills")
    for skill in skills.iterdir():
        assert broken_links(skill) == []
    assert [broken for broken in broken_links(root) if broken.startswith("AGENTS.md")] == []


def test_a_skill_that_links_out_of_its_folder_is_found_after_the_installation(checkout: Path) -> None:
    skill = checkout / ".ai/skills/model-integration/SKILL.md"
    skill.write_text(skill.read_text(encoding="utf-8").replace("references/modular.md", "../../modular.md"))
    install(checkout / ".ai", checkout, "claude")
    assert broken_links(checkout / ".claude/skills/model-integration") != []


def test_the_comparison_in_model_integration_runs_as_written(tmp_path: Path) -> None:
    text = documents(skill_pack_root())[SKILL]
    for language, name in (("json", "config.json"), ("yaml", "inputs.yaml")):
        (block,) = re.findall(rf"^```{language}\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)
        (tmp_path / name).write_text(block, encoding="utf-8")
    (command,) = re.findall(r"^parity compare .*$", text, re.MULTILINE)
    for line in ("scaffold model flux2", command):
        # In processes of their own, so that no other test meets this folder's flux2.
        run = subprocess.run([sys.executable, "-m", *shlex.split(line)], cwd=tmp_path, capture_output=True, text=True)
        assert run.returncode == 0, run.stdout + run.stderr
    assert "PASS" in run.stdout
