"""MkDocs hooks that make what has its source in another file: the pages of the rules, the guides and the texts at the
root, and the table of verdicts on what the linter finds in diffusers.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from pathlib import Path
from typing import Any

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page
from ruamel.yaml import YAML

from linter.documentation import rule_page, rules_table
from linter.rules import FAMILIES, all_rules
from linter.rules.base import Rule
from scaffold.parts import Library
from scaffold.resources import templates_root


ROOT = Path(__file__).resolve().parent.parent
GUIDES = ROOT / ".ai"
VERDICTS = ROOT / "tests" / "linter" / "verdicts" / "diffusers-0.42.1.yaml"
TABLE = "<!-- verdicts -->"
"""Stands in a page where the table of verdicts is to be."""

# `[ATT001]` or `[FWD001, FWD002]` at the end of a norm; in backticks it is only talked about.
CITATION = re.compile(r"(?<!`)\[([A-Z]{3}\d{3}(?:, [A-Z]{3}\d{3})*)\](?!\()")

ROOT_PAGES = {"README.md": "index.md", "CONTRIBUTING.md": "contributing.md", "CHANGELOG.md": "changelog.md"}


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """Puts the rules and the guides into the navigation."""
    navigation: list[dict[str, Any]] = config.nav or []
    sections = {title: entries for section in navigation for title, entries in section.items()}
    for entry in sections["linter"]:
        if isinstance(entry, dict) and "Rules" in entry:
            entry["Rules"] += _rules_by_family()
    sections["Skills"] += [_guide_path(guide) for guide in _guides()]
    return config


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Adds the pages themselves."""
    pages = {page: _relink((ROOT / source).read_text(encoding="utf-8")) for source, page in ROOT_PAGES.items()}
    pages |= {_rule_path(rule.code): _rule_page(rule) for rule in all_rules()}
    pages["linter/rules/index.md"] = _rule_index()
    pages |= {_guide_path(guide): _guide_page(guide) for guide in _guides()}
    pages["scaffold/components.md"] = _components()
    for path, content in pages.items():
        files.append(File.generated(config, path, content=content))
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Puts the table of verdicts where a page asks for it."""
    return markdown.replace(TABLE, _verdicts_table()) if TABLE in markdown else markdown


def _verdicts_table() -> str:
    """How many findings of each rule have each verdict."""
    counts: Counter[tuple[str, str]] = Counter()
    for entry in YAML(typ="safe").load(VERDICTS)["verdicts"]:
        found = sum(count for symbols in entry["where"].values() for count in symbols.values())
        counts[entry["code"], entry["verdict"]] += found
    names = {rule.code: rule.name for rule in all_rules()}
    rows = ["| Rule | | true | debt | exception |", "| --- | --- | --: | --: | --: |"]
    for code in sorted({code for code, _ in counts}):
        numbers = (str(counts[code, kind] or "") for kind in _KINDS)
        rows.append(f"| [{code}](rules/{code.lower()}.md) | {names[code]} | {' | '.join(numbers)} |")
    totals = (sum(count for (_, judged), count in counts.items() if judged == kind) for kind in _KINDS)
    return "\n".join([*rows, f"| | All | {' | '.join(map(str, totals))} |"])


_KINDS = ("true", "debt", "exception")


def _components() -> str:
    """The kinds of every slot, as their declarations say."""
    library = Library(templates_root())
    lines = ["# Components", "", "What a spec can put into each slot, and what it says about it."]
    for slot in library.slots():
        lines += ["", f"## {slot}"]
        for kind in library.kinds(slot):
            declared = library.declaration(slot, kind)
            lines += [
                "",
                f"### {kind}",
                "",
                declared.doc,
                "",
                "| parameter | type | default | |",
                "| --- | --- | --- | --- |",
            ]
            for name, parameter in declared.parameters.items():
                default = "" if parameter.required else f"`{json.dumps(parameter.default)}`"
                kinds = " or ".join(f"`{choice}`" for choice in parameter.choices) or parameter.type
                lines.append(f"| `{name}` | {kinds} | {default} | {parameter.doc} |")
    return "\n".join(lines) + "\n"


def _rules_by_family() -> list[dict[str, list[str]]]:
    return [
        {name.replace("_", " ").capitalize(): [_rule_path(rule.code) for rule in all_rules() if rule.family() == code]}
        for code, name in FAMILIES.items()
    ]


def _rule_page(rule: type[Rule]) -> str:
    """A rule's page, with the place in the guide that it cites as a link."""
    return rule_page(rule).replace(f"`{rule.guide}`", f"[{rule.guide}](../../guides/{rule.guide})")


def _rule_index() -> str:
    """The table of all rules, each code with a link to its page."""
    table = re.sub(
        r"^\| ([A-Z]{3}\d{3}) \|", lambda row: f"| [{row[1]}]({row[1].lower()}.md) |", rules_table(), flags=re.M
    )
    return f"# Rules\n\n{table}"


def _rule_path(code: str) -> str:
    return f"linter/rules/{code.lower()}.md"


def _guides() -> list[Path]:
    """The guides, each once: a skill carries copies of those that it cites, and they are shown at their origin."""
    guides = sorted(GUIDES.rglob("*.md"), key=lambda guide: (len(guide.parts), guide))
    return [guide for guide in guides if not (guide.parent.name == "references" and (GUIDES / guide.name).exists())]


def _guide_path(guide: Path) -> str:
    return f"guides/{guide.relative_to(GUIDES).as_posix()}"


def _guide_page(guide: Path) -> str:
    """A guide with its citations linked to the rules that exist, and its own copies of guides to the origins."""
    up = "../" * _guide_path(guide).count("/")
    existing = {rule.code for rule in all_rules()}

    def link(citation: re.Match[str]) -> str:
        codes = citation[1].split(", ")
        links = [f"[{code}]({up}{_rule_path(code)})" if code in existing else code for code in codes]
        return f"({', '.join(links)})"

    text = CITATION.sub(link, guide.read_text(encoding="utf-8"))
    # Whether a block is run, and how it ends, concerns tests; the site knows no such options.
    text = re.sub(r'^(```\w+.*?) (?:not-run|exit)="[^"]*"', r"\1", text, flags=re.MULTILINE)
    if guide.name == "SKILL.md":
        text = text.replace("](references/", "](../../")
    return text


def _relink(text: str) -> str:
    """Makes the links of a text at the root lead to the site's pages."""
    text = re.sub(r"\]\(docs/", "](", text)
    for source, page in ROOT_PAGES.items():
        text = text.replace(f"]({source}", f"]({page}")
    return text
