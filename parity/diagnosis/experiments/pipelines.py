"""Experiments with pipelines: noise, schedulers, decoders, configs, injections, what the denoiser is given."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import nn

from parity.bisection.bisect import Specimen
from parity.diagnosis.experiments import draws, inputs, rigging
from parity.diagnosis.experiments.rigging import RigChange
from parity.diagnosis.experiments.variant import Experiment, Proposals, alone_and_together, listed
from parity.diagnosis.rigs import Rig
from parity.pipelines.running import DENOISERS, component_modules, schedulers, takes_checkpoints


_HALVES = (torch.bfloat16, torch.float16)
_PATCHES = (2, 4, 8)


@dataclass(frozen=True)
class View:
    """One side, and what passed its places in a run that nobody changed.

    Attributes:
        rig: The side.
        passed: The values by place.
        steps: The number of steps.
        which: `reference` or `candidate`.
    """

    rig: Rig
    passed: Mapping[str, Mapping[str, Any]]
    steps: int
    which: str


RigProposals = Callable[[View, View], Iterator[tuple[str, RigChange]]]


def renew_fixtures(side: View, other: View) -> Iterator[tuple[str, RigChange]]:
    """What was saved and put in, as the reference makes it now."""
    if side.which == "candidate":
        for chosen in alone_and_together([name for name in side.rig.injected if name in other.passed["preloop"]]):
            values = {name: other.passed["preloop"][name] for name in chosen}
            yield f"{listed(chosen)} as the reference makes it now", rigging.inject(values)


def complete_injection(side: View, other: View) -> Iterator[tuple[str, RigChange]]:
    """What enters the loop and was not put in."""
    if side.which == "candidate" and side.rig.injected:
        own = side.passed["preloop"]
        left = [name for name in own if name not in side.rig.injected and name in other.passed["preloop"]]
        for chosen in alone_and_together(left):
            values = {name: other.passed["preloop"][name] for name in chosen}
            yield f"{listed(chosen)} put in too", rigging.inject(values)


def override_config(side: View, other: View) -> Iterator[tuple[str, RigChange]]:
    """Values of the other side: of its components' configs, its call's defaults, its own attributes."""
    theirs = rigging.components(other.rig.pipeline)
    for name, each in rigging.components(side.rig.pipeline).items():
        for key, value in rigging.config_of(each).items():
            taken = rigging.config_of(theirs.get(name)).get(key, value)
            if not key.startswith("_") and _differ(value, taken):
                yield f"`{name}.{key}` {taken!r} for {value!r}", rigging.reconfigure(name, {key: taken})
    ours, defaults = _defaults(side.rig.pipeline), _defaults(other.rig.pipeline)
    for name, value in ours.items():
        if name not in side.rig.arguments and _differ(value, defaults.get(name, value)):
            yield f"the argument `{name}` {defaults[name]!r} for {value!r}", rigging.set_argument(name, defaults[name])
    attributes = _plain_attributes(other.rig.pipeline)
    for name, value in _plain_attributes(side.rig.pipeline).items():
        if _differ(value, attributes.get(name, value)):
            words = f"the pipeline's `{name}` {attributes[name]!r} for {value!r}"
            yield words, rigging.set_attribute(name, attributes[name])


def round_noise(side: View, other: View) -> Iterator[tuple[str, RigChange]]:
    """Noise in half precision, as it is drawn, as it enters the loop, and in each step."""
    for kind in _HALVES:
        name = str(kind).removeprefix("torch.")
        yield f"noise rounded to {name} as it is drawn", rigging.draw_by(partial(draws.rounded, kind))
        yield f"noise drawn in {name}", rigging.draw_by(partial(draws.of_dtype, kind))
        if takes_checkpoints(side.rig.pipeline):
            yield f"latents rounded to {name} before the loop", rigging.round_latents(["preloop"], kind)
        steps = [f"step_{index}" for index in range(side.steps)]
        yield f"latents rounded to {name} after each step", rigging.round_latents(steps, kind)
    yield "noise drawn in float64", rigging.draw_by(partial(draws.of_dtype, torch.float64))


def repatch_noise(side: View, other: View) -> Iterator[tuple[str, RigChange]]:
    """Another patch size where the pipeline knows one, and noise laid out patch by patch."""
    for owner, name, value in _patch_sizes(side.rig):
        for size in (1, *_PATCHES):
            if size != value:
                where = f"`{owner}.{name}`" if owner else f"`{name}`"
                yield f"{where} {size} for {value}", rigging.set_patch_size(owner, name, size)
    for size in _PATCHES:
        for text, lay in draws.LAYOUTS.items():
            words = f"noise {text.format(size=f'{size}x{size}')}"
            yield words, rigging.draw_by(partial(draws.laid, size, lay, only_first=False))
            yield f"the first {words}", rigging.draw_by(partial(draws.laid, size, lay, only_first=True))


def change_generator(side: View, other: View) -> Iterator[tuple[str, RigChange]]:
    """Random numbers of the global generator, or of one of their own, or drawn in another order."""
    yield "random numbers of the global generator", rigging.draw_by(draws.of_global_generator)
    for name, generator in side.rig.arguments.items():
        if isinstance(generator, torch.Generator):
            yield f"all random numbers of `{name}`", rigging.draw_by(partial(draws.of_generator, generator))
    yield "the first random numbers drawn once more", rigging.draw_by(draws.drawn_twice)
    yield "every random number after the first tensor at zero", rigging.draw_by(draws.first_alone)
    shapes = _drawn_shapes(side.rig)
    for order in draws.orders(len(shapes)):
        words = " ".join(str(each + 1) for each in order)
        text = f"the first {len(order)} tensors of random numbers drawn in the order {words}"
        yield text, rigging.draw_by(partial(draws.in_order, shapes, order))


def reset_scheduler(side: View, other: View) -> Iterator[tuple[str, RigChange]]:
    """A scheduler that keeps nothing: of what happened before the call, or before its timesteps were set."""
    for name in schedulers(side.rig.pipeline):
        yield f"`{name}` made anew before the call", rigging.reconfigure(name, {})
        yield f"all that `{name}` keeps put back whenever its timesteps are set", rigging.forget_with_timesteps(name)


def flip_flags(side: View, other: View) -> Iterator[tuple[str, RigChange]]:
    """Flags of the decoder and of what else is no denoiser, and plain values in which the two sides differ."""
    theirs = component_modules(other.rig.pipeline)
    for name, module in component_modules(side.rig.pipeline).items():
        if name in DENOISERS:
            continue
        for key, value in rigging.config_of(module).items():
            if isinstance(value, bool) and not key.startswith("_"):
                yield f"`{name}.{key}` {not value} for {value}", rigging.reconfigure(name, {key: not value})
        for path, each in module.named_modules():
            for key, value in vars(each).items():
                where = f"`{name}{'.' if path else ''}{path}.{key}`"
                if key == "training" or key.startswith("_") or not isinstance(value, (bool, int, float, str)):
                    continue
                if isinstance(value, bool):
                    yield f"{where} {not value} for {value}", rigging.set_in_module(name, path, key, not value)
                elif name in theirs and _has(theirs[name], path):
                    taken = vars(theirs[name].get_submodule(path)).get(key, value)
                    if _differ(value, taken):
                        yield f"{where} {taken!r} for {value!r}", rigging.set_in_module(name, path, key, taken)


def count_guidance(side: View, other: View) -> Iterator[tuple[str, RigChange]]:
    """One step more or less in which guidance acts."""
    known = {**_defaults(side.rig.pipeline), **side.rig.arguments}
    settings: list[tuple[str, Any, Callable[[str, Any], RigChange]]] = [
        *((name, value, rigging.set_argument) for name, value in known.items()),
        *((name, value, rigging.set_attribute) for name, value in _plain_attributes(side.rig.pipeline).items()),
    ]
    for name, value, make in settings:
        if type(value) is int and re.search(r"guid|cfg|zero|skip|start|stop|warm|interval", name):
            for step in (1, -1):
                yield f"`{name}` {value + step} for {value}", make(name, value + step)


def silence_guider(side: View, other: View) -> Iterator[tuple[str, RigChange]]:
    """Counts and the like that the pipeline itself keeps, put back before each forward of the denoiser."""
    for name, value in _plain_attributes(side.rig.pipeline).items():
        if type(value) is int:
            yield f"the pipeline's `{name}` kept at {value}", rigging.hold(name, value)


def from_denoiser(propose: Proposals) -> RigProposals:
    """An experiment with a model's inputs, as one with what enters the loop and with what the denoiser is given."""

    def proposals(side: View, other: View) -> Iterator[tuple[str, RigChange]]:
        name, given = _denoiser_inputs(side)
        module = component_modules(side.rig.pipeline)[name] if name else nn.Module()
        if takes_checkpoints(side.rig.pipeline):
            start = Specimen("", module, side.passed["preloop"])
            for text, change in propose(start, start):
                yield f"{text} before the loop", rigging.on_start(module, change)
        specimen = Specimen(name, module, given)
        for text, change in propose(specimen, specimen):
            yield f"the denoiser's {text}", rigging.on_denoiser(name, change)

    return proposals


