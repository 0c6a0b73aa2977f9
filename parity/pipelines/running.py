"""Runs a pipeline with checkpoints: its own, or those that can be had from outside without changing what it does.

The places of a pipeline that has none of its own are `preloop` (what the denoiser takes in its first call), `step_0`,
`step_1`, ... (latents after each step, from the pipeline's callback) and `decode` (what the decoder takes).
"""

from __future__ import annotations

import copy
import inspect
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from typing import Any

import torch
from torch import nn

from parity.errors import ParityError
from parity.forwards.observing import left_as_found, watched
from parity.forwards.seeding import seeded
from parity.pipelines.stages import Checkpoint, PipelineStop, visit


# What diffusers' pipelines call the module of the loop, and the part of a VAE that a hook can reach.
DENOISERS = ("transformer", "unet", "prior")
_DECODERS = ("vae.decoder", "vqvae.decoder", "vqgan.decoder", "movq.decoder")
_OWN_ARGUMENTS = ("checkpoints", "_checkpoints")
_CALLBACK = "callback_on_step_end"


def run_pipeline(
    pipeline: Callable[..., Any], arguments: Mapping[str, Any], checkpoints: Mapping[str, Checkpoint], seed: int = 0
) -> Any:
    """Runs a pipeline once with every generator seeded, and without gradients.

    Args:
        pipeline: Anything to call; diffusers' pipelines and those that take `checkpoints` or `_checkpoints`.
        arguments: Keyword arguments of the call; the run gets generators of its own, which begin where these stand.
        checkpoints: What to do at which place.
        seed: Seeds torch, NumPy and Python during the run.

    Returns:
        What the pipeline returned, or None if a checkpoint stopped it.

    Raises:
        ParityError: If the pipeline has no such place, or never passed one, or a load is not complete.
    """
    with ExitStack() as stack:
        stack.enter_context(seeded(seed))
        stack.enter_context(torch.no_grad())
        stack.enter_context(left_as_found(*component_modules(pipeline).values()))
        stack.enter_context(_schedulers_left_as_found(pipeline))
        own = _own_argument(pipeline)
        given = own_arguments(arguments)
        call = {**given, own: checkpoints} if own else _attach(pipeline, given, checkpoints, stack)
        try:
            result = pipeline(**call)
        except PipelineStop:
            return None
    if missed := [place for place, checkpoint in checkpoints.items() if not checkpoint.visits]:
        raise ParityError(f"The pipeline ended and never passed {', '.join(f'`{place}`' for place in missed)}.")
    return result


