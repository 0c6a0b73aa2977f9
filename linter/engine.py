"""A run: files to facts, facts through the rules to findings, with what earlier runs found taken over where it still
holds.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from linter.cache import Cache, Checked
from linter.config import Config
from linter.errors import LinterError
from linter.facts import Span
from linter.files import Files
from linter.findings import Finding
from linter.project import Module, Project
from linter.project.profiles import Profile, profile_of
from linter.project.queries import reading
from linter.rules import Rule, all_rules
from linter.rules.linter_itself.unreadable_file import UnreadableFile
from linter.selection import ALWAYS
from linter.suppressing import apply_suppressions


@dataclass(frozen=True)
class Report:
    """What a run found, in order, and how many files it looked at."""

    findings: tuple[Finding, ...]
    files: int
    digests: Mapping[str, str]
    """What names the content of each file that the findings rest on."""

    @property
    def exit_code(self) -> int:
        """0: nothing found. 1: findings. 2: a file could not be read or parsed, so that nothing is known of it."""
        if any(finding.code in ALWAYS for finding in self.findings):
            return 2
        return 1 if self.findings else 0


def check(
    paths: Sequence[Path],
    config: Config,
    cache: Cache,
    contents: Mapping[Path, bytes] | None = None,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> Report:
    """Checks files.

    All rules run on a file that is new or whose grounds have changed, so that another selection is answered from the
    cache.

    Args:
        paths: The files, absolute.
        config: Which rules count, and where.
        cache: Where earlier answers lie.
        contents: What files hold in place of what is on the disk.
        progress: Told before each file how many are done, and of how many.
    """
    files = Files(cache, contents or {})
    project = Project(files)
    checked: dict[str, Checked] = {}
    found: list[Finding] = []
    holding = {
        path: known for path in paths if (known := cache.checked(str(path))) and _holds(known, str(path), files)
    }
    files.prepare([path for path in paths if path not in holding], progress)
    for number, path in enumerate(paths):
        progress(number, len(paths))
        name = str(path)
        known = holding.get(path) or _check_file(path, files, project)
        checked[name] = known
        shown = apply_suppressions(path, known.suppressions, known.findings, config.selected, files)
        found.extend(finding for finding in shown if config.counts(finding, path))
    cache.keep_checked(checked)
    return Report(tuple(sorted(found, key=lambda finding: finding.order)), len(paths), files.digests)


def _holds(known: Checked, path: str, files: Files) -> bool:
    """Whether neither the file nor anything that its findings rest on has changed."""
    digest = files.digest(path)
    # A file that could not be read has no digest to go by.
    return (
        bool(digest)
        and known.digest == digest
        and all(files.digest(other) == seen for other, seen in known.rests_on.items())
    )


def _check_file(path: Path, files: Files, project: Project) -> Checked:
    with reading() as read:
        module = project.module_at(path)
        findings = list(_run_rules(module)) if module else [files.problems[path]]
    rests_on = {name: files.digest(name) for name in sorted(read - {str(path)})}
    suppressions = module.facts.suppressions if module else ()
    return Checked(
        files.digest(str(path)), rests_on, tuple(sorted(findings, key=lambda item: item.order)), suppressions
    )


@cache
def _rules_for(profile: Profile) -> tuple[type[Rule], ...]:
    return tuple(rule for rule in all_rules() if profile in rule.profiles)


def _run_rules(module: Module) -> Iterable[Finding]:
    too_deep = []
    for rule in _rules_for(profile_of(module)):
        if rule.words and rule.words.isdisjoint(module.facts.words):
            continue
        try:
            yield from rule().check(module)
        except RecursionError:
            too_deep.append(rule.code)
        except Exception as error:
            message = f"{module.path}: the linter's own rule {rule.code} failed ({error!r}). Please report it;"
            raise LinterError(f"{message} `--ignore` does not help, leaving the file out does.") from error
    if too_deep:
        message = f"is nested too deeply for {', '.join(too_deep)}, which did not check it"
        yield UnreadableFile().problem(module.path, Span(1, 0, 1, 1), message)