PIPELINE_EXPERIMENTS: tuple[Experiment[RigProposals], ...] = (
    Experiment("stale fixtures", "Save again, in one run with what is compared with it.", renew_fixtures),
    Experiment("incomplete injection", "Put in all that the stage reads.", complete_injection),
    Experiment("config overrides", "Take the value from the reference's checkpoint.", override_config),
    Experiment(
        "noise dtype", "Keep noise and latents in the dtype that the reference keeps them in.", round_noise, True
    ),
    Experiment("patch size in noise", "Draw noise in the reference's shape, with its patch size.", repatch_noise),
    Experiment(
        "global generator", "Draw what the reference draws, in its order, from its generator.", change_generator
    ),
    Experiment(
        "scheduler state", "Set timesteps before every stage, and clear what `step` gathered.", reset_scheduler
    ),
    Experiment("decoder flags", "Take the flag from the config of the reference's checkpoint.", flip_flags),
    Experiment("guidance range", "Act in the steps in which the reference does.", count_guidance),
    Experiment("guider state", "Put the count back before each stage.", silence_guider),
    Experiment(
        "timestep scaling", "Scale it where the reference does, and only there.", from_denoiser(inputs.scale_timesteps)
    ),
    Experiment(
        "timestep dtype",
        "Cast it where the reference casts it, to the same dtype.",
        from_denoiser(inputs.round_timesteps),
        True,
    ),
    Experiment("position dtype", "Give positions as the reference does.", from_denoiser(inputs.round_positions), True),
    Experiment(
        "positions",
        "Count positions, and order their axes, as the reference does.",
        from_denoiser(inputs.move_positions),
    ),
    Experiment(
        "input dtype",
        "Keep embeddings in the dtype that the reference keeps them in.",
        from_denoiser(inputs.round_inputs),
        True,
    ),
)


