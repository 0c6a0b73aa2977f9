"""What a run goes by: the settings with their codes resolved."""

from __future__ import annotations

from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path

from linter.findings import Finding, Severity
from linter.selection import ALWAYS, expand, selected_codes
from linter.settings import Settings


@dataclass(frozen=True)
class Config:
    """What a run goes by. `root` is the folder that patterns are relative to."""

    root: Path
    selected: frozenset[str]
    asked: frozenset[str]
    """The codes that somebody selected: advice is not shown to who asked for nothing."""
    exclude: tuple[str, ...]
    per_file_ignores: tuple[tuple[str, frozenset[str]], ...]
    cache_dir: Path
    baseline: Path | None

    def counts(self, finding: Finding, path: Path) -> bool:
        """Whether a finding in a file is shown."""
        code = finding.code
        if code not in self.selected or (finding.severity is Severity.ADVICE and code not in self.asked):
            return False
        if code in ALWAYS or not self.per_file_ignores:
            return True
        relative = path.relative_to(self.root).as_posix() if path.is_relative_to(self.root) else path.as_posix()
        return not any(
            code in codes and (fnmatch(relative, pattern) or fnmatch(path.name, pattern))
            for pattern, codes in self.per_file_ignores
        )


def resolve(settings: Settings) -> Config:
    """The configuration that settings mean.

    Raises:
        LinterError: a rule that is not known.
    """
    per_file = settings.per_file_ignores.items()
    return Config(
        root=settings.root,
        selected=selected_codes((*(settings.select or ("ALL",)), *settings.extend_select), settings.ignore),
        asked=frozenset(expand((*settings.select, *settings.extend_select))),
        exclude=settings.exclude,
        per_file_ignores=tuple((pattern, frozenset(expand(names))) for pattern, names in per_file),
        cache_dir=settings.cache_dir,
        baseline=settings.baseline,
    )
