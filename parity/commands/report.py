"""`parity report`: what the other commands measured, as one page."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from parity.commands.options import import_torch, measuring
from parity.errors import ParityError


if TYPE_CHECKING:
    from parity.page.reading import Result


@click.command()
@click.argument("results", nargs=-1, required=True, metavar="RESULT...")
@click.option(
    "--out", required=True, metavar="FILE.html", help="Where to write the page; what lies there is replaced."
)
def report(results: tuple[str, ...], out: str) -> None:
    """Make one HTML page of what the other commands printed with --json.

    Each RESULT is a file, or `-` for standard input. The page needs no network and nothing beside it: tables, the map
    of the modules from `parity bisect`, the curve from `parity trace`, and its pictures if --frames kept any.

    Exit code: 0 if the page is written, 2 if a result cannot be read.
    """
    path = Path(out)
    with measuring() as announce:
        if path.suffix != ".html":
            raise ParityError(f"--out {out}: the ending has to be .html.")
        if not path.parent.is_dir():
            raise ParityError(f"--out {out}: there is no folder {path.parent}.")
        import_torch(announce)
        from parity.page.reading import read_result
        from parity.page.writing import write_page

        read = [read_result(each) for each in results]
        announce("writing the page")
        page = write_page([(each, click.unstyle(_as_text(each))) for each in read])
        try:
            path.write_text(page, encoding="utf-8")
        except OSError as error:
            raise ParityError(f"--out {out}: cannot be written ({error.strerror}).") from None
    click.echo(f"wrote {out}")


def _as_text(result: Result) -> str:
    from parity.bisection.bisect import Bisection
    from parity.bisection.report import render_text as render_bisection
    from parity.commands.configs import render_text as render_configs
    from parity.commands.diagnose import render_text as render_diagnosis
    from parity.commands.trace import render_text as render_trace
    from parity.comparison.compare import Comparison
    from parity.comparison.configs import ConfigComparison
    from parity.comparison.report import render_text as render_comparison
    from parity.diagnosis.explaining import Diagnosis
    from parity.probe.report import render_text as render_probe
    from parity.probe.results import Report as ProbeReport

    if isinstance(result, Comparison):
        return render_comparison(result)
    if isinstance(result, Bisection):
        return render_bisection(result)
    if isinstance(result, Diagnosis):
        return render_diagnosis(result)
    if isinstance(result, ConfigComparison):
        return render_configs(result)
    if isinstance(result, ProbeReport):
        return render_probe(result)
    return render_trace(result)
