"""Two pipelines, stage by stage and step by step: what enters the loop, how a difference grows, what is decoded."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import msgspec
import numpy as np
import torch

from parity.comparison.tensors import TensorComparison, compare_tensors
from parity.errors import ParityError, describe
from parity.forwards.outputs import named_tensors
from parity.pipelines.frames import Frame, pick_frames
from parity.pipelines.running import run_pipeline
from parity.pipelines.stages import Checkpoint


# Of the largest latent: below this a first difference is what ordering operations otherwise makes, in that dtype.
_ROUNDING = {torch.float64: 1e-12, torch.float32: 1e-5, torch.bfloat16: 2e-2, torch.float16: 3e-3}
# What is left of the growth when the reference goes on from the candidate's latents; less is the loop's own doing.
_CARRIED = 0.1


class Step(msgspec.Struct, frozen=True):
    """The latents after one step.

    Attributes:
        step: Its number, from 0.
        max: The largest absolute difference of the two sides; None where one side alone has NaN or infinity.
        relative: That, of the reference's largest value; None likewise.
        carried: The same difference with the candidate replaced by the reference, going on from the candidate's
            latents after the first step that differs: what the loop itself makes of that one difference.
    """

    step: int
    max: float | None
    relative: float | None
    carried: float | None


class Trace(msgspec.Struct, frozen=True, tag_field="command", tag="trace"):
    """The answer; also the JSON report, whose form `schema` numbers.

    Attributes:
        verdict: `agree`; `encode` if what enters the loop differs; `decode` if the decoders differ; `carried` if one
            step differs and the others carry that on; `loop` if the steps after it add to it.
        is_rounding: Whether the first difference of the latents is no larger than rounding.
        first_step: The first step after which the latents differ.
        encode: The inputs of the loop.
        not_compared: Inputs of the loop that one side alone has, or that are no tensors.
        decode: What both decoders make of the reference's latents.
        steps: The latents after each step.
        frames: Pictures that both made, as many as were asked for.
    """

    schema: int
    reference: str
    candidate: str
    verdict: str
    is_rounding: bool
    first_step: int | None
    encode: tuple[TensorComparison, ...]
    not_compared: tuple[str, ...]
    decode: tuple[TensorComparison, ...]
    steps: tuple[Step, ...]
    frames: tuple[Frame, ...] = ()


@dataclass(frozen=True)
class Runnable:
    """One pipeline with its name, for people, and the keyword arguments of its call."""

    name: str
    pipeline: Callable[..., Any]
    arguments: Mapping[str, Any]


def trace(
    reference: Runnable,
    candidate: Runnable,
    steps: int,
    names: Mapping[str, str] | None = None,
    tolerance: float = 0.0,
    seed: int = 0,
    frames: int = 0,
    announce: Callable[[str], None] = lambda step: None,
) -> Trace:
    """Runs both pipelines and compares what enters the loop, what decoders make, and the latents after each step.

    The stages are judged in this order: encode, decode, denoise.

    Args:
        reference: The pipeline that is taken to be right.
        candidate: The other.
        steps: The number of steps that both take.
        names: What the candidate calls the reference's values at `preloop`.
        tolerance: The largest absolute difference that passes.
        seed: For global random generators.
        frames: How many of the pictures that both make to keep, evenly spread over them.
        announce: Is told each run before it begins, and each place that it passes.

    Raises:
        ParityError: If a pipeline lacks a place or raises, the latents of the two do not fit, or the reference's
            are not finite.
    """
    places = ("preloop", *(f"step_{step}" for step in range(steps)), "decode")

    def run(
        side: Runnable, loaded: Mapping[str, dict[str, Any]], purpose: str
    ) -> tuple[Any, dict[str, dict[str, Any]]]:
        announce(purpose)
        checkpoints = {place: Checkpoint(save=place not in loaded) for place in places}
        for place, data in loaded.items():
            checkpoints[place] = Checkpoint(load=True, data=data)
        for checkpoint in checkpoints.values():
            checkpoint.announce = lambda place: announce(f"{purpose}: passed {place} of {steps} steps")
        try:
            result = run_pipeline(side.pipeline, side.arguments, checkpoints, seed)
        except ParityError:
            raise
        except Exception as error:
            raise ParityError(f"{side.name}: the pipeline raised {describe(error)}") from error
        return result, {place: checkpoint.data for place, checkpoint in checkpoints.items()}

    picture, ours = run(reference, {}, f"running {reference.name}")
    _refuse_not_finite(reference.name, ours, places[1:-1])
    own_picture, theirs = run(candidate, {}, f"running {candidate.name}")
    loaded = {"decode": under_names_of(ours["decode"], theirs["decode"], "decode")}
    decoded, _ = run(candidate, loaded, "decoding the reference's latents on both sides")
    encode, not_compared = _compare_inputs(ours["preloop"], theirs["preloop"], names or {}, tolerance)
    decode = _compare_pictures(picture, decoded, tolerance)
    gaps = [_gap(ours[place], theirs[place], place) for place in places[1:-1]]
    first = next((step for step, (largest, _) in enumerate(gaps) if largest > tolerance), None)
    if first is None:
        # Equal latents that differ when they enter the decoder were scaled in another way.
        one, other = latents_of(ours["decode"], "decode"), latents_of(theirs["decode"], "decode")
        scaled = compare_tensors("latents", one, other, tolerance, may_be_void=True)
        decode += () if scaled.passed else (scaled,)
    carried: list[float | None] = [None] * steps
    if first is not None and torch.isfinite(latents_of(theirs[f"step_{first}"], f"step_{first}")).all():
        place = f"step_{first}"
        purpose = f"going on from the candidate's latents after step {first}"
        _, injected = run(reference, {place: under_names_of(theirs[place], ours[place], place)}, purpose)
        carried = [_gap(ours[f"step_{step}"], injected[f"step_{step}"], place)[0] for step in range(steps)]
    verdict = _judge(encode, decode, gaps, first, carried)
    latents = latents_of(ours["step_0"], "step_0")
    rounding = _ROUNDING.get(latents.dtype, 1e-5)
    lines = (Step(step, _or_none(size), _or_none(part), carried[step]) for step, (size, part) in enumerate(gaps))
    return Trace(
        schema=1,
        reference=reference.name,
        candidate=candidate.name,
        verdict=verdict,
        is_rounding=first is not None and gaps[first][1] <= rounding,
        first_step=first,
        encode=encode,
        not_compared=not_compared,
        decode=decode,
        steps=tuple(lines),
        frames=pick_frames(picture, own_picture, frames) if frames else (),
    )


def _refuse_not_finite(name: str, data: Mapping[str, Mapping[str, Any]], places: tuple[str, ...]) -> None:
    for place in places:
        if not torch.isfinite(latents_of(data[place], place)).all():
            raise ParityError(
                f"{name}: the reference itself has NaN or infinity in its latents at `{place}`. Give it weights and "
                "arguments that it can compute with."
            )


def _or_none(value: float) -> float | None:
    return value if value < float("inf") else None


def _judge(
    encode: tuple[TensorComparison, ...],
    decode: tuple[TensorComparison, ...],
    gaps: list[tuple[float, float]],
    first: int | None,
    carried: list[float | None],
) -> str:
    if not all(entry.passed for entry in encode):
        return "encode"
    if not all(entry.passed for entry in decode):
        return "decode"
    if first is None:
        return "agree"
    # What the loop makes of the first difference alone, against what it really came to.
    last, alone = gaps[-1][0], carried[-1] or 0.0
    return "loop" if abs(last - alone) > _CARRIED * max(last, alone) else "carried"


def _compare_inputs(
    ours: Mapping[str, Any], theirs: Mapping[str, Any], names: Mapping[str, str], tolerance: float
) -> tuple[tuple[TensorComparison, ...], tuple[str, ...]]:
    first, second = _flat(ours), _flat(theirs)
    translated = {name: _translate(name, names) for name in first}
    compared = tuple(
        compare_tensors(name, tensor, second[translated[name]], tolerance, may_be_void=True)
        for name, tensor in first.items()
        if translated[name] in second
    )
    met = {translated[entry.name] for entry in compared}
    alone = [f"{name} (only in the reference)" for name in first if translated[name] not in second]
    alone += [f"{name} (only in the candidate)" for name in second if name not in met]
    return compared, tuple(alone)


def _translate(name: str, names: Mapping[str, str]) -> str:
    head, dot, rest = name.partition(".")
    return names.get(head, head) + dot + rest


def _flat(values: Mapping[str, Any]) -> dict[str, torch.Tensor]:
    return {name: each for name, each in named_tensors(dict(values)) if isinstance(each, torch.Tensor)}


def _compare_pictures(ours: Any, theirs: Any, tolerance: float) -> tuple[TensorComparison, ...]:
    first, second = picture_tensors(ours), picture_tensors(theirs)
    return tuple(
        compare_tensors(name, tensor, second[name], tolerance, may_be_void=True)
        for name, tensor in first.items()
        if name in second
    )


def picture_tensors(result: Any) -> dict[str, torch.Tensor]:
    """The tensors of what a pipeline returned, with arrays and pictures as tensors, by their place."""
    found: dict[str, torch.Tensor] = {}
    for name, leaf in named_tensors(result):
        if isinstance(leaf, torch.Tensor):
            found[name] = leaf
        elif isinstance(leaf, np.ndarray) or hasattr(leaf, "getbands"):
            found[name] = torch.from_numpy(np.array(leaf, dtype=np.float32))
    return found


def latents_of(data: Mapping[str, Any], place: str) -> torch.Tensor:
    """The latents among the values that passed a place.

    Raises:
        ParityError: If it cannot be told which they are.
    """
    tensors = [each for each in data.values() if isinstance(each, torch.Tensor)]
    if isinstance(data.get("latents"), torch.Tensor):
        tensors = [data["latents"]]
    if len(tensors) != 1:
        raise ParityError(
            f"`{place}`: which of {', '.join(data) or 'nothing'} are the latents? Visit it as `latents`."
        )
    return tensors[0]


def under_names_of(data: Mapping[str, Any], like: Mapping[str, Any], place: str) -> dict[str, Any]:
    """One side's latents under the other side's names; all else stays the other side's own."""
    latents, replaced = latents_of(data, place), latents_of(like, place)
    return {name: latents if each is replaced else each for name, each in like.items()}


def _gap(ours: Mapping[str, Any], theirs: Mapping[str, Any], place: str) -> tuple[float, float]:
    one, other = latents_of(ours, place), latents_of(theirs, place)
    if one.shape != other.shape:
        raise ParityError(
            f"`{place}`: the latents are {tuple(one.shape)} in the reference, {tuple(other.shape)} in the candidate. "
            "Visit them in one layout on both sides."
        )
    largest = float((one.double() - other.double()).abs().max())
    largest = largest if largest == largest else float("inf")
    scale = float(one.double().abs().max())
    return largest, largest / scale if scale else largest
