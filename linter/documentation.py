"""The documentation of a rule, made from the rule: for the terminal, for the site, for a guide's table."""

from __future__ import annotations

import inspect
import textwrap
from pathlib import PurePath

from linter.project.profiles import Profile
from linter.rules import Rule, all_rules


_LANGUAGES = {".py": "python", ".toml": "toml", ".yml": "yaml", ".md": "markdown"}
MARK = "#!"
"""Ends the lines of a bad example that a finding must name."""


def example_files(example: str | dict[str, str]) -> dict[str, str]:
    """The files of an example, dedented, with their marks."""
    files = example if isinstance(example, dict) else {"example.py": example}
    return {path: textwrap.dedent(text).lstrip("\n") for path, text in files.items()}


def marked_lines(text: str) -> tuple[str, list[int]]:
    """A text without its marks, and the numbers of the lines that had one."""
    lines = text.split("\n")
    marked = [number for number, line in enumerate(lines, start=1) if line.rstrip().endswith(MARK)]
    return "\n".join(
        line.rstrip().removesuffix(MARK).rstrip() if n in marked else line for n, line in enumerate(lines, 1)
    ), marked


def rule_page(rule: type[Rule]) -> str:
    """The rule's page in Markdown: what it is, its docstring's sections, its examples, how to silence it."""
    doc = inspect.getdoc(rule) or ""
    summary, _, sections = doc.partition("\n")
    fix = rule.fixes.value if rule.fixes else "none"
    parts = [
        f"# {rule.code} {rule.name}",
        summary,
        f"Severity: {rule.severity.value} · Fix: {fix} · Since: {rule.since} · Guide: `{rule.guide}`",
        _where(rule),
        sections.strip(),
        "## Bad",
        _code(rule.bad, rule.good),
        "## Good",
        _code(rule.good, rule.bad),
        *(_silencing(rule) if rule.profiles else ()),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _silencing(rule: type[Rule]) -> tuple[str, str]:
    return (
        "## Silencing it",
        f"Write `# lint: ignore[{rule.code}] reason` at the end of the line, or above the statement or block.",
    )


def _where(rule: type[Rule]) -> str:
    """The profiles that a rule is for; empty where that is every one, and the command where it is about no module."""
    if not rule.profiles:
        return "Checked by: `linter skills`"
    kinds = [profile for profile in Profile if profile in rule.profiles]
    return "" if len(kinds) == len(Profile) else f"Profiles: {', '.join(profile.title for profile in kinds)}"


def rules_table() -> str:
    """A Markdown table of all rules."""
    rows = ["| Code | Name | Severity | Fix | What it finds |", "| --- | --- | --- | --- | --- |"]
    for rule in all_rules():
        fix = rule.fixes.value if rule.fixes else ""
        rows.append(f"| {rule.code} | {rule.name} | {rule.severity.value} | {fix} | {rule.summary()} |")
    return "\n".join(rows) + "\n"


def _code(example: str | dict[str, str], other: str | dict[str, str]) -> str:
    """The files of an example that say something: those that the other example has alike are left out where any
    differ.
    """
    files, others = example_files(example), example_files(other)
    telling = {path: text for path, text in files.items() if others.get(path) != text} or files
    blocks = []
    for path, text in telling.items():
        shown = "\n".join(
            f"{line.rstrip().removesuffix(MARK).rstrip()}  # found here" if line.rstrip().endswith(MARK) else line
            for line in text.rstrip().split("\n")
        ).replace("\0", "\\0")
        title = f"`{path}`:\n\n" if len(files) > 1 else ""
        language = _LANGUAGES.get(PurePath(path).suffix, "")
        blocks.append(f"{title}```{language}\n{shown}\n```")
    return "\n\n".join(blocks)
