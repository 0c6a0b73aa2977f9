"""CPY004 dead-rename."""

from __future__ import annotations

from collections.abc import Iterator

from linter.copies import dead_renames
from linter.findings import Finding
from linter.project import Module
from linter.rules.base import Rule
from linter.rules.copied_code import GUIDE, claims


class DeadRename(Rule):
    """A rename of a `# Copied from` marker changes nothing, or disagrees with another one.

    ## What it does
    Makes the renames on the source one after the other, as the tools that keep copies in line do, and names those
    that find nothing to replace, and those that give one name two replacements.

    ## Why is this bad?
    A reader takes the marker for the list of what differs. A rename that does nothing is often a name that has changed
    in the source, or one that an earlier rename of the same marker has already used up.
    """

    code = "CPY004"
    name = "dead-rename"
    guide = GUIDE
    bad = {
        "tinylib/__init__.py": "",
        "tinylib/origin.py": "class TinyNorm:\n    def scale(self, sample):\n        return sample\n",
        "tinylib/copy.py": """
            # Copied from tinylib.origin.TinyNorm with TinyNorm->SmallNorm, latents->sample  #!
            class SmallNorm:
                def scale(self, sample):
                    return sample
        """,
    }
    good = {
        "tinylib/__init__.py": "",
        "tinylib/origin.py": "class TinyNorm:\n    def scale(self, sample):\n        return sample\n",
        "tinylib/copy.py": """
            # Copied from tinylib.origin.TinyNorm with TinyNorm->SmallNorm
            class SmallNorm:
                def scale(self, sample):
                    return sample
        """,
    }

    def check(self, module: Module) -> Iterator[Finding]:
        for claim in claims(module):
            for rename, reason in dead_renames(claim.source, claim.marker):
                message = f"the rename `{rename}` {reason}"
                yield self.finding(module, claim.comment.span, message, claim.comment.qualname)
