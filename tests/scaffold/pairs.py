"""A generated model beside the class of diffusers that it equals: the same random weights, the same inputs."""

from __future__ import annotations

import importlib
import inspect
import sys
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import diffusers
import torch
from torch import nn

from scaffold.spec import Spec
from scaffold.trial import sized
from scaffold.trial.program import draw


def import_folder(folder: Path) -> Iterator[ModuleType]:
    """Import a folder as a package with the submodules that it has, until the iterator goes on."""
    sys.path.insert(0, str(folder.parent))
    package = importlib.import_module(folder.name)
    for path in folder.glob("*.py"):
        importlib.import_module(f"{folder.name}.{path.stem}" if path.stem != "__init__" else folder.name)
    yield package
    sys.path.remove(str(folder.parent))
    for name in [name for name in sys.modules if name.partition(".")[0] == folder.name]:
        del sys.modules[name]


@dataclass(frozen=True)
class Pair:
    """Two models with equal weights: the generated one and diffusers'."""

    spec: Spec
    ours: nn.Module
    theirs: nn.Module

    def each(self, act: Callable[[nn.Module], Any]) -> None:
        """Do the same to both."""
        act(self.ours)
        act(self.theirs)

    def to(self, dtype: torch.dtype) -> Pair:
        """Both in another dtype, but for what their class keeps in float32, as `from_pretrained` does."""
        self.each(lambda model: _cast(model, dtype))
        return self


def _cast(model: nn.Module, dtype: torch.dtype) -> None:
    kept = set(getattr(model, "_keep_in_fp32_modules", None) or ())
    for path, module in model.named_modules():
        tensors = {**dict(module.named_parameters(recurse=False)), **dict(module.named_buffers(recurse=False))}
        for name, tensor in tensors.items():
            if tensor.is_floating_point() and not kept & {*path.split("."), name}:
                tensor.data = tensor.data.to(dtype)


def make_pair(spec: Spec, package: ModuleType, **config: Any) -> Pair:
    """The tiny configuration of a spec, with changes; every tensor is drawn, norms too, so that none is neutral."""
    arguments = {
        key: tuple(value) if isinstance(value, list) else value for key, value in (spec.tiny.config | config).items()
    }
    theirs = getattr(diffusers, spec.counterpart)(**arguments).eval()
    ours = getattr(package.model, spec.model)(**arguments).eval()
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for tensor in theirs.state_dict().values():
            tensor.copy_(torch.randn(tensor.shape, generator=generator) / 4)
    ours.load_state_dict(theirs.state_dict())
    return Pair(spec, ours, theirs)


def make_pipelines(
    package: ModuleType, name: str, dtype: torch.dtype = torch.float32, **config: Any
) -> tuple[Any, Any]:
    """The generated pipeline and diffusers', over the same modules but for transformers of equal weights.

    Args:
        package: the generated folder.
        name: the class that both have.
        dtype: of all modules.
        config: changes of the tiny transformer.
    """
    components = package.tiny.tiny_components()
    if config:
        ours = components["transformer"]
        components["transformer"] = type(ours).from_config(dict(ours.config) | config).eval()
    return pipelines_over(package, name, components, dtype)


def pipelines_over(
    package: ModuleType, name: str, components: dict[str, Any], dtype: torch.dtype = torch.float32
) -> tuple[Any, Any]:
    """The generated pipeline over components of its folder, and diffusers' over the same but for the transformer."""
    ours = components["transformer"]
    theirs = getattr(diffusers, type(ours).__name__).from_config(dict(ours.config)).eval()
    theirs.load_state_dict(ours.state_dict())
    pipelines = (
        getattr(package, name)(**components),
        getattr(diffusers, name)(**components | {"transformer": theirs}),
    )
    for pipeline in pipelines:
        pipeline.to(dtype)
        pipeline.set_progress_bar_config(disable=True)
    assert type(pipelines[0].transformer) is not type(pipelines[1].transformer)
    return pipelines


def with_own_lists(arguments: dict[str, Any]) -> dict[str, Any]:
    """The same arguments with lists that the call may write into, as diffusers' Z-Image does into its prompts."""
    return {name: list(value) if isinstance(value, list) else value for name, value in arguments.items()}


