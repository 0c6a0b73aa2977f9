"""A comparison as text for people and as JSON for programs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import click
import msgspec

from parity.comparison.compare import Comparison, Run, SavedWeights
from parity.comparison.layouts import LayoutDifference
from parity.comparison.tensors import TensorComparison
from parity.sides.weights import WeightMatch


# More keys or gradients than this are counted instead of shown; the JSON has them all.
_SHOWN = 5


def render_json(comparison: Comparison) -> str:
    """Renders all that was measured; NaN, infinity and what could not be measured are null."""
    return msgspec.json.format(msgspec.json.encode(comparison), indent=2).decode()


def render_text(comparison: Comparison) -> str:
    """Renders the verdict and the measurements that it rests on; colours are escape codes."""
    lines = [
        f"reference  {comparison.reference}",
        f"candidate  {comparison.candidate}",
        *([f"mapping    {comparison.mapping}"] if comparison.mapping else []),
        *_weight_lines(comparison),
        *_saved_lines(comparison.saved),
    ]
    if comparison.runs:
        rows = [_row(_label(run), entry) for run in comparison.runs for entry in _shown(run)]
        lines += ["", *_table(["dtype", "tensor", "shape", "max", "mean", "cosine", ""], rows)]
        lines += [line for run in comparison.runs for line in _remarks(run)]
        lines += _layout_lines(comparison.runs)
    return "\n".join([*lines, "", _verdict(comparison)])


def _label(run: Run) -> str:
    return run.dtype if run.weights == "fresh" else f"{run.dtype}, {run.weights}"


def _weight_lines(comparison: Comparison) -> Iterator[str]:
    weights = comparison.weights
    if weights.is_complete:
        origin = (
            f"read from {comparison.checkpoint}" if comparison.checkpoint else f"drawn with seed {comparison.seed}"
        )
        yield f"weights    {weights.shared} tensors {origin} and shared"
        return
    yield f"weights    {weights.shared} tensors fit, the following do not, so nothing was run:"
    yield from _misfits(weights, "the reference", "the candidate")


def _saved_lines(saved: SavedWeights | None) -> Iterator[str]:
    if saved is None:
        return
    if saved.are_equal:
        yield f"saved      {saved.path}: {saved.match.shared} tensors, equal to a fresh conversion"
        return
    equal = saved.match.shared - len(saved.differing)
    yield f"saved      {saved.path}: {equal} tensors equal a fresh conversion, the following do not:"
    yield from _misfits(saved.match, "the fresh conversion", "the file")
    if saved.differing:
        yield f"  another value: {len(saved.differing)}"
        yield from (f"    {entry.name}: {entry.reason}" for entry in saved.differing[:_SHOWN])
        yield from _rest(len(saved.differing))


def _misfits(weights: WeightMatch, reference: str, candidate: str) -> Iterator[str]:
    mismatched = [
        f"{entry.key}: {reference.removeprefix('the ')} {_sizes(entry.reference_shape)}, "
        f"{candidate.removeprefix('the ')} {_sizes(entry.candidate_shape)}"
        for entry in weights.mismatched
    ]
    for title, keys in (
        (f"only in {reference}", weights.missing),
        (f"only in {candidate}", weights.unexpected),
        ("another shape", mismatched),
    ):
        if keys:
            yield f"  {title}: {len(keys)}"
            yield from (f"    {key}" for key in keys[:_SHOWN])
            yield from _rest(len(keys))


def _rest(count: int) -> Iterator[str]:
    if count > _SHOWN:
        yield f"    and {count - _SHOWN} more (all with --json)"


def _shown(run: Run) -> Iterator[TensorComparison]:
    yield from run.outputs
    failed = [entry for entry in run.gradients if not entry.passed]
    yield from (msgspec.structs.replace(entry, name=f"gradient of {entry.name}") for entry in failed[:_SHOWN])


def _remarks(run: Run) -> Iterator[str]:
    if run.problem:
        yield f"{_label(run)}: {run.problem}"
    if run.gradients:
        passed = sum(entry.passed for entry in run.gradients)
        largest = max((entry.max for entry in run.gradients if entry.max is not None), default=None)
        remark = f"{_label(run)}: {passed} of {len(run.gradients)} gradients pass"
        yield remark if largest is None else f"{remark}, largest difference {_number(largest)}"
    if run.without_gradient:
        yield f"{_label(run)}: no gradient on either side: {', '.join(run.without_gradient)}"
    if run.not_compared:
        yield f"{_label(run)}: not compared, no tensor: {', '.join(run.not_compared)}"


def _layout_lines(runs: Sequence[Run]) -> Iterator[str]:
    """What lies otherwise in memory, once for all dtypes in which it does; outputs that fail for it have a reason."""
    found: dict[tuple[LayoutDifference, ...], list[str]] = {}
    for run in runs:
        failed = {entry.name for entry in run.outputs if not entry.passed}
        rest = tuple(each for each in run.layouts if not (each.is_lost and each.place in failed))
        found.setdefault(rest, []).append(_label(run))
    for differences, labels in found.items():
        if differences:
            yield (
                f"{', '.join(labels)}: {len(differences)} laid out otherwise in memory, so that a kernel may refuse "
                "them or round otherwise; lay the first out as the reference does"
            )
            for each in differences[:_SHOWN]:
                yield f"    {each.place}: {each.reference} in the reference, {each.candidate} in the candidate"
            yield from _rest(len(differences))


def _row(dtype: str, entry: TensorComparison) -> list[str]:
    verdict = click.style("pass", fg="green") if entry.passed else f"{click.style('FAIL', fg='red')}  {entry.reason}"
    cosine = "-" if entry.cosine is None else f"{entry.cosine:.7f}"
    return [dtype, entry.name, _sizes(entry.shape), _number(entry.max), _number(entry.mean), cosine, verdict]


def _table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    # The last column carries colours and reasons; it is never padded.
    widths = [max(len(row[column]) for row in (header, *rows)) for column in range(len(header) - 1)]
    for row in (header, *rows):
        cells = [cell.ljust(width) for cell, width in zip(row, widths, strict=False)]
        yield "  ".join([*cells, row[-1]]).rstrip()


def _verdict(comparison: Comparison) -> str:
    tolerances = ", ".join(dict.fromkeys(f"{run.dtype} {run.tolerance:g}" for run in comparison.runs))
    if comparison.passed:
        return click.style("PASS", fg="green", bold=True) + f"  every tensor is within tolerance ({tolerances})"
    failed = click.style("FAIL", fg="red", bold=True)
    if not comparison.runs:
        return f"{failed}  the state dicts differ"
    tensors = [entry for run in comparison.runs for entry in (*run.outputs, *run.gradients)]
    count = sum(not entry.passed for entry in tensors)
    if not count and comparison.saved and not comparison.saved.are_equal:
        return f"{failed}  the saved weights are not those of a fresh conversion"
    remark = f"  {count} of {len(tensors)} tensors do not pass ({tolerances})" if tensors else "  nothing was compared"
    return failed + remark


def _number(value: float | None) -> str:
    if value is None:
        return "-"
    return "0" if value == 0 else f"{value:.2e}"


def _sizes(shape: Sequence[int]) -> str:
    return "x".join(str(size) for size in shape) or "scalar"
