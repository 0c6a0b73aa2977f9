"""CPY003 malformed-marker."""

from __future__ import annotations

from collections.abc import Iterator

from linter.copies import guess_marker
from linter.findings import Edit, Finding, Safety
from linter.project import Module
from linter.rules.base import Rule
from linter.rules.copied_code import GUIDE, markers


class MalformedMarker(Rule):
    """A comment is meant as a `# Copied from` marker and is not one.

    ## What it does
    Finds other casing or spacing, a stray dot, slash or colon, and renames that do not parse.

    ## Why is this bad?
    The tools that keep copies in line read one form only. They pass the marker by, or leave its renames out, without a
    word.

    ## Fix safety
    Safe: only the comment is written anew, and only where what it means can be told. What the marker then says of the
    code below it is another rule's matter.
    """

    code = "CPY003"
    name = "malformed-marker"
    guide = GUIDE
    fixes = Safety.SAFE
    bad = {
        "tinylib/__init__.py": "",
        "tinylib/origin.py": "def scale_noise(sample):\n    return sample\n",
        "tinylib/copy.py": """
            # Copied from tinylib.origin.scale_noise with scale_noise -> scale_latents  #!
            def scale_latents(sample):
                return sample
        """,
    }
    good = {
        "tinylib/__init__.py": "",
        "tinylib/origin.py": "def scale_noise(sample):\n    return sample\n",
        "tinylib/copy.py": """
            # Copied from tinylib.origin.scale_noise with scale_noise->scale_latents
            def scale_latents(sample):
                return sample
        """,
    }

    def check(self, module: Module) -> Iterator[Finding]:
        for comment, marker in markers(module):
            if marker is not None:
                continue
            meant = guess_marker(comment.text)
            message = "this `# Copied from` marker cannot be read"
            message += f"; write `{meant}`" if meant else "; write `# Copied from package.module.Name with Old->New`"
            edits = (Edit(str(module.path), comment.span, str(meant)),) if meant else ()
            yield self.finding(module, comment.span, message, comment.qualname, edits)
