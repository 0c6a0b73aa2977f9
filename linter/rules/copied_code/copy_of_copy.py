"""CPY007 copy-of-copy."""

from __future__ import annotations

from collections.abc import Iterator

from linter.copies import Marker, in_sync, without_dead_renames
from linter.facts import Span
from linter.findings import Edit, Finding, Safety, Severity
from linter.project import Class, Function, Module
from linter.rules.base import Rule
from linter.rules.copied_code import GUIDE, claims, marker_of, source_of


class CopyOfCopy(Rule):
    """A `# Copied from` marker names a source that is itself a marked copy.

    ## What it does
    Follows the markers from source to source. Where they end, that is the origin. Where they come back to the copy
    itself, nothing is the origin, and that is an error rather than advice.

    ## Why is this bad?
    A change of the origin reaches the copy only in the second round, and a change of the one between, which its own
    marker takes back, reaches it too. In a cycle any of the copies may overwrite the others.

    ## Fix safety
    Safe: the marker names the origin, with the renames of the whole way in their order. It is offered only where the
    copy agrees with the origin after them.
    """

    code = "CPY007"
    name = "copy-of-copy"
    severity = Severity.ADVICE
    guide = GUIDE
    fixes = Safety.SAFE
    bad = {
        "tinylib/__init__.py": "",
        "tinylib/origin.py": "def scale_noise(sample):\n    return sample * 2\n",
        "tinylib/between.py": """
            # Copied from tinylib.origin.scale_noise with sample->latents
            def scale_noise(latents):
                return latents * 2
        """,
        "tinylib/copy.py": """
            # Copied from tinylib.between.scale_noise with latents->video  #!
            def scale_noise(video):
                return video * 2
        """,
    }
    good = {
        "tinylib/__init__.py": "",
        "tinylib/origin.py": "def scale_noise(sample):\n    return sample * 2\n",
        "tinylib/between.py": """
            # Copied from tinylib.origin.scale_noise with sample->latents
            def scale_noise(latents):
                return latents * 2
        """,
        "tinylib/copy.py": """
            # Copied from tinylib.origin.scale_noise with sample->video
            def scale_noise(video):
                return video * 2
        """,
    }

    def check(self, module: Module) -> Iterator[Finding]:
        for claim in claims(module):
            marker, copy, source = claim.marker, claim.copy, claim.source
            if copy is None or (between := marker_of(source)) is None:
                continue
            sources, origin, way = [source], source, marker
            while (onward := marker_of(origin)) is not None and (
                found := source_of(module, onward, origin)
            ) is not None:
                if found in sources:
                    break
                sources.append(found)
                origin, way = found, Marker(onward.source, (*onward.renames, *way.renames))
            if copy in sources:
                message = f"`{marker.source}` is in the end a copy of this `{copy.qualname}`, so neither is the origin"
                yield self.finding(module, claim.comment.span, message, copy, severity=Severity.ERROR)
            elif marker_of(origin) is None:
                message = f"`{marker.source}` is itself a copy of `{between.source}`; name the origin, `{way.source}`"
                edits = self._edits(module, claim.comment.span, copy, origin, way)
                yield self.finding(module, claim.comment.span, message, copy, edits)

    def _edits(
        self, module: Module, place: Span, copy: Class | Function, origin: Class | Function, way: Marker
    ) -> tuple[Edit, ...]:
        marker = without_dead_renames(origin, way)
        if not in_sync(copy, origin, marker):
            return ()
        return (Edit(str(module.path), place, str(marker)),)
