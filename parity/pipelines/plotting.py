"""Draws a trace: the difference after each step, on a logarithmic axis."""

from __future__ import annotations

import io
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from parity.errors import ParityError
from parity.pipelines.trace import Trace


if TYPE_CHECKING:
    from matplotlib.figure import Figure

FORMATS = (".svg", ".png", ".pdf")
# Colours that stand for properties of a style sheet: a page that is light or dark decides what they are.
_PROPERTIES = {"#010101": "--ink", "#020202": "--rule", "#030303": "--first", "#040404": "--second"}
# The size is the page's matter, and styles and ids that nothing refers to would reach the rest of it.
_NEEDLESS = (
    r' (width|height)="[\d.]+pt"',
    r' id="[a-zA-Z.]+_\w+"',
    r"<metadata>.*?</metadata>",
    r"<defs>\s*<style.*?</defs>",
)
_ON_A_PAGE = {
    "figure.facecolor": "none",
    "axes.facecolor": "none",
    "axes.edgecolor": "#020202",
    "axes.labelcolor": "#010101",
    "axes.grid": True,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.prop_cycle": "cycler('color', ['#030303', '#040404'])",
    "grid.color": "#020202",
    "legend.frameon": False,
    "lines.linewidth": 2.0,
    "svg.fonttype": "none",
    "text.color": "#010101",
    "xtick.color": "#020202",
    "xtick.labelcolor": "#010101",
    "ytick.color": "#020202",
    "ytick.labelcolor": "#010101",
}


def check_path(path: Path) -> None:
    """Refuses what could not be written after a long run.

    Raises:
        ParityError: If the ending is none of the formats, the folder does not exist, or matplotlib is not installed.
    """
    if path.suffix not in FORMATS:
        raise ParityError(f"--plot {path}: the ending has to be one of {', '.join(FORMATS)}.")
    if not path.parent.is_dir():
        raise ParityError(f"--plot {path}: there is no folder {path.parent}.")
    try:
        import matplotlib  # noqa: F401
    except ModuleNotFoundError:
        raise ParityError("--plot needs matplotlib: pip install 'modelwright[torch]'") from None


def draw(trace: Trace, path: Path) -> None:
    """Draws what differs after each step, and what the loop makes of the first difference alone, into a file."""
    figure = _figure(trace, (7, 4))
    figure.axes[0].set_title(f"{trace.candidate} and {trace.reference}")
    figure.savefig(path, metadata={"Date": None} if path.suffix == ".svg" else None)


def draw_for_page(trace: Trace, name: str) -> str:
    """The same as an SVG element whose colours are the properties `--ink`, `--rule`, `--first`, `--second`.

    Args:
        trace: What to draw.
        name: Tells the element's ids from those of another drawing on the page.
    """
    from matplotlib import rc_context

    file = io.StringIO()
    settings: dict[str, Any] = {**_ON_A_PAGE, "svg.hashsalt": name}
    with rc_context(cast("Any", settings)):
        _figure(trace, (9, 3.6)).savefig(file, format="svg", metadata={"Date": None, "Creator": None})
    text = file.getvalue()
    text = text[text.index("<svg") :]
    for needless in _NEEDLESS:
        text = re.sub(needless, "", text, flags=re.DOTALL)
    for colour, name_of_property in _PROPERTIES.items():
        text = text.replace(colour, f"var({name_of_property})")
    return text


def _figure(trace: Trace, size: tuple[float, float]) -> Figure:
    from matplotlib.figure import Figure
    from matplotlib.ticker import MaxNLocator

    figure = Figure(figsize=size, layout="constrained")
    axes = figure.add_subplot()
    steps = [step.step for step in trace.steps]
    axes.plot(steps, [step.max or None for step in trace.steps], marker="o", label="candidate")  # type: ignore[arg-type]
    if any(step.carried for step in trace.steps):
        carried = [step.carried or None for step in trace.steps]
        label = f"reference, from the candidate's latents after step {trace.first_step}"
        axes.plot(steps, carried, marker="x", linestyle="--", label=label)  # type: ignore[arg-type]
    if any(step.max for step in trace.steps):
        axes.set_yscale("log")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.set(xlabel="step", ylabel="largest difference of the latents")
    axes.legend()
    return figure
