"""CPY005 dangling-marker."""

from __future__ import annotations

from collections.abc import Iterator

from linter.findings import Finding
from linter.project import Module
from linter.rules.base import Rule
from linter.rules.copied_code import GUIDE, markers


class DanglingMarker(Rule):
    """A `# Copied from` marker stands above something that is no `def` and no `class`.

    ## What it does
    Finds markers with a blank line, an assignment or another statement below them.

    ## Why is this bad?
    A marker speaks for the definition directly below it. Above anything else nothing is compared, or the wrong lines
    are.
    """

    code = "CPY005"
    name = "dangling-marker"
    guide = GUIDE
    bad = {
        "tinylib/__init__.py": "",
        "tinylib/origin.py": "def scale_noise(sample):\n    return sample\n",
        "tinylib/copy.py": """
            # Copied from tinylib.origin.scale_noise  #!

            def scale_noise(sample):
                return sample
        """,
    }
    good = {
        "tinylib/__init__.py": "",
        "tinylib/origin.py": "def scale_noise(sample):\n    return sample\n",
        "tinylib/copy.py": """
            # Copied from tinylib.origin.scale_noise
            def scale_noise(sample):
                return sample
        """,
    }

    def check(self, module: Module) -> Iterator[Finding]:
        for comment, _ in markers(module):
            if not comment.qualname:
                message = "this `# Copied from` marker stands directly above no `def` or `class`"
                yield self.finding(module, comment.span, message)
