"""CPY: `# Copied from` markers and the code that they mark."""

from __future__ import annotations

from collections.abc import Iterator
from difflib import get_close_matches

from linter.copies import Marker, guess_marker, in_sync, parse_marker, rewritten
from linter.facts import Copied
from linter.findings import Edit, Finding, Safety
from linter.project import Class, Function, Module
from linter.rewriting import edit_between
from linter.rules.base import Rule


GUIDE = "models.md#copied-code"


def markers(module: Module) -> Iterator[tuple[Copied, Marker | None]]:
    """The comments that mark copies of this library's own code, with what each says; None for a malformed one."""
    library = module.name.partition(".")[0]
    for comment in module.facts.copied:
        marker = parse_marker(comment.text)
        meant = marker or guess_marker(comment.text)
        if meant is None or meant.source.partition(".")[0] == library:
            yield comment, marker


def source_of(module: Module, marker: Marker) -> Class | Function | None:
    """The definition that a marker names."""
    found = module.project.definition(marker.source, module.root)
    return None if isinstance(found, Module) else found


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
        for comment, marker in markers(module):
            copy = module.definitions.get(comment.qualname)
            source = source_of(module, marker) if marker else None
            if (
                copy is None
                or source is None
                or marker is None
                or isinstance(copy, Class) != isinstance(source, Class)
            ):
                continue
            # What the source says is read from its text, which counts as much as its facts.
            if not in_sync(copy, source, marker):
                message = f"`{copy.qualname}` differs from `{marker.source}`"
                message += f" after {', '.join(map(str, marker.renames))}" if marker.renames else ""
                yield self.finding(module, copy.facts.header, message, copy, self._edits(module, copy, source, marker))

    def _edits(
        self, module: Module, copy: Class | Function, source: Class | Function, marker: Marker
    ) -> tuple[Edit, ...]:
        text = rewritten(copy, source, marker)
        if text is None or text == module.source.text:
            return ()
        return (edit_between(module.path, module.source, text),)


class UnknownSource(Rule):
    """A `# Copied from` marker names something that is not there.

    ## What it does
    Looks the name up in the project, through re-exports.

    ## Why is this bad?
    Nothing keeps the copy in line any more. It happens when the source is renamed, moved or removed.
    """

    code = "CPY002"
    name = "unknown-source"
    guide = GUIDE
    bad = {
        "tinylib/__init__.py": "",
        "tinylib/origin.py": "def retrieve_latents(output):\n    return output.sample()\n",
        "tinylib/copy.py": """
            # Copied from tinylib.origin.retrieve_latent  #!
            def retrieve_latents(output):
                return output.sample()
        """,
    }
    good = {
        "tinylib/__init__.py": "",
        "tinylib/origin.py": "def retrieve_latents(output):\n    return output.sample()\n",
        "tinylib/copy.py": """
            # Copied from tinylib.origin.retrieve_latents
            def retrieve_latents(output):
                return output.sample()
        """,
    }

    def check(self, module: Module) -> Iterator[Finding]:
        for comment, marker in markers(module):
            if marker is None or source_of(module, marker) is not None:
                continue
            message = f"`{marker.source}` does not exist{self._nearest(module, marker)}"
            yield self.finding(module, comment.span, message, comment.qualname)

    def _nearest(self, module: Module, marker: Marker) -> str:
        parts = marker.source.split(".")
        for depth in range(len(parts) - 1, 0, -1):
            prefix = ".".join(parts[:depth])
            home = module.project.definition(prefix, module.root)
            if isinstance(home, Class):
                names = [f"{prefix}.{name}" for name in home.own_methods]
            elif isinstance(home, Module):
                names = [f"{prefix}.{name}" for name in home.definitions]
            else:
                continue
            near = get_close_matches(marker.source, names, n=1, cutoff=0.5)
            return f" in `{prefix}`" + (f"; the nearest name is `{near[0]}`" if near else "")
        return ""


class MalformedMarker(Rule):
    """A comment is meant as a `# Copied from` marker and is not one.

    ## What it does
    Finds other casing or spacing, a stray dot, slash or colon, and renames that do not parse.

    ## Why is this bad?
    The tools that keep copies in line read one form only. They pass the marker by, or leave its renames out, without a
    word.

    ## Fix safety
    No fix yet.
    """

    code = "CPY003"
    name = "malformed-marker"
    guide = GUIDE
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
            yield self.finding(module, comment.span, message, comment.qualname)
