"""The skill pack is held to the code: `linter skills` finds nothing in it, and each fault that is planted in it."""

from __future__ import annotations

import gc
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from linter.cli import main
from linter.pack.commands import fault_of
from linter.pack.pages import read_pack
from linter.rules import all_rules
from scaffold.resources import skill_pack_root
from scaffold.skills import install


def linter_skills(pack: Path, *options: str) -> Result:
    try:
        return CliRunner().invoke(main, ["skills", str(pack), *options])
    finally:
        # The command switches it off for its short life; this process lives on.
        gc.enable()


def test_the_pack_has_no_fault_and_rules_and_norms_cover_each_other() -> None:
    result = linter_skills(skill_pack_root())
    assert result.exit_code == 0, result.output
    assert result.output.count("(100 %)") == 2
    assert f"Rules with their sentence: {len(all_rules())} of {len(all_rules())} (100 %)." in result.output


SKILL = "skills/model-integration/SKILL.md"
HEAD = "---\nname: model-integration\ndescription: >-\n"


@pytest.mark.parametrize(
    ("code", "file", "old", "new"),
    [
        pytest.param("SKL001", SKILL, HEAD, HEAD.replace("description", "author: me\ndescription"), id="unknown key"),
        pytest.param("SKL001", SKILL, HEAD, HEAD.replace("---\n", ""), id="no head"),
        pytest.param("SKL001", SKILL, HEAD, HEAD.replace("name", "[name"), id="no YAML"),
        pytest.param("SKL001", SKILL, HEAD, HEAD.replace("name: model-integration\n", ""), id="no name"),
        pytest.param("SKL001", SKILL, "Adds a model", "Adds a <model>", id="markup in the description"),
        pytest.param("SKL001", SKILL, "  Adds a model", "  " + "Adds. " * 200 + "\n  A model", id="long description"),
        pytest.param("SKL002", SKILL, "name: model-integration", "name: model", id="the name is not the folder's"),
        pytest.param("SKL003", SKILL, "# Integrating", "text\n" * 500 + "# Integrating", id="a body of many lines"),
        pytest.param("SKL003", SKILL, "# Integrating", "text " * 5000 + "\n# Integrating", id="a body of many tokens"),
        pytest.param("SKL003", SKILL, "  Adds a model", "  " + "Adds. " * 30 + "\n  A model", id="a large head"),
        pytest.param("SKL003", "AGENTS.md", "## Always", "text\n" * 60 + "## Always", id="the index grows too long"),
        pytest.param("SKL003", "modular.md", "Contents:", "text\n" * 300, id="a long page without its contents"),
        pytest.param("SKL004", "AGENTS.md", "(modular.md)", "(modulars.md)", id="a link breaks"),
        pytest.param("SKL004", "AGENTS.md", "models.md#attention", "models.md#attn", id="an anchor breaks"),
        pytest.param("SKL004", SKILL, 'section "Registration"', 'section "Tables"', id="a named section breaks"),
        pytest.param("SKL005", SKILL, "references/testing.md", "../../testing.md", id="a link leaves the skill"),
        pytest.param("SKL006", "AGENTS.md", "(pack.md)", "(modular.md)", id="a guide is no longer in the index"),
        pytest.param("SKL006", "skills/parity-testing/SKILL.md", "pitfalls.md", "SKILL.md", id="a page of a skill"),
        pytest.param("SKL007", "models.md", " [ATT016]", " [manual]", id="a rule loses its sentence"),
        pytest.param("SKL007", "models.md", "## Attention", "## Attending", id="a section is renamed"),
        pytest.param("SKL008", "models.md", " [ATT016]", "", id="an item loses its tag"),
        pytest.param("SKL008", "models.md", "[ATT016]", "[ATT018]", id="a tag names no rule"),
        pytest.param("SKL008", "pipelines.md", "[PIP001]", "[PIP029]", id="a tag names no rule to come"),
        pytest.param(
            "SKL008",
            "review-rules.md",
            "Look there longest. [manual]",
            "Look there longest.",
            id="a sentence in a paragraph loses its tag",
        ),
        pytest.param("SKL008", "modular.md", "from blocks.", "from blocks. You must think.", id="an untagged norm"),
        pytest.param("SKL009", SKILL, "--dry-run", "--rehearse", id="an option is renamed"),
        pytest.param("SKL009", "AGENTS.md", "`linter check PATH`", "`linter chek PATH`", id="a command is renamed"),
        pytest.param("SKL009", "models.md", "def forward(", "def forward((", id="a code block does not parse"),
        pytest.param("SKL009", SKILL, '"in_channels": 16,', '"in_channels": 16', id="JSON does not parse"),
        pytest.param("SKL009", SKILL, "{shape: [1, 16, 16]}", "{shape: [1, 16, 16", id="YAML does not parse"),
        pytest.param("SKL009", SKILL, 'not-run="needs the published checkpoint"', 'not-run=""', id="no reason"),
        pytest.param("SKL010", SKILL, "description: >-", "description: >", id="one client shows it as empty"),
        pytest.param("SKL010", SKILL, "description: >-\n  Adds", "description: Adds", id="a plain text with a colon"),
        pytest.param("SKL011", "models.md", "## Porting", "## Port", id="a guide is edited and its copies are not"),
        pytest.param("SKL011", SKILL, "references/testing.md", "references/models.md", id="a copy that nothing cites"),
        pytest.param("SKL011", "review-rules.md", "| ATT001 | dispatch", "| ATT001 | call", id="an edited table"),
    ],
)
def test_a_planted_fault_is_found(pack: Path, code: str, file: str, old: str, new: str) -> None:
    path = pack / file
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")
    result = linter_skills(pack)
    assert result.exit_code == 1
    assert re.search(rf"{re.escape(file)}:\d+:\d+: {code} |: {code} .*{re.escape(Path(file).name)}", result.output)
    assert f" {code} " not in linter_skills(pack, "--ignore", code).output


