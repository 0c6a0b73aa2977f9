"""Suppressions: findings that a comment silences, and comments that silence nothing."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from linter.facts import Span, Suppression
from linter.files import Files
from linter.findings import Edit, Finding
from linter.rules import FAMILIES, rules_by_code
from linter.rules.linter_itself.suppression_without_reason import SuppressionWithoutReason
from linter.rules.linter_itself.unknown_code import UnknownCode
from linter.rules.linter_itself.unused_suppression import UnusedSuppression
from linter.selection import ALWAYS, did_you_mean


def apply_suppressions(
    path: Path, items: Sequence[Suppression], findings: Iterable[Finding], selected: frozenset[str], files: Files
) -> list[Finding]:
    """The findings that no comment silences, and what is wrong with the comments themselves.

    Args:
        path: The file.
        items: Its suppressions.
        findings: All findings of all rules in this file.
        selected: The codes of this run; a suppression of another code is not judged.
        files: Where its text is, for the edits that take unused comments out.
    """
    kept = []
    used: set[tuple[Suppression, str]] = set()
    waiting = sorted(items, key=lambda item: item.first, reverse=True)
    here: list[Suppression] = []
    for finding in sorted(findings, key=lambda finding: finding.span.line):
        line = finding.span.line
        while waiting and waiting[-1].first <= line:
            here.append(waiting.pop())
        # A file may have as many suppressions as lines, but on each line few of them count.
        here = [item for item in here if item.last == 0 or line <= item.last]
        silencing = [item for item in here if finding.code in item.codes and finding.code not in ALWAYS]
        used.update((item, finding.code) for item in silencing)
        if not silencing:
            kept.append(finding)
    for item in items:
        kept.extend(_about(path, item, files, used, selected))
    return kept


def _about(
    path: Path, item: Suppression, files: Files, used: set[tuple[Suppression, str]], selected: frozenset[str]
) -> Iterable[Finding]:
    if not item.codes:
        message = "this suppression names no rule; write `# lint: ignore[CODE] reason`"
        yield UnknownCode().problem(path, item.span, message)
    for code in item.codes:
        if code not in rules_by_code():
            several = code.upper() in (*FAMILIES, "ALL")
            hint = "; name each rule" if several else did_you_mean(code, rules_by_code())
            message = f"this suppression names `{code}`, which is no rule{hint}"
            yield UnknownCode().problem(path, item.span, message)
    unused = [code for code in item.codes if code in selected and (item, code) not in used]
    if unused:
        edit = _without(path, item, files, unused)
        message = f"nothing here breaks {', '.join(unused)}; take the suppression out"
        yield UnusedSuppression().problem(path, item.span, message, edits=(edit,))
    explained = [code for code in item.codes if code in rules_by_code() and code not in unused]
    if explained and not item.reason:
        message = f"nothing says why {', '.join(explained)} may be broken here; write the reason behind the bracket"
        yield SuppressionWithoutReason().problem(path, item.span, message)


def _without(path: Path, item: Suppression, files: Files, unused: Sequence[str]) -> Edit:
    """The edit that takes the codes out of the comment, or the whole comment where none is left."""
    source = files.source(path)
    assert source is not None, "a file with suppressions was read"
    text = source.lines[item.span.line - 1]
    left = [code for code in item.codes if code not in unused]
    if left:
        comment = text[item.span.column : item.span.end_column]
        start = item.span.column + comment.index("[") + 1
        span = Span(item.span.line, start, item.span.line, item.span.column + comment.index("]"))
        return Edit(str(path), span, ", ".join(left))
    before, after = text[: item.span.column].rstrip(), text[item.span.end_column :].strip()
    if after:
        # Another tool's comment on the same line stays.
        start = text.index(after, item.span.end_column)
        span = Span(item.span.line, item.span.column, item.span.line, start)
    elif before:
        span = Span(item.span.line, len(before), item.span.line, len(text))
    else:
        span = Span(item.span.line, 0, item.span.line + 1, 0)
    return Edit(str(path), span, "")
