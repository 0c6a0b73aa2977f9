"""What an experiment does to a copy of a pipeline: to its call, its components, what passes its places, its draws."""

from __future__ import annotations

import copy
import inspect
from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import nn

from parity.diagnosis.experiments.variant import Change
from parity.diagnosis.rigs import Draw, Rig
from parity.pipelines.running import component_modules, schedulers


# Changes a copy of a rig, in place.
RigChange = Callable[[Rig], None]


def components(pipeline: Any) -> dict[str, Any]:
    """The modules and schedulers of a pipeline, by name."""
    return {**component_modules(pipeline), **schedulers(pipeline)}


def config_of(component: Any) -> Mapping[str, Any]:
    """The config of a component, empty where it keeps none."""
    config = getattr(component, "config", None)
    return config if isinstance(config, Mapping) else {}


def inject(values: Mapping[str, Any]) -> RigChange:
    """Puts values of the other side in where the loop starts."""

    def change(rig: Rig) -> None:
        rig.injected = {**rig.injected, **values}

    return change


def reconfigure(name: str, values: Mapping[str, Any]) -> RigChange:
    """Makes a component anew, with its weights and another config."""

    def change(rig: Rig) -> None:
        component = components(rig.pipeline)[name]
        config = {key: value for key, value in {**config_of(component), **values}.items() if not key.startswith("_")}
        made = type(component)(
            **{key: config[key] for key in inspect.signature(type(component)).parameters if key in config}
        )
        if isinstance(component, nn.Module):
            made.load_state_dict(component.state_dict())
            made.to(next(component.parameters()).dtype).eval()
        setattr(rig.pipeline, name, made)

    return change


def set_argument(name: str, value: Any) -> RigChange:
    """Calls with another argument."""
    return lambda rig: rig.arguments.update({name: value})


def set_attribute(name: str, value: Any) -> RigChange:
    """Sets what the pipeline keeps."""
    return lambda rig: setattr(rig.pipeline, name, value)


def set_patch_size(owner: str, name: str, value: int) -> RigChange:
    """Sets an argument of the call, or what the pipeline keeps."""

    def change(rig: Rig) -> None:
        if name in inspect.signature(rig.pipeline).parameters:
            rig.arguments[name] = value
        else:
            setattr(rig.pipeline, name, value)

    return change


def set_in_module(name: str, path: str, key: str, value: Any) -> RigChange:
    """Sets what a submodule of a component keeps."""
    return lambda rig: setattr(component_modules(rig.pipeline)[name].get_submodule(path), key, value)


def round_latents(places: list[str], kind: torch.dtype) -> RigChange:
    """Rounds the latents that pass some places."""

    def edit(values: dict[str, Any]) -> dict[str, Any]:
        return {
            name: each.to(kind).to(each.dtype) if "latent" in name and isinstance(each, torch.Tensor) else each
            for name, each in values.items()
        }

    def change(rig: Rig) -> None:
        for place in places:
            rig.edit(place, edit)

    return change


def forget_with_timesteps(name: str) -> RigChange:
    """Has a scheduler be as new whenever its timesteps are set."""

    def change(rig: Rig) -> None:
        scheduler = components(rig.pipeline)[name]
        kind = type(scheduler)
        fresh = vars(kind(**{key: each for key, each in config_of(scheduler).items() if not key.startswith("_")}))

        def set_timesteps(self: Any, *args: Any, **kwargs: Any) -> Any:
            vars(self).clear()
            vars(self).update(copy.deepcopy(fresh))
            return kind.set_timesteps(self, *args, **kwargs)

        scheduler.__class__ = type(kind.__name__, (kind,), {"set_timesteps": set_timesteps})

    return change


def hold(name: str, value: int) -> RigChange:
    """Has the pipeline keep a number, whatever it sets."""

    def change(rig: Rig) -> None:
        pipeline = rig.pipeline
        kind = type(pipeline)
        held = property(lambda self: value, lambda self, new: None)
        pipeline.__class__ = type(kind.__name__, (kind,), {name: held})

    return change


def on_start(module: nn.Module, change: Change) -> RigChange:
    """Changes what enters the loop as a model's inputs are changed."""

    def edit(values: dict[str, Any]) -> dict[str, Any]:
        own = dict(values)
        change(module, own)
        return own

    return lambda rig: rig.edit("preloop", edit)


def on_denoiser(name: str, change: Change) -> RigChange:
    """Changes what the denoiser is given in each call."""

    def act(rig: Rig) -> None:
        module = component_modules(rig.pipeline)[name]
        signature = inspect.signature(module.forward)

        def hook(
            _module: nn.Module, given: tuple[Any, ...], named: dict[str, Any]
        ) -> tuple[tuple[()], dict[str, Any]]:
            own = dict(signature.bind(*given, **named).arguments)
            change(module, own)
            return (), own

        module.register_forward_pre_hook(hook, with_kwargs=True)

    return act


def draw_by(make: Callable[[], Draw]) -> RigChange:
    """Draws random numbers in another way."""
    return lambda rig: rig.draws.append(make)
