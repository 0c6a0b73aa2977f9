"""The known pitfalls of a port as experiments: each makes changes to a copy of a model or of its inputs.

A change that brings the two sides together is the cause, or the mirror image of it.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn


# Changes a copy of a module and a copy of its inputs, in place.
Change = Callable[[nn.Module, dict[str, Any]], None]


@dataclass(frozen=True)
class Variant:
    """One change that an experiment tries.

    Attributes:
        experiment: The experiment's name.
        text: What is changed, after `with`.
        change: Makes the change.
    """

    experiment: str
    text: str
    change: Change


@dataclass(frozen=True)
class Experiment:
    """One pitfall.

    Attributes:
        name: What it is about, for people.
        remedy: What to do when it explains the difference.
        variants: The changes that it has for a module and its inputs.
    """

    name: str
    remedy: str
    variants: Callable[[nn.Module, Mapping[str, Any]], Iterator[tuple[str, Change]]]


def variants(experiment: Experiment, module: nn.Module, inputs: Mapping[str, Any]) -> Iterator[Variant]:
    """The changes that an experiment has for one side."""
    for text, change in experiment.variants(module, inputs):
        yield Variant(experiment.name, text, change)


def _patterns(module: nn.Module, choose: Callable[[nn.Module], bool]) -> dict[str, list[str]]:
    """The chosen submodules by their path without numbers: a fault in a class is in all of its instances."""
    found: dict[str, list[str]] = defaultdict(list)
    for path, each in module.named_modules():
        if choose(each):
            found[re.sub(r"(?<=\.)\d+(?=\.|$)|^\d+(?=\.)", "*", path)].append(path)
    return found


def _on_weights(paths: list[str], act: Callable[[nn.Module], None]) -> Change:
    def change(module: nn.Module, inputs: dict[str, Any]) -> None:
        with torch.no_grad():
            for path in paths:
                act(module.get_submodule(path))

    return change


def _is_linear(module: nn.Module) -> bool:
    return isinstance(module, nn.Linear)


# Inputs -------------------------------------------------------------------------------------------------------------


def _set_input(name: str, act: Callable[[torch.Tensor], torch.Tensor]) -> Change:
    def change(module: nn.Module, inputs: dict[str, Any]) -> None:
        inputs[name] = act(inputs[name])

    return change


def _scalars(inputs: Mapping[str, Any]) -> list[str]:
    """Timesteps, guidance scales and the like: one number for each of the batch."""
    return [key for key, each in inputs.items() if isinstance(each, torch.Tensor) and each.ndim < 2]


def _positions(inputs: Mapping[str, Any]) -> list[str]:
    return [
        key
        for key, each in inputs.items()
        if isinstance(each, torch.Tensor) and each.ndim > 1 and re.search(r"ids|pos|coord|grid", key)
    ]


def _timestep_scale(module: nn.Module, inputs: Mapping[str, Any]) -> Iterator[tuple[str, Change]]:
    for name in _scalars(inputs):
        if inputs[name].is_floating_point():
            for factor in (1000, 100, 10, 0.1, 0.01, 0.001):
                yield f"`{name}` times {factor:g}", _set_input(name, lambda each, by=factor: each * by)  # type: ignore[misc]
            yield f"1 - `{name}`", _set_input(name, lambda each: 1 - each)


def _timestep_dtype(module: nn.Module, inputs: Mapping[str, Any]) -> Iterator[tuple[str, Change]]:
    for name in _scalars(inputs):
        if inputs[name].is_floating_point():
            kind = inputs[name].dtype
            for scale in (1, 1000):
                of = f"{scale} times `{name}`" if scale > 1 else f"`{name}`"
                text = f"{of} rounded down to an integer"
                yield text, _set_input(name, lambda each, by=scale: (each * by).floor() / by)  # type: ignore[misc]
                text = f"{of} rounded to the nearest integer"
                yield text, _set_input(name, lambda each, by=scale: (each * by).round() / by)  # type: ignore[misc]
            if kind != torch.bfloat16:
                yield f"`{name}` rounded to bfloat16", _set_input(name, lambda each, to=kind: each.bfloat16().to(to))  # type: ignore[misc]


def _position_dtype(module: nn.Module, inputs: Mapping[str, Any]) -> Iterator[tuple[str, Change]]:
    names = _positions(inputs)
    for chosen in [[name] for name in names] + ([names] if len(names) > 1 else []):
        for text, act in (
            ("rounded to bfloat16", lambda each: each.bfloat16().to(each.dtype)),
            ("rounded to float16", lambda each: each.half().to(each.dtype)),
            ("moved on by one", lambda each: each + 1),
            ("with rows and columns exchanged", lambda each: each[..., [0, 2, 1, *range(3, each.shape[-1])]]),
        ):
            if "exchanged" in text and any(inputs[name].shape[-1] < 3 for name in chosen):
                continue

            def change(module: nn.Module, inputs: dict[str, Any], chosen: Any = chosen, act: Any = act) -> None:
                for name in chosen:
                    inputs[name] = act(inputs[name])

            yield f"{' and '.join(f'`{name}`' for name in chosen)} {text}", change


# Weights ------------------------------------------------------------------------------------------------------------


def _exchange_chunks(count: int, pairs: tuple[tuple[int, int], ...]) -> Callable[[nn.Module], None]:
    def act(module: nn.Module) -> None:
        order = list(range(count))
        for one, other in pairs:
            order[one], order[other] = order[other], order[one]
        for parameter in module.parameters(recurse=False):
            chunks = parameter.chunk(count)
            parameter.copy_(torch.cat([chunks[index] for index in order]))

    return act


def _modulation_order(module: nn.Module, inputs: Mapping[str, Any]) -> Iterator[tuple[str, Change]]:
    """Shift, scale and gate are chunks of one projection's output."""
    for pattern, paths in _patterns(module, _is_linear).items():
        linear = module.get_submodule(paths[0])
        assert isinstance(linear, nn.Linear)
        if linear.out_features % 2 == 0:
            yield f"the halves of `{pattern}` exchanged", _on_weights(paths, _exchange_chunks(2, ((0, 1),)))
        if not re.search(r"mod|norm|ada|shift|scale|time|cond", pattern):
            continue
        if linear.out_features % 3 == 0:
            for pair in ((0, 1), (1, 2), (0, 2)):
                text = f"parts {pair[0] + 1} and {pair[1] + 1} of 3 of `{pattern}` exchanged"
                yield text, _on_weights(paths, _exchange_chunks(3, (pair,)))
        if linear.out_features % 6 == 0:
            for pairs in (
                ((0, 1), (3, 4)),
                ((0, 1),),
                ((3, 4),),
                ((2, 5),),
                ((1, 2), (4, 5)),
                ((0, 3), (1, 4), (2, 5)),
            ):
                of = ", ".join(f"{one + 1} and {other + 1}" for one, other in pairs)
                yield f"parts {of} of 6 of `{pattern}` exchanged", _on_weights(paths, _exchange_chunks(6, pairs))


