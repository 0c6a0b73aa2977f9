"""What the linter reads in a class's code: which capabilities it declares, and whether their wiring is there."""

from __future__ import annotations

from pathlib import Path

from linter.cache import MemoryCache
from linter.config import Config
from linter.engine import check
from linter.errors import LinterError
from linter.files import Files
from linter.metadata.lookup import find_model
from linter.metadata.wiring import capability_codes, capability_rows, grounds
from linter.project import Project
from linter.report.view import View
from parity.errors import ParityError
from parity.probe.results import Wiring


class WiringReader:
    """Reads one class after another, and each file of a library once."""

    def __init__(self) -> None:
        self._cache = MemoryCache()

    def read(self, file: Path, qualname: str) -> dict[str, Wiring]:
        """All capabilities of a model class, by the names that `linter metadata` gives them.

        Raises:
            ParityError: If the linter cannot read the class, or it is no model.
        """
        here = Path.cwd()
        codes = capability_codes()
        try:
            view = View(here)
            cls = find_model(f"{file}:{qualname}", [], Project(Files(self._cache, {})), view)
            findings = check(grounds(cls), Config(here, codes, codes, (), (), here, None), self._cache).findings
        except LinterError as error:
            raise ParityError(str(error)) from error
        return {
            row.capability.name: Wiring(
                row.status.value,
                tuple(
                    f"{Path(finding.path).name}:{finding.span.line}: {finding.code} {finding.message}"
                    for finding in row.findings
                ),
            )
            for row in capability_rows(cls, findings)
        }


def is_declared(wiring: Wiring | None) -> bool:
    """Whether the class says that it can."""
    return wiring is not None and wiring.status in ("wired", "broken", "declared")
