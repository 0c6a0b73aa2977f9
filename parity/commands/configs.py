"""`parity configs`: two configs, every key."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Any

import click
import msgspec

from parity.commands.options import measuring
from parity.comparison.configs import ConfigComparison, Entry, Line, compare_configs, read_config
from parity.sides.documents import read_mapping


@click.command()
@click.argument("reference")
@click.argument("candidate")
@click.option("--section", metavar="KEY", help="The part of REFERENCE that counts, for example transformer.")
@click.option("--candidate-section", metavar="KEY", help="The part of CANDIDATE that counts.")
@click.option(
    "--class", "reference_class", metavar="CLASS", help="Import path of REFERENCE's class, for its defaults."
)
@click.option("--candidate-class", metavar="CLASS", help="Import path of CANDIDATE's class, for its defaults.")
@click.option("--names", default="{}", metavar="FILE|{...}", help="Keys of REFERENCE to what CANDIDATE calls them.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def configs(
    reference: str,
    candidate: str,
    section: str | None,
    candidate_section: str | None,
    reference_class: str | None,
    candidate_class: str | None,
    names: str,
    as_json: bool,
) -> None:
    """Compare two configs, every key, before forming any theory.

    Each is a YAML or JSON file, a folder with a config.json, a safetensors file with a config in its metadata, or a
    mapping between braces. With the classes given, what a config leaves out is the class's default.

    Exit code: 0 if every key is equal, 1 if not, 2 if a config cannot be read.
    """
    with measuring() as announce:
        announce("reading both configs")
        ours = read_config(reference, section, reference_class)
        theirs = read_config(candidate, candidate_section, candidate_class)
        result = compare_configs(
            (reference, ours),
            (candidate, theirs),
            {key: str(each) for key, each in read_mapping(names, "names").items()},
        )
    click.echo(_render_json(result) if as_json else render_text(result))
    sys.exit(0 if result.passed else 1)


def _render_json(result: ConfigComparison) -> str:
    return msgspec.json.format(msgspec.json.encode(result, enc_hook=_as_text), indent=2).decode()


def render_text(result: ConfigComparison) -> str:
    """Renders what people read; colours are escape codes."""
    return "\n".join(_lines(result))


def _lines(result: ConfigComparison) -> Iterator[str]:
    counts = {verdict: sum(line.verdict == verdict for line in result.lines) for verdict in ("differs", "alone")}
    shown = [line for line in result.lines if line.verdict != "equal"]
    rows = [("key", "reference", "candidate"), *map(_row, shown)]
    yield f"reference  {result.reference}"
    yield f"candidate  {result.candidate}"
    yield ""
    if shown:
        widths = [max(len(row[column]) for row in rows) for column in range(2)]
        yield from (f"{row[0]:<{widths[0]}}  {row[1]:<{widths[1]}}  {row[2]}" for row in rows)
        yield ""
    if result.passed:
        yield click.style("EQUAL", fg="green", bold=True) + f"  {len(result.lines)} keys, the same on both sides"
        return
    equal = len(result.lines) - len(shown)
    yield click.style("DIFFERENT", fg="red", bold=True) + (
        f"  {counts['differs']} keys differ, {counts['alone']} stand on one side alone, {equal} are equal"
    )


def _row(line: Line) -> tuple[str, str, str]:
    keys = dict.fromkeys(entry.key for entry in (line.reference, line.candidate) if entry)
    return " / ".join(keys), _value(line.reference), _value(line.candidate)


def _value(entry: Entry | None) -> str:
    if entry is None:
        return "-"
    text = msgspec.json.encode(entry.value, enc_hook=_as_text).decode()
    return f"{text} (default)" if entry.is_default else text


def _as_text(value: Any) -> str:
    return repr(value)