def _defaults(pipeline: Any) -> dict[str, Any]:
    parameters = inspect.signature(pipeline).parameters.values()
    return {each.name: each.default for each in parameters if each.default is not each.empty}


def _plain_attributes(pipeline: Any) -> dict[str, Any]:
    """Numbers, flags, texts and dtypes that a pipeline or its class holds."""
    names = [name for name in dir(type(pipeline)) if not name.startswith("_")]
    held = {
        name: vars(each)[name] for name in names for each in reversed(type(pipeline).__mro__) if name in vars(each)
    }
    plain = (bool, int, float, str, torch.dtype)
    return {name: value for name, value in {**held, **vars(pipeline)}.items() if isinstance(value, plain)}


def _patch_sizes(rig: Rig) -> Iterator[tuple[str, str, int]]:
    known = {**_defaults(rig.pipeline), **rig.arguments, **_plain_attributes(rig.pipeline)}
    for name, value in known.items():
        if "patch" in name and type(value) is int:
            yield "", name, value


def _denoiser_inputs(side: View) -> tuple[str, dict[str, Any]]:
    """The denoiser's name, and what it is given; of a pipeline with places of its own, by the places' names."""
    modules = component_modules(side.rig.pipeline)
    name = next((name for name in DENOISERS if name in modules), "")
    if not name:
        return "", {}
    seen: dict[str, Any] = {}
    if not takes_checkpoints(side.rig.pipeline):
        return name, dict(side.passed["preloop"])
    rig = side.rig.copied()
    module = component_modules(rig.pipeline)[name]
    signature = inspect.signature(module.forward)

    def note(_module: nn.Module, given: tuple[Any, ...], named: dict[str, Any]) -> None:
        if not seen:
            seen.update(signature.bind(*given, **named).arguments)

    module.register_forward_pre_hook(note, with_kwargs=True)
    rig.run_in_place({}, 0)
    return name, seen


def _drawn_shapes(rig: Rig) -> list[torch.Size]:
    """The shapes of the normal numbers that a run draws."""
    shapes: list[torch.Size] = []
    watched = rig.copied()
    watched.draws.append(lambda: draws.noting(shapes))
    watched.run({}, 0)
    return shapes


def _has(module: nn.Module, path: str) -> bool:
    return path in dict(module.named_modules())


def _differ(one: Any, other: Any) -> bool:
    if isinstance(one, (list, tuple)) and isinstance(other, (list, tuple)):
        return list(one) != list(other)
    if isinstance(one, torch.Tensor) or isinstance(other, torch.Tensor):
        return False
    return type(one) is not type(other) or bool(one != other)
