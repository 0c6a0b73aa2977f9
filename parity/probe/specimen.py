"""A tiny model of a class with inputs that it runs on: given by a person, on record, or found by trying."""

from __future__ import annotations

import inspect
import re
import traceback
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn
from torch.utils._pytree import tree_map_only

from parity.errors import ParityError
from parity.forwards.outputs import named_tensors
from parity.forwards.seeding import seeded
from parity.probe.arguments import LEFT_OUT, proposals
from parity.probe.recipes import Hint, hint_for
from parity.probe.results import Recipe
from parity.probe.shrinking import tiny_configs
from parity.sides.inputs import describe_inputs, draw_inputs
from parity.sides.loading import build_module, check_arguments
from parity.sides.weights import draw_weights


SEED = 0
_MOST_ROUNDS = 12
_LONGEST = 200
_CLASS = re.compile(r"<class '(?:\w+\.)*(\w+)'>")

Outputs = dict[str, torch.Tensor]


@dataclass(frozen=True)
class Specimen:
    """A class and the recipe that it runs by."""

    path: str
    # What diffusers' mixins add to a module has no type that could be named.
    module_class: Any
    recipe: Recipe

    def make(self) -> Any:
        """Makes the model in eval mode, every parameter drawn at random; the same at each call."""
        with seeded(SEED):
            module = build_module(self.path, self.module_class, self.recipe.config)
        draw_weights(module, SEED)
        return module

    def inputs(self, dtype: torch.dtype = torch.float32) -> dict[str, Any]:
        """Draws the arguments of forward; the same at each call."""
        return draw_inputs(describe_inputs(self.recipe.inputs, "inputs"), dtype, SEED)

    def plain(self) -> Outputs:
        """What a model gives that nothing was switched on in."""
        return run(self.make(), self.inputs())


def run(module: nn.Module, inputs: Mapping[str, Any], *, gradients: bool = False) -> Outputs:
    """Runs a forward on copies of its inputs and returns the tensors of its output, by their place."""
    own = tree_map_only(torch.Tensor, torch.clone, dict(inputs))
    with seeded(SEED), torch.set_grad_enabled(gradients):
        leaves = named_tensors(module(**own))
        return {name: leaf for name, leaf in leaves if isinstance(leaf, torch.Tensor)}


def find_specimen(
    path: str, module_class: type[nn.Module], config: Mapping[str, Any] | None, inputs: Mapping[str, Any] | None
) -> Specimen:
    """Finds how a tiny model of a class can be run.

    Args:
        path: The class's import path, for messages.
        module_class: The class.
        config: Keyword arguments of the class, if they are known.
        inputs: Descriptions of forward's arguments, if they are known.

    Raises:
        ParityError: If no config or no inputs were found, with what the last try ran into.
    """
    if inputs is not None:
        check_arguments(path, module_class.forward, inputs, "inputs", "describe it in --inputs")
    hint = hint_for(module_class) or Hint()
    origin = "given" if config is not None or inputs is not None else "recorded" if hint != Hint() else "derived"
    proposed = [config] if config is not None else [{**tiny, **hint.config} for tiny in tiny_configs(module_class)]
    problem = ""
    for each in proposed:
        try:
            found, failure = _find_inputs(path, module_class, each, inputs, hint.inputs)
        except ParityError as error:
            problem = problem or str(error)
            continue
        if found is not None:
            return Specimen(path, module_class, Recipe(each, found, origin))
        problem = problem or failure
    advice = "" if inputs is not None else " Describe a tiny model with --config and --inputs."
    raise ParityError(f"{problem}{advice}")


def _find_inputs(
    path: str,
    module_class: type[nn.Module],
    config: Mapping[str, Any],
    inputs: Mapping[str, Any] | None,
    known: Mapping[str, Any],
) -> tuple[Mapping[str, Any] | None, str]:
    """The inputs that forward runs on with one config, or what the best try ran into."""
    module = build_module(path, module_class, config)
    draw_weights(module, SEED)
    if inputs is not None:
        failure = _Trial(module).failure(inputs)
        return (None, f"{path}: forward does not run on these inputs: {failure}") if failure else (inputs, "")
    found, failure = _search(module, _full_config(module, config), known)
    return found, f"{path}: no inputs were found that forward runs on; the best try ended in {failure}."


