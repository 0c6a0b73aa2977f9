"""LNT001 parse-error."""

from __future__ import annotations

from linter.rules.linter_itself import FoundByEngine


class ParseError(FoundByEngine):
    """The file is not valid Python, so nothing else in it was checked.

    ## Why is this bad?
    A file that does not parse hides every other finding. The rest of the files are still checked.
    """

    code = "LNT001"
    name = "parse-error"
    guide = "review-rules.md#linter-findings"
    bad = "def forward(self:  #!\n    return 1\n"
    good = "def forward(self):\n    return 1\n"
