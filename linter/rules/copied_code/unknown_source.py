"""CPY002 unknown-source."""

from __future__ import annotations

from collections.abc import Iterator
from difflib import get_close_matches

from linter.copies import Marker
from linter.findings import Finding
from linter.project import Class, Module
from linter.rules.base import Rule
from linter.rules.copied_code import GUIDE, around, markers, source_of


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
            if marker is None or source_of(module, marker) is not None or _is_unreadable(module, marker):
                continue
            message = f"`{marker.source}` does not exist{self._nearest(module, marker)}"
            yield self.finding(module, comment.span, message, comment.qualname)

    def _nearest(self, module: Module, marker: Marker) -> str:
        """Where the source should be, and the most similar name there."""
        for outer in around(marker.source):
            home = module.project.definition(outer, module.root)
            if isinstance(home, Class | Module):
                inside = home.own_methods if isinstance(home, Class) else home.definitions
                near = get_close_matches(marker.source, [f"{outer}.{name}" for name in inside], cutoff=0.5)
                return f" in `{outer}`" + (f"; the nearest name is `{near[0]}`" if near else "")
        return ""


def _is_unreadable(module: Module, marker: Marker) -> bool:
    """Whether the source may be in a file that is there and does not parse, of which another finding tells."""
    base = module.root
    for part in marker.source.split("."):
        base /= part
        paths = (base / "__init__.py", base.with_name(base.name + ".py"))
        there = next((path for path in paths if module.project.files.exists(path)), None)
        if there is not None and module.project.module_at(there) is None:
            return True
    return False
