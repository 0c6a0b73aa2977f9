"""LNT002 unused-suppression."""

from __future__ import annotations

from linter.findings import Safety
from linter.rules.linter_itself import FoundByEngine


class UnusedSuppression(FoundByEngine):
    """A suppression comment silences nothing.

    ## Why is this bad?
    A suppression that outlives its reason hides the next finding on its line.

    ## Exceptions
    A code that is not selected in this run is not judged.
    """

    code = "LNT002"
    name = "unused-suppression"
    guide = "review-rules.md#linter-findings"
    fixes = Safety.SAFE
    bad = "scale = 1.0  # lint: ignore[FWD001] was needed once #!\n"
    good = "scale = 1.0\n"
