"""LNT005 unreadable-file."""

from __future__ import annotations

from linter.rules.linter_itself import FoundByEngine


class UnreadableFile(FoundByEngine):
    """The file cannot be read as text: null bytes, a wrong encoding, no permission, too large, or nested too deeply.

    ## Why is this bad?
    Python cannot import it either. The rest of the files are still checked.
    """

    code = "LNT005"
    name = "unreadable-file"
    guide = "review-rules.md#linter-findings"
    bad = 'title = "\0" #!\n'
    good = 'title = ""\n'
