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
from markupsafe import Markup

from parity.bisect import Bisection
from parity.page.heat import draw_map
from parity.page.reading import Result
from parity.plotting import draw_for_page
from parity.trace import Trace


# Of each verdict, whether it is good; what is not listed is bad.
_MOODS = {"PASS": "good", "AGREE": "good", "EQUAL": "good", "SPREAD": "fair", "EXPLAINED": "fair", "CARRIED": "fair"}
_CONCLUSION = re.compile(r"^(?:before that, )?([A-Z]{4,})  (.+)$", re.MULTILINE)


@dataclass(frozen=True)
class Section:
    """One result as the page shows it.

    Attributes:
        anchor: Where on the page it is.
        command: The command that gave it.
        result: All that was measured.
        text: What the command prints for people.
        verdict: The word in capitals of that text.
        conclusion: What stands behind the word.
        mood: `good`, `fair` or `bad`.
    """

    anchor: str
    command: str
    result: Result
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
    environment.filters |= {"number": _number, "sizes": _sizes, "png": _png, "code": _code, "value": _value}
    return environment.get_template("page.html").render(
        sections=sections,
        maps={each.anchor: draw_map(each.result) for each in sections if isinstance(each.result, Bisection)},
        curves={
            each.anchor: Markup(draw_for_page(each.result, each.anchor))
            for each in sections
            if isinstance(each.result, Trace)
        },
        today=date.today(),
        version=version("modelwright"),
    )


def _section(number: int, result: Result, text: str) -> Section:
    found = _CONCLUSION.search(text)
    verdict, conclusion = found.groups() if found else ("", "")
    command = type(result).__struct_config__.tag
    return Section(
        f"{command}-{number + 1}", str(command), result, text, verdict, conclusion, _MOODS.get(verdict, "bad")
    )


def _number(value: float | None, absent: str = "not finite") -> str:
    if value is None:
        return absent
    return "0" if value == 0 else f"{value:.2e}"


def _sizes(shape: Sequence[int]) -> str:
    return " × ".join(str(size) for size in shape) or "scalar"


def _png(content: bytes) -> str:
    return f"data:image/png;base64,{base64.b64encode(content).decode()}"


def _code(text: str) -> Markup:
    """What stands between backticks as code."""
    parts = re.split(r"`([^`]*)`", text)
    wrap = (Markup("{}").format, Markup("<code>{}</code>").format)
    return Markup("").join(wrap[index % 2](part) for index, part in enumerate(parts))


def _value(value: Any) -> str:
    return msgspec.json.encode(value).decode()
