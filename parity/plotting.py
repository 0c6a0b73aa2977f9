"""Draws a trace: the difference after each step, on a logarithmic axis."""

from __future__ import annotations

from pathlib import Path

from parity.errors import ParityError
from parity.trace import Trace


FORMATS = (".svg", ".png", ".pdf")


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
    """Draws what differs after each step, and what the loop makes of the first difference alone."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7, 4), layout="constrained")
    axes = figure.add_subplot()
    steps = [step.step for step in trace.steps]
    axes.plot(steps, [step.max or None for step in trace.steps], marker="o", label="candidate")  # type: ignore[arg-type]
    if any(step.carried for step in trace.steps):
        carried = [step.carried or None for step in trace.steps]
        label = f"reference, from the candidate's latents after step {trace.first_step}"
        axes.plot(steps, carried, marker="x", linestyle="--", label=label)  # type: ignore[arg-type]
    if any(step.max for step in trace.steps):
        axes.set_yscale("log")
    axes.set(
        xlabel="step", ylabel="largest difference of the latents", title=f"{trace.candidate} and {trace.reference}"
    )
    axes.legend()
    figure.savefig(path, metadata={"Date": None} if path.suffix == ".svg" else None)