def own_arguments(arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Arguments of a call with generators of its own, so that each run draws the same and the caller's stay."""

    def own(each: Any) -> Any:
        if isinstance(each, torch.Generator):
            return torch.Generator(each.device).set_state(each.get_state())
        return [own(one) for one in each] if isinstance(each, list) else each

    return {name: own(each) for name, each in arguments.items()}


def component_modules(pipeline: Any) -> dict[str, nn.Module]:
    """The components of a pipeline that are modules, by name; the pipeline itself if it is one."""
    components = getattr(pipeline, "components", None)
    if isinstance(pipeline, nn.Module):
        return {"": pipeline}
    if not isinstance(components, Mapping):
        components = vars(pipeline) if hasattr(pipeline, "__dict__") else {}
    return {name: each for name, each in components.items() if isinstance(each, nn.Module)}


def schedulers(pipeline: Any) -> dict[str, Any]:
    """The schedulers of a pipeline, by name: components that are told how many steps there are."""
    components = getattr(pipeline, "components", None)
    if not isinstance(components, Mapping):
        components = vars(pipeline) if hasattr(pipeline, "__dict__") else {}
    return {name: each for name, each in components.items() if hasattr(each, "set_timesteps")}


@contextmanager
def _schedulers_left_as_found(pipeline: Any) -> Iterator[None]:
    """Puts back what a run leaves in schedulers, and what a pipeline notes about a call."""
    found = [(each, copy.deepcopy(vars(each))) for each in schedulers(pipeline).values()]
    notes = None if isinstance(pipeline, nn.Module) or not hasattr(pipeline, "__dict__") else dict(vars(pipeline))
    try:
        yield
    finally:
        for each, state in found:
            vars(each).clear()
            vars(each).update(state)
        if notes is not None:
            vars(pipeline).clear()
            vars(pipeline).update(notes)


def takes_checkpoints(pipeline: Any) -> bool:
    """Whether a pipeline has places of its own."""
    return _own_argument(pipeline) is not None


def _own_argument(pipeline: Any) -> str | None:
    parameters = inspect.signature(pipeline).parameters
    return next((name for name in _OWN_ARGUMENTS if name in parameters), None)


def _attach(
    pipeline: Any, arguments: Mapping[str, Any], checkpoints: Mapping[str, Checkpoint], stack: ExitStack
) -> dict[str, Any]:
    """Watches a pipeline from outside until the stack closes, and returns the arguments to call it with."""
    modules = component_modules(pipeline)
    call = dict(arguments)
    for place, checkpoint in checkpoints.items():
        if place == "preloop":
            name = _only(modules, DENOISERS, place)
            if checkpoint.load or checkpoint.edit:
                raise ParityError(
                    "`preloop` can be saved and stopped at from outside, not loaded: the latents of the loop are the "
                    "pipeline's own. Pass them as arguments of the call, or load at `step_0`."
                )
            stack.enter_context(watched(modules[name], [""], entered=_save_inputs(modules[name], checkpoints)))
        elif place == "decode":
            name, _, path = _only(modules, _DECODERS, place).partition(".")
            stack.enter_context(watched(modules[name], [path], entered=_visit_decoder(checkpoints)))
        elif not place.removeprefix("step_").isdecimal():
            raise ParityError(
                f"There is no place `{place}`: from outside there are preloop, step_0, step_1, ..., decode."
            )
    if any(place.startswith("step_") for place in checkpoints):
        if _CALLBACK not in inspect.signature(pipeline).parameters:
            raise ParityError(
                f"{type(pipeline).__name__} takes no `{_CALLBACK}`, so its steps cannot be seen from outside."
            )
        call[_CALLBACK] = _visit_steps(checkpoints, arguments.get(_CALLBACK))
    return call


def _only(modules: Mapping[str, nn.Module], known: tuple[str, ...], place: str) -> str:
    for path in known:
        name, _, rest = path.partition(".")
        if name in modules and (not rest or hasattr(modules[name], rest)):
            return path
    raise ParityError(
        f"The pipeline has none of {', '.join(f'`{path}`' for path in known)}, so there is no `{place}` to see from "
        "outside. Let the pipeline take `checkpoints`, and visit that place."
    )


def _save_inputs(denoiser: nn.Module, checkpoints: Mapping[str, Checkpoint]) -> Callable[..., None]:
    signature = inspect.signature(denoiser.forward)

    def entered(_path: str, arguments: tuple[Any, ...], named: dict[str, Any]) -> None:
        if not checkpoints["preloop"].visits:
            visit(checkpoints, "preloop", **signature.bind(*arguments, **named).arguments)

    return entered


def _visit_decoder(checkpoints: Mapping[str, Checkpoint]) -> Callable[..., Any]:
    def entered(_path: str, arguments: tuple[Any, ...], named: dict[str, Any]) -> Any:
        (latents,) = visit(checkpoints, "decode", latents=arguments[0])
        return (latents, *arguments[1:]), named

    return entered


def _visit_steps(checkpoints: Mapping[str, Checkpoint], theirs: Callable[..., Any] | None) -> Callable[..., Any]:
    def callback(pipeline: Any, step: int, timestep: Any, tensors: dict[str, Any]) -> dict[str, Any]:
        if theirs is not None:
            tensors = theirs(pipeline, step, timestep, tensors)
        return dict(zip(tensors, visit(checkpoints, f"step_{step}", **tensors), strict=True))

    return callback
