"""REG012 test-file."""

from __future__ import annotations

from collections.abc import Iterator

from linter.findings import Finding, Severity
from linter.project import Module
from linter.project.lazy_packages import library
from linter.project.profiles import CHECKOUTS
from linter.project.repository import repository
from linter.rules.base import Rule
from linter.rules.registration import GUIDE, LIBRARY, offered


class TestFile(Rule):
    """A public model or pipeline is named by no test of the repository.

    ## What it does
    Looks for the models and pipelines that the top-level table offers in the Python files below `tests/`, for models
    in those below `tests/models/` where there are any. Being named anywhere is enough. The finding is at the entry of
    the table.

    ## Why is this bad?
    What no test runs breaks with the next change of what it shares with others, and users are the first to see it.

    ## Exceptions
    What is deprecated, and trees without `tests/`.
    """

    code = "REG012"
    name = "test-file"
    severity = Severity.WARNING
    guide = GUIDE
    profiles = CHECKOUTS
    bad = {
        **{f"src/{path}": text for path, text in LIBRARY.items()},
        "src/tinylib/__init__.py": LIBRARY["tinylib/__init__.py"].replace('["TinyModel"]}', '["TinyModel"]}  #!'),
        "setup.py": "",
        "tests/test_version.py": "def test_it_is_there():\n    import tinylib\n",
    }
    good = {
        **bad,
        "src/tinylib/__init__.py": LIBRARY["tinylib/__init__.py"],
        "tests/models/test_tiny.py": """
            from tinylib import TinyModel


            def test_it_is_made_from_its_config():
                assert TinyModel().config == {}
        """,
    }

    def check(self, module: Module) -> Iterator[Finding]:
        top, home = library(module), repository(module)
        if top is None or module is not top.module or home is None or not home.tests:
            return
        everywhere, models = home.named_below("tests"), home.named_below("tests/models")
        missing = [entry for entry in top.entries if entry.name not in everywhere]
        for entry in offered(top, missing, ("pipelines", "modular_pipelines")):
            yield self.finding(module, entry.span, f"`{entry.name}` is named by no test below `tests/`", entry.name)
        place = "tests/models/" if models else "tests/"
        missing = [entry for entry in top.entries if entry.name not in (models or everywhere)]
        for entry in offered(top, missing, ("models",)):
            yield self.finding(module, entry.span, f"`{entry.name}` is named by no test below `{place}`", entry.name)
