"""LNT003 unknown-code."""

from __future__ import annotations

from linter.rules.linter_itself import FoundByEngine


class UnknownCode(FoundByEngine):
    """A suppression comment names a code that no rule has, or names none.

    ## Why is this bad?
    It silences nothing, and its author believes that it does. A suppression names the codes that it means, so that it
    cannot hide others.
    """

    code = "LNT003"
    name = "unknown-code"
    guide = "review-rules.md#linter-findings"
    bad = "scale = 1.0  # lint: ignore[FWD999] no such rule #!\n"
    good = "scale = 1.0\n"
