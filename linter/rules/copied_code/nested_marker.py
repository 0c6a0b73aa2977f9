"""CPY008 nested-marker."""

from __future__ import annotations

from collections.abc import Iterator

from linter.findings import Finding, Severity
from linter.project import Module
from linter.rules.base import Rule
from linter.rules.copied_code import GUIDE, around, markers


class NestedMarker(Rule):
    """A `# Copied from` marker stands inside a block that is itself a marked copy.

    ## What it does
    Finds markers of methods, and of nested functions, whose class or function has a marker too.

    ## Why is this bad?
    The outer marker already says what every line below it must be. Two sources for one text agree until one of them
    changes; from then on each synchronisation undoes the other.
    """

    code = "CPY008"
    name = "nested-marker"
    severity = Severity.WARNING
    guide = GUIDE
    bad = {
        "tinylib/__init__.py": "",
        "tinylib/origin.py": "class TinyNorm:\n    def scale(self, sample):\n        return sample\n",
        "tinylib/copy.py": """
            # Copied from tinylib.origin.TinyNorm with TinyNorm->SmallNorm
            class SmallNorm:
                # Copied from tinylib.origin.TinyNorm.scale  #!
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
        outer = {comment.qualname: marker for comment, marker in markers(module) if marker is not None}
        for comment, _ in markers(module):
            name = next((name for name in around(comment.qualname) if name in outer), None)
            if name is not None:
                message = f"`{name}` is already a copy of `{outer[name].source}`; this marker inside it says it twice"
                yield self.finding(module, comment.span, message, comment.qualname)