def _transposed(module: nn.Module, inputs: Mapping[str, Any]) -> Iterator[tuple[str, Change]]:
    def turn(linear: nn.Module) -> None:
        weight: Any = linear.weight
        weight.copy_(weight.T.clone())

    for pattern, paths in _patterns(module, _is_linear).items():
        linear: Any = module.get_submodule(paths[0])
        if linear.in_features == linear.out_features:
            yield f"`{pattern}` transposed", _on_weights(paths, turn)


def _head_layout(module: nn.Module, inputs: Mapping[str, Any]) -> Iterator[tuple[str, Change]]:
    """Rows of queries and keys in another order: pairs of rotary channels apart or interleaved, heads transposed."""
    for pattern, paths in _patterns(module, lambda each: _heads(each) is not None).items():
        for text, halves in (("interleaved", True), ("split into halves", False)):

            def act(attention: nn.Module, halves: bool = halves) -> None:
                heads = _heads(attention) or 1
                for name, each in attention.named_children():
                    if not re.search(r"(^|_)(q|k)(_|$)|query|key", name):
                        continue
                    for parameter in each.parameters():
                        parts = heads if isinstance(each, nn.Linear) else 1
                        rows = parameter.reshape(parts, -1, *parameter.shape[1:])
                        size = rows.shape[1] // 2
                        shape = (2, size) if halves else (size, 2)
                        if rows.shape[1] % 2 == 0:
                            turned = rows.reshape(parts, *shape, *parameter.shape[1:]).transpose(1, 2).flatten(1, 2)
                            parameter.copy_(turned.flatten(0, 1).clone())

            yield f"the channels of queries and keys of `{pattern}` {text}", _on_weights(paths, act)

        def transpose(attention: nn.Module) -> None:
            for name, each in attention.named_children():
                if isinstance(each, nn.Linear) and re.search(r"(^|_)(q|k|v)(_|$)|query|key|value", name):
                    for parameter in each.parameters():
                        rows = parameter.reshape(_heads(attention) or 1, -1, *parameter.shape[1:])
                        parameter.copy_(rows.transpose(0, 1).flatten(0, 1).clone())

        yield f"the heads of `{pattern}` laid out channel by channel", _on_weights(paths, transpose)


def _heads(module: nn.Module) -> int | None:
    heads = getattr(module, "heads", None) or getattr(module, "num_heads", None)
    names = [name for name, each in module.named_children() if isinstance(each, nn.Linear)]
    return (
        heads if isinstance(heads, int) and any(re.search(r"(^|_)(q|k)(_|$)|query", name) for name in names) else None
    )


