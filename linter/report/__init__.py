"""How findings are written: one module a format, each a function from a report to text."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import TYPE_CHECKING


if TYPE_CHECKING:
    from linter.engine import Report
    from linter.report.view import View


FORMATS = (
    "concise",
    "full",
    "grouped",
    "json",
    "json-lines",
    "sarif",
    "github",
    "gitlab",
    "junit",
    "rdjson",
)


def render(report: Report, output_format: str, view: View) -> str:
    """The report as text, without the line end of its last line; empty where a format has nothing to say.

    Args:
        report: What a run found.
        output_format: One of `FORMATS`.
        view: Where the reader stands.
    """
    name = f"linter.report.{output_format.replace('-', '_')}_format"
    writer: Callable[[Report, View], str] = import_module(name).render
    return writer(report, view)