def test_a_rule_that_is_dropped_leaves_its_sentence_without_a_rule(tmp_path: Path) -> None:
    # A checkout of its own, from which the rule's module is taken away.
    root = tmp_path / "checkout"
    for name in ("linter", "scaffold", "parity", ".ai"):
        source = skill_pack_root().parent / name
        shutil.copytree(source, root / name, ignore=shutil.ignore_patterns("__pycache__"))
    (root / "linter/rules/attention/kv_repeat.py").unlink()
    run = subprocess.run([sys.executable, "-m", "linter", "skills"], cwd=root, capture_output=True, text=True)
    assert run.returncode == 1, run.stdout + run.stderr
    assert "no rule has the code ATT011" in run.stdout
    assert "SKL011 review-rules.md" in run.stdout


def test_a_folder_without_a_pack_is_refused(tmp_path: Path) -> None:
    result = linter_skills(tmp_path)
    assert result.exit_code == 2
    assert "no skill pack" in result.output


def test_the_pack_of_a_repository_is_found(checkout: Path) -> None:
    (checkout / ".ai/pack.md").unlink()
    result = linter_skills(checkout, "--output-format", "json")
    assert result.exit_code == 1
    assert '"code": "SKL004"' in result.output


@pytest.mark.parametrize(
    ("command", "fault"),
    [
        ("linter check --select ATT PATH", ""),
        ("scaffold skills install --agent claude", ""),
        ("linter check --only ATT", "`linter check` has no option `--only`"),
        ("scaffold skills instal", "`scaffold skills` has no subcommand `instal`"),
        ("scaffold skills install --agent cursor", "`--agent` of `scaffold skills install` takes claude, codex"),
        ("parity compare 'A", "is no line for a shell"),
    ],
)
def test_a_command_is_held_against_the_tool(command: str, fault: str) -> None:
    assert fault_of(command).startswith(fault)
    assert bool(fault_of(command)) == bool(fault)


@pytest.mark.parametrize(
    ("old", "new", "code"), [("", "", ""), ("            backend=self._attention_backend,\n", "", "ATT005")]
)
def test_the_attention_that_the_guide_shows_obeys_the_rules(tmp_path: Path, old: str, new: str, code: str) -> None:
    page = read_pack(skill_pack_root()).pages["models.md"]
    (block,) = [fence.text for fence in page.fences if fence.language == "python"]
    (tmp_path / "attention.py").write_text(block.replace(old, new), encoding="utf-8")
    words = [sys.executable, "-m", "linter", "check", "--no-cache", "attention.py"]
    run = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True)
    assert code in run.stdout
    assert run.returncode == (1 if code else 0), run.stdout + run.stderr


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
        alone = shutil.copytree(skill, tmp_path / "alone/skills" / skill.name)
        assert (alone / "SKILL.md").is_file()
    result = linter_skills(tmp_path / "alone", "--select", "SKL004,SKL005")
    assert result.exit_code == 0, result.output
    linked = re.findall(r"\]\(([^)#]+)", (root / "AGENTS.md").read_text(encoding="utf-8"))
    assert [target for target in linked if not (root / target).is_file()] == []


def test_a_link_out_of_its_skill_is_dead_after_the_installation(checkout: Path, tmp_path: Path) -> None:
    skill = checkout / ".ai/skills/model-integration/SKILL.md"
    skill.write_text(skill.read_text(encoding="utf-8").replace("references/testing.md", "../../testing.md"))
    install(checkout / ".ai", tmp_path, "claude", copy=True)
    result = linter_skills(tmp_path / ".claude", "--select", "SKL004")
    assert "`../../testing.md` is not there" in result.output
