"""How findings are written: one module a format, each a function from a report to text."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from pathlib import Path

from linter.engine import Report


FORMATS = ("concise", "full", "json")


def render(report: Report, output_format: str, here: Path) -> str:
    """The report as text.

    Args:
        report: What a run found.
        output_format: One of `FORMATS`.
        here: The folder that shown paths are relative to.
    """
    writer: Callable[[Report, Path], str] = import_module(f"linter.report.{output_format}_format").render
    return writer(report, here)


def shown_path(path: str, here: Path) -> str:
    """A path as a person would type it from `here`, with forward slashes."""
    whole = Path(path)
    return whole.relative_to(here).as_posix() if whole.is_relative_to(here) else whole.as_posix()