def _full_config(module: nn.Module, config: Mapping[str, Any]) -> dict[str, Any]:
    defaults = {
        name: parameter.default
        for name, parameter in inspect.signature(type(module).__init__).parameters.items()
        if parameter.default is not parameter.empty
    }
    return defaults | dict(config)


def _search(
    module: nn.Module, config: Mapping[str, Any], known: Mapping[str, Any]
) -> tuple[dict[str, Any] | None, str]:
    """Tries proposals, one argument at a time, and keeps what brings forward further.

    Returns:
        The inputs, or None; and what the best try ran into.
    """
    options = proposals(type(module), config)
    options |= {name: [LEFT_OUT if value is None else value] for name, value in known.items()}
    chosen = {name: values[0] for name, values in options.items()}
    trial = _Trial(module)
    best = trial.reach(_given(chosen))
    for _ in range(_MOST_ROUNDS):
        if best is None:
            return _given(chosen), ""
        changes = [(name, value) for name, values in options.items() for value in values if value != chosen[name]]
        furthest = best
        step: tuple[str, Any] | None = None
        for name, value in changes:
            reached = trial.reach(_given(chosen | {name: value}))
            if reached is None or reached > furthest:
                step, furthest = (name, value), reached if reached is not None else furthest
                if reached is None:
                    best = None
                    break
        if step is None:
            break
        chosen[step[0]] = step[1]
        best = None if best is None else furthest
    return (_given(chosen), "") if best is None else (None, trial.failure(_given(chosen)))


def _given(chosen: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in chosen.items() if value is not LEFT_OUT}


class _Trial:
    """Runs of one module that may fail, each told by how far it came."""

    def __init__(self, module: nn.Module) -> None:
        self._module = module
        self._done = 0

    def reach(self, descriptions: Mapping[str, Any]) -> tuple[int, int] | None:
        """How many modules were left, and the line of forward where it failed; None where it did not."""
        error = self._run(descriptions)
        return None if error is None else (self._done, self._line(error))

    def failure(self, descriptions: Mapping[str, Any]) -> str:
        """What forward ran into; empty if nothing."""
        error = self._run(descriptions)
        return "" if error is None else describe(error)

    def _run(self, descriptions: Mapping[str, Any]) -> Exception | None:
        inputs = draw_inputs(describe_inputs(descriptions, "inputs"), torch.float32, SEED)
        self._done = 0
        with self._counting():
            try:
                outputs = run(self._module, inputs)
            except Exception as error:
                return error
        if not outputs:
            return ValueError("the output has no tensor")
        if not all(bool(tensor.isfinite().all()) for tensor in outputs.values() if tensor.is_floating_point()):
            return ValueError("the output has NaN or infinity")
        return None

    @contextmanager
    def _counting(self) -> Iterator[None]:
        def left(*_: Any) -> None:
            self._done += 1

        handles = [module.register_forward_hook(left) for module in self._module.modules()]
        try:
            yield
        finally:
            for handle in handles:
                handle.remove()

    def _line(self, error: Exception) -> int:
        lines = [
            frame.lineno or 0
            for frame in traceback.extract_tb(error.__traceback__)
            if frame.name == "forward" and frame.filename == inspect.getsourcefile(type(self._module))
        ]
        return lines[0] if lines else 0


def describe(error: BaseException) -> str:
    """What was raised, in one line: the first of its text, where classes go by their last name."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    text = _CLASS.sub(r"`\1`", lines[0]) if lines else ""
    name = type(error).__name__
    return f"{name}: {text[:_LONGEST]}{'...' if len(text) > _LONGEST else ''}" if text else name
