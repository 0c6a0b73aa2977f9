"""CPY001 out-of-sync."""

from __future__ import annotations

from collections.abc import Iterator

from linter.copies import in_sync, rewritten
from linter.edits.rewriting import edit_between
from linter.findings import Finding, Safety
from linter.project import Class, Module
from linter.rules.base import Rule
from linter.rules.copied_code import GUIDE, claims


class OutOfSync(Rule):
    """A copy differs from its source after the renames.

    ## What it does
    Compares the definition below a `# Copied from` marker with the one that the marker names, after the marker's
    renames. Layout does not count, and neither does the name of the definition; the signature, the statements, the
    docstrings and the comments do.

    ## Why is this bad?
    A fix made in the source never reaches the copy, and a change made in the copy is lost at the next synchronisation.

    ## Fix safety
    Safe: the signature and body become the source's, the name, the decorators and the marker stay. Where the
    difference is meant, take the marker out instead.
    """

    code = "CPY001"
    name = "out-of-sync"
    guide = GUIDE
    fixes = Safety.SAFE
    bad = {
        "tinylib/__init__.py": "",
        "tinylib/origin.py": """
            def retrieve_latents(output, sample_mode="sample"):
                # The mode is the mean of the distribution.
                return output.mode() if sample_mode == "argmax" else output.sample()
        """,
        "tinylib/copy.py": """
            # Copied from tinylib.origin.retrieve_latents
            def retrieve_latents(output, sample_mode="sample"):  #!
                return output.sample()
        """,
    }
    good = {
        "tinylib/__init__.py": "",
        "tinylib/origin.py": """
            def retrieve_latents(output, sample_mode="sample"):
                # The mode is the mean of the distribution.
                return output.mode() if sample_mode == "argmax" else output.sample()
        """,
        "tinylib/copy.py": """
            # Copied from tinylib.origin.retrieve_latents
            def retrieve_latents(output, sample_mode="sample"):
                # The mode is the mean of the distribution.
                return output.mode() if sample_mode == "argmax" else output.sample()
        """,
    }

    def check(self, module: Module) -> Iterator[Finding]:
        for claim in claims(module):
            copy, source, marker = claim.copy, claim.source, claim.marker
            if copy is None or isinstance(copy, Class) != isinstance(source, Class):
                continue
            # What the source says is read from its text, which counts as much as its facts.
            if not in_sync(copy, source, marker):
                message = f"`{copy.qualname}` differs from `{marker.source}`"
                message += f" after {', '.join(map(str, marker.renames))}" if marker.renames else ""
                text = rewritten(copy, source, marker)
                edits = () if text is None else (edit_between(module.path, module.source, text),)
                yield self.finding(module, copy.facts.header, message, copy, edits)
