"""Renders the page."""

from __future__ import annotations

import base64
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from importlib.metadata import version
from typing import Any

import msgspec
from jinja2 import Environment, PackageLoader, StrictUndefined

from parity.bisection.bisect import Bisection
from parity.page.heat import draw_map
from parity.page.reading import Result
from parity.pipelines.plotting import draw_for_page
from parity.pipelines.trace import Trace
from parity.probe.report import wired
from parity.probe.results import Report as ProbeReport


# Of each verdict, whether it is good; what is not listed is bad.
_MOODS = {"PASS": "good", "AGREE": "good", "EQUAL": "good", "SPREAD": "fair", "EXPLAINED": "fair", "CARRIED": "fair"}
_CONCLUSION = re.compile(r"^([A-Z]{4,})  (.+)$", re.MULTILINE)


@dataclass(frozen=True)
class Section:
    """One result as the page shows it.

    Attributes:
        anchor: Where on the page it is.
        command: The command that gave it.
        result: All that was measured.
        sides: What it was measured on, by name.
        text: What the command prints for people.
        verdict: The word in capitals of that text.
        conclusion: What stands behind the word.
        mood: `good`, `fair` or `bad`.
    """

    anchor: str
    command: str
    result: Result
    sides: dict[str, str]
    text: str
    verdict: str
    conclusion: str
    mood: str


def write_page(results: Sequence[tuple[Result, str]]) -> str:
    """Renders results, each with what its command prints for people."""
    sections = [_section(number, *each) for number, each in enumerate(results)]
    environment = Environment(
        loader=PackageLoader("parity.page", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "number": _number,
        "sizes": _sizes,
        "png": _png,
        "value": _value,
        "wired": wired,
    }
    return environment.get_template("page.html").render(
        sections=sections,
        maps={each.anchor: draw_map(each.result) for each in sections if isinstance(each.result, Bisection)},
        curves={
            each.anchor: draw_for_page(each.result, each.anchor) for each in sections if isinstance(each.result, Trace)
        },
        today=date.today(),
        version=version("modelwright"),
    )


def _section(number: int, result: Result, text: str) -> Section:
    verdict, conclusion = _conclude(result, text)
    command = type(result).__struct_config__.tag
    return Section(
        anchor=f"{command}-{number + 1}",
        command=str(command),
        result=result,
        sides=_sides(result),
        text=text,
        verdict=verdict,
        conclusion=conclusion,
        mood=_MOODS.get(verdict, "bad"),
    )


def _conclude(result: Result, text: str) -> tuple[str, str]:
    """The word in capitals that a text leads up to, and what stands behind it."""
    if isinstance(result, ProbeReport):
        last = text.splitlines()[-1]
        has_passed = all(probe.has_passed for probe in result.models)
        return "PASS" if has_passed else "FAIL", last.partition("  ")[2] or last
    # A key of a config may look the same, and comes before.
    *_, found = _CONCLUSION.findall(text)
    return found[0], found[1]


def _sides(result: Result) -> dict[str, str]:
    """What was measured, by name."""
    if isinstance(result, ProbeReport):
        one = {"model": result.models[0].model} if len(result.models) == 1 else {"models": str(len(result.models))}
        return {**one, **result.versions}
    return {"reference": result.reference, "candidate": result.candidate}


def _number(value: float | None, absent: str = "not finite") -> str:
    if value is None:
        return absent
    return "0" if value == 0 else f"{value:.2e}"


def _sizes(shape: Sequence[int]) -> str:
    return " × ".join(str(size) for size in shape) or "scalar"


def _png(content: bytes) -> str:
    return f"data:image/png;base64,{base64.b64encode(content).decode()}"


def _value(value: Any) -> str:
    return msgspec.json.encode(value).decode()