def with_fault(written: ModuleType, pipeline: Any, old: str, new: str, **settings: Any) -> Any:
    """A pipeline over the same components, out of a module that says something else in one place."""
    source = Path(written.__file__ or "").read_text(encoding="utf-8")
    assert source.count(old) == 1
    module = ModuleType(f"{written.__package__}.faulty")
    module.__package__ = written.__package__
    exec(source.replace(old, new), module.__dict__)
    faulty = getattr(module, type(pipeline).__name__)(**pipeline.components, **settings)
    faulty.set_progress_bar_config(disable=True)
    return faulty


def compare_steps(pipelines: tuple[Any, Any], call: Callable[..., torch.Tensor], count: int) -> None:
    """Hold to each other what callbacks see in two pipelines, where they make the latents weaker, and what comes out.

    Args:
        pipelines: both.
        call: calls a pipeline with further arguments.
        count: how many steps there are.
    """

    def record(pipeline: Any, step: int, timestep: torch.Tensor, tensors: dict[str, Any]) -> dict[str, Any]:
        seen.append((step, timestep, tensors["latents"].clone()))
        return {"latents": tensors["latents"] * 0.9}

    runs = []
    for pipeline in pipelines:
        seen: list[Any] = []
        made = call(pipeline, callback_on_step_end=record)
        runs.append((made, seen, pipeline.num_timesteps))
    (ours, our_steps, our_count), (theirs, their_steps, their_count) = runs
    assert torch.equal(ours, theirs)
    assert our_count == their_count == len(our_steps) == count
    for mine, other in zip(our_steps, their_steps, strict=True):
        assert mine[:2] == other[:2]
        assert torch.equal(mine[2], other[2])


def compare_arguments(pipelines: tuple[Any, Any], left_out: Collection[str], added: Collection[str] = ()) -> None:
    """Hold the arguments of two pipelines' calls to each other, but for those left out of ours or added to them."""
    ours, theirs = (inspect.signature(each.__call__).parameters for each in pipelines)
    shared = [argument for argument in theirs if argument not in left_out]
    assert [argument for argument in ours if argument not in added] == shared
    for argument in shared:
        default, given = theirs[argument].default, ours[argument].default
        # Tuples in place of lists, which every call would share; no negative prompt in place of an empty one.
        assert given == (tuple(default) if isinstance(default, list) else default or None) or given == default


def make_inputs(pair: Pair, dtype: torch.dtype = torch.float32) -> dict[str, Any]:
    """The arguments of `forward` that the spec says how to draw."""
    generator = torch.Generator().manual_seed(1)
    sizes = {**pair.theirs.config, **pair.spec.tiny.sizes}
    return {
        name: draw(*sized(argument.draw, sizes), dtype, generator)
        for name, argument in pair.spec.arguments.items()
        if argument.draw is not None
    }


def run(model: nn.Module, inputs: dict[str, Any], **arguments: Any) -> dict[str, torch.Tensor]:
    """The output and the gradient of every parameter that has one."""
    model.zero_grad()
    sample = model(**{**inputs, **arguments}, return_dict=False)[0]
    if isinstance(sample, list):
        # A tensor for each of the batch, which may differ in size.
        sample = torch.cat([each.flatten() for each in sample])
    sample.float().square().mean().backward()
    gradients = {name: each.grad.clone() for name, each in model.named_parameters() if each.grad is not None}
    return {"sample": sample.detach(), **gradients}


def largest_difference(ours: dict[str, torch.Tensor], theirs: dict[str, torch.Tensor]) -> float:
    """The largest absolute difference over output and gradients, of which both have the same, and none is void."""
    assert ours.keys() == theirs.keys()
    assert theirs["sample"].float().std() > 0
    assert not any(tensor.isnan().any() for tensor in theirs.values())
    return max((ours[name].double() - theirs[name].double()).abs().max().item() for name in theirs)


def sample(model: nn.Module, inputs: dict[str, Any]) -> torch.Tensor:
    """The output of one forward without gradients; samples of several sizes one after the other."""
    with torch.no_grad():
        output = model(**inputs, return_dict=False)[0]
    return torch.cat([each.flatten() for each in output]) if isinstance(output, list) else output