def _projections(module: nn.Module, inputs: Mapping[str, Any]) -> Iterator[tuple[str, Change]]:
    """Queries, keys and values taken for one another, or their norms."""
    for pattern, paths in _patterns(module, lambda each: len(list(each.named_children())) > 1).items():
        children = dict(module.get_submodule(paths[0]).named_children())
        for name in children:
            for one, other in (("q", "k"), ("k", "v"), ("query", "key"), ("key", "value")):
                twin = re.sub(rf"(^|_){one}(_|$)", rf"\g<1>{other}\g<2>", name)
                if twin == name or twin not in children:
                    continue

                def act(parent: nn.Module, name: str = name, twin: str = twin) -> None:
                    pairs = zip(
                        parent.get_submodule(name).parameters(), parent.get_submodule(twin).parameters(), strict=False
                    )
                    for first, second in pairs:
                        if first.shape == second.shape:
                            kept = first.clone()
                            first.copy_(second)
                            second.copy_(kept)

                yield f"`{pattern}.{name}` and `{twin}` exchanged", _on_weights(paths, act)


def _bias(module: nn.Module, inputs: Mapping[str, Any]) -> Iterator[tuple[str, Change]]:
    def scale(factor: float) -> Callable[[nn.Module], None]:
        def act(each: nn.Module) -> None:
            bias: Any = each.bias
            bias.mul_(factor)

        return act

    for pattern, paths in _patterns(
        module, lambda each: isinstance(getattr(each, "bias", None), nn.Parameter)
    ).items():
        yield f"the bias of `{pattern}` at zero", _on_weights(paths, scale(0))
        yield f"the bias of `{pattern}` doubled", _on_weights(paths, scale(2))


def _epsilon(module: nn.Module, inputs: Mapping[str, Any]) -> Iterator[tuple[str, Change]]:
    for name in ("eps", "variance_epsilon", "epsilon"):

        def has(each: nn.Module, name: str = name) -> bool:
            return isinstance(getattr(each, name, None), float)

        for pattern, paths in _patterns(module, has).items():
            present = getattr(module.get_submodule(paths[0]), name)
            for value in (1e-3, 1e-5, 1e-6, 1e-8, 1e-12):
                if value != present:

                    def act(each: nn.Module, name: str = name, value: float = value) -> None:
                        setattr(each, name, value)

                    yield f"{name} {value:g} for {present:g} in `{pattern}`", _on_weights(paths, act)


def _left_out(module: nn.Module, inputs: Mapping[str, Any]) -> Iterator[tuple[str, Change]]:
    """Norms and activations that do nothing: one that is missing, or stands in another place."""

    def is_one(each: nn.Module) -> bool:
        return bool(re.search(r"Norm|SiLU|GELU", type(each).__name__)) and not list(each.children())

    for pattern, paths in _patterns(module, is_one).items():

        def change(module: nn.Module, inputs: dict[str, Any], paths: Any = paths) -> None:
            for path in paths:
                # The copy is thrown away, and its hooks with it.
                module.get_submodule(path).register_forward_hook(lambda _module, given, _result: given[0])

        yield f"`{pattern}` left out", change

        def flatten(each: nn.Module) -> None:
            for parameter in each.parameters(recurse=False):
                parameter.fill_(1)

        if list(module.get_submodule(paths[0]).parameters(recurse=False)):
            yield f"the weight of `{pattern}` at one", _on_weights(paths, flatten)


def _frequencies(module: nn.Module, inputs: Mapping[str, Any]) -> Iterator[tuple[str, Change]]:
    """The base of rotary frequencies, wherever a module keeps it."""
    for name in ("theta", "rope_theta", "base", "max_period"):

        def has(each: nn.Module, name: str = name) -> bool:
            return isinstance(getattr(each, name, None), (int, float))

        for pattern, paths in _patterns(module, has).items():
            present = getattr(module.get_submodule(paths[0]), name)
            for value in (256, 1000, 2000, 10000, 100000, 1000000):
                if value != present:

                    def act(each: nn.Module, name: str = name, value: int = value) -> None:
                        setattr(each, name, value)

                    yield f"{name} {value} for {present} in `{pattern or 'the model'}`", _on_weights(paths, act)


EXPERIMENTS: tuple[Experiment, ...] = (
    Experiment("timestep scaling", "Scale it where the reference does, and only there.", _timestep_scale),
    Experiment("timestep dtype", "Cast it where the reference casts it, to the same dtype.", _timestep_dtype),
    Experiment("position dtype", "Give positions to the rotary embedding as the reference does.", _position_dtype),
    Experiment("rotary frequencies", "Take the base from the config of the reference's checkpoint.", _frequencies),
    Experiment("order of shift, scale, gate", "Unpack the parts in the reference's order.", _modulation_order),
    Experiment("layout of heads", "Lay rows and rotary channels out as the reference does.", _head_layout),
    Experiment("transposed weight", "Transpose it in the weight mapping, or do not.", _transposed),
    Experiment("query, key and value", "Give each projection and norm its own weight.", _projections),
    Experiment("bias", "Add it once; leave it out where the reference has none.", _bias),
    Experiment("norm or activation", "Apply it where the reference does.", _left_out),
    Experiment("epsilon of a norm", "Take the reference's epsilon.", _epsilon),
)
