"""Experiments with weights: parts in another order, transposed, taken for one another, a bias or a one too many."""

from __future__ import annotations

import itertools
import re
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import torch
from torch import nn

from parity.bisection.bisect import Specimen
from parity.diagnosis.experiments.heads import role_of
from parity.diagnosis.experiments.variant import (
    Change,
    all_of,
    each_and_all,
    is_linear,
    on_modules,
    on_outputs,
    patterns,
    without_numbers,
)


_MODULATING = re.compile(r"mod|norm|ada|shift|scale|time|cond|emb")
# How many parts modulations have: shift and scale, with a gate, for two sublayers, for three.
_COUNTS = (2, 3, 6, 9)
_STEPS = ((-1, "one taken from"), (1, "one added to"))


def reorder_modulation(side: Specimen, other: Specimen) -> Iterator[tuple[str, Change]]:
    """Shift, scale and gate are parts of one projection's output, or rows of a table, or both added."""
    widths = _widths(side.module)
    modulations: list[tuple[str, str, Change]] = []
    for pattern, paths in patterns(side.module, is_linear).items():
        linear: Any = side.module.get_submodule(paths[0])
        if linear.out_features % 2 == 0 and linear.out_features != linear.in_features:
            yield f"the halves of `{pattern}` exchanged", on_modules(paths, _exchange_rows((1, 0)))
        # Queries, keys and values, and then a gated layer.
        gated = linear.out_features - 3 * linear.in_features
        if gated > 0 and gated % 2 == 0:
            text = f"the halves of the last {gated} rows of `{pattern}` exchanged"
            yield text, on_modules(paths, _exchange_last_rows(gated))
        if _MODULATING.search(pattern):
            for count in _COUNTS[1:]:
                if linear.out_features in [count * width for width in widths]:
                    for order in _orders(count):
                        text = f"the {count} parts of {{}} in the order {_shown(order)}"
                        modulations.append((text, pattern, on_modules(paths, _exchange_rows(order))))
    yield from each_and_all(modulations)
    for count, (tables, projections) in _tables(side.module).items():
        changes = {f"`{pattern}`": [_reorder_table(pattern, places)] for pattern, places in tables.items()}
        for pattern, paths in projections.items():
            changes[f"`{pattern}`"] = [_reorder_linear(paths)]
        for size in range(1, min(len(changes), 3) + 1):
            for names in itertools.combinations(changes, size):
                # A projection alone was tried above.
                if any(name.strip("`") in tables for name in names):
                    for order in _orders(count):
                        parts = [make(order) for name in names for make in changes[name]]
                        yield (
                            f"the {count} parts of {' and '.join(names)} in the order {_shown(order)}",
                            all_of(*parts),
                        )


def drop_modulation(side: Specimen, other: Specimen) -> Iterator[tuple[str, Change]]:
    """A gate or a scale that is left out."""
    for text, paths, count, part in _parts(side.module):
        for value, words in ((0.0, "zero"), (1.0, "one")):
            yield f"{text} at {words}", on_outputs(paths, _on_part(count, part, torch.full_like, value))


def change_bias(side: Specimen, other: Specimen) -> Iterator[tuple[str, Change]]:
    """A bias that is left out or added twice."""

    def has_bias(each: nn.Module) -> bool:
        return isinstance(getattr(each, "bias", None), nn.Parameter)

    yield from each_and_all(
        (f"the bias of {{}} {words}", pattern, on_modules(paths, _scale_bias(factor)))
        for pattern, paths in patterns(side.module, has_bias).items()
        for words, factor in (("at zero", 0), ("doubled", 2))
    )


def absorb_one(side: Specimen, other: Specimen) -> Iterator[tuple[str, Change]]:
    """The one of `1 + scale` or of `1 + weight`, left out, or there twice since a bias or a weight has it already."""
    for text, paths, count, part in _parts(side.module):
        for step, words in _STEPS:
            yield f"{words} {text}", on_outputs(paths, _on_part(count, part, torch.add, step))
    for count, (tables, _) in _tables(side.module).items():
        for (pattern, places), part, (step, words) in itertools.product(tables.items(), range(count), _STEPS):
            yield f"{words} part {part + 1} of {count} of `{pattern}`", _shift_table(places, part, step)
    yield from each_and_all(
        (f"{words} the weight of {{}}", pattern, on_modules(paths, _add_to_weight(step)))
        for pattern, paths in patterns(side.module, _has_norm_weight).items()
        for step, words in _STEPS
    )


def transpose(side: Specimen, other: Specimen) -> Iterator[tuple[str, Change]]:
    """Square matrices."""

    def turn(linear: nn.Module) -> None:
        weight: Any = linear.weight
        weight.copy_(weight.T.clone())

    def is_square(each: nn.Module) -> bool:
        return isinstance(each, nn.Linear) and each.in_features == each.out_features

    found = patterns(side.module, is_square)
    yield from each_and_all(("{} transposed", pattern, on_modules(paths, turn)) for pattern, paths in found.items())


# What is taken for one another: for people, a pattern of a name, and the name of its twin.
_QUERIES, _KEYS, _VALUES = "queries", "keys", "values"
_TWINS = (
    (_QUERIES, _KEYS, r"(^|_)q(_|$)", r"\g<1>k\g<2>"),
    (_KEYS, _VALUES, r"(^|_)k(_|$)", r"\g<1>v\g<2>"),
    (_QUERIES, _VALUES, r"(^|_)q(_|$)", r"\g<1>v\g<2>"),
    (_QUERIES, _KEYS, r"query", "key"),
    (_KEYS, _VALUES, r"key", "value"),
    ("image", "text", r"(.*)_img$", r"\g<1>_txt"),
    ("image", "text", r"^img_(.*)", r"txt_\g<1>"),
    ("image", "text", r"^(norm\d*|ff\d*|ffn|mlp)$", r"\g<1>_context"),
    ("image", "text", r"^norm_(q|k)$", r"norm_added_\g<1>"),
    ("image", "text", r"^to_(q|k|v)$", r"add_\g<1>_proj"),
    ("image", "text", r"^to_out$", "to_add_out"),
)


def exchange_twins(side: Specimen, other: Specimen) -> Iterator[tuple[str, Change]]:
    """Queries, keys and values taken for one another, or their norms, or what belongs to the image and to the text."""
    together: dict[str, list[Change]] = {}
    for pattern, paths, first, second, words in _twins(side.module):
        change = on_modules(paths, _exchange_children(first, second))
        of = f"{pattern}." if pattern else ""
        yield f"`{of}{first}` and `{second}` exchanged", change
        together.setdefault(f"{words} of {_kind(first)}", []).append(change)
    for words, changes in together.items():
        if len(changes) > 1:
            yield f"{words} exchanged everywhere", all_of(*changes)
    for pattern, paths in patterns(side.module, _is_fused).items():
        for pair in ((0, 1), (1, 2), (0, 2)):
            one, two = ((_QUERIES, _KEYS, _VALUES)[index] for index in pair)
            yield f"the {one} and {two} of `{pattern}` exchanged", on_modules(paths, _exchange_fused(pair))


def use_twice(side: Specimen, other: Specimen) -> Iterator[tuple[str, Change]]:
    """One of two twins in the place of both."""
    together: dict[str, list[Change]] = {}
    for pattern, paths, first, second, words in _twins(side.module):
        for taken, lost in ((first, second), (second, first)):
            change = on_modules(paths, _copy_child(taken, lost))
            of = f"{pattern}." if pattern else ""
            yield f"`{of}{taken}` for `{lost}` too", change
            left = words.split(" and ")[taken == second]
            together.setdefault(f"{left} for {words} of {_kind(first)}", []).append(change)
    for words, changes in together.items():
        if len(changes) > 1:
            yield f"{words} everywhere", all_of(*changes)


def _twins(module: nn.Module) -> Iterator[tuple[str, list[str], str, str, str]]:
    """Containers, by pattern and by path, with the names of two children and the words for what these are."""
    for pattern, paths in patterns(module, lambda each: len(list(each.named_children())) > 1).items():
        children = dict(module.get_submodule(paths[0]).named_children())
        for name, (one, two, old, new) in itertools.product(children, _TWINS):
            twin = re.sub(old, new, name)
            if twin != name and twin in children:
                yield pattern, paths, name, twin, f"{one} and {two}"


def _kind(name: str) -> str:
    """What a child is, apart from its role: norms of queries and keys are one kind, and those of blocks another."""
    what = "norms" if "norm" in name else "layers"
    return f"{what} of attention" if role_of(name) or "out" in name else what


def _exchange_children(first: str, second: str) -> Callable[[nn.Module], None]:
    def act(parent: nn.Module) -> None:
        for one, two in _alike(parent, first, second):
            kept = one.clone()
            one.copy_(two)
            two.copy_(kept)

    return act


def _copy_child(taken: str, lost: str) -> Callable[[nn.Module], None]:
    def act(parent: nn.Module) -> None:
        for one, two in _alike(parent, taken, lost):
            two.copy_(one)

    return act


def _alike(parent: nn.Module, first: str, second: str) -> Iterator[tuple[nn.Parameter, nn.Parameter]]:
    """Parameters of two children that fit each other."""
    pairs = zip(parent.get_submodule(first).parameters(), parent.get_submodule(second).parameters(), strict=False)
    return ((one, two) for one, two in pairs if one.shape == two.shape)


def _widths(module: nn.Module) -> set[int]:
    """How wide streams are: what square layers and norms take."""
    squares = (each for each in module.modules() if isinstance(each, nn.Linear))
    return {each.in_features for each in squares if each.in_features == each.out_features}


def _orders(count: int) -> Iterator[tuple[int, ...]]:
    """The orders that are known to be confused: two parts, two of each sublayer, whole sublayers, all turned."""
    inner = 3 if count % 3 == 0 else count
    groups = count // inner
    swaps = [*itertools.combinations(range(inner), 2)]
    for one, two in swaps:
        yield _swapped(count, [(one + inner * group, two + inner * group) for group in range(groups)])
    if groups > 1:
        for one, two in itertools.combinations(range(count), 2):
            yield _swapped(count, [(one, two)])
        for first, second in itertools.combinations(range(groups), 2):
            yield _swapped(count, [(first * inner + part, second * inner + part) for part in range(inner)])
        # All shifts, then all scales, then all gates, and back.
        yield tuple(group * inner + part for part in range(inner) for group in range(groups))
        yield tuple(part * groups + group for group in range(groups) for part in range(inner))
    if inner == 3:
        for turned in ((1, 2, 0), (2, 0, 1)):
            yield tuple(group * inner + part for group in range(groups) for part in turned)


def _swapped(count: int, pairs: list[tuple[int, int]]) -> tuple[int, ...]:
    order = list(range(count))
    for one, two in pairs:
        order[one], order[two] = order[two], order[one]
    return tuple(order)


def _shown(order: Sequence[int]) -> str:
    return " ".join(str(each + 1) for each in order)


def _exchange_rows(order: tuple[int, ...]) -> Callable[[nn.Module], None]:
    def act(module: nn.Module) -> None:
        for parameter in module.parameters(recurse=False):
            chunks = parameter.chunk(len(order))
            parameter.copy_(torch.cat([chunks[index] for index in order]))

    return act


def _exchange_last_rows(count: int) -> Callable[[nn.Module], None]:
    def act(module: nn.Module) -> None:
        for parameter in module.parameters(recurse=False):
            first, second = parameter[-count:].chunk(2)
            parameter[-count:] = torch.cat([second, first])

    return act


_Table = tuple[str, str]  # the path of a module and the name of its parameter


def _tables(module: nn.Module) -> dict[int, tuple[dict[str, list[_Table]], dict[str, list[str]]]]:
    """By the number of parts: the tables that are added to modulations, and the projections of as many parts."""
    found: dict[int, tuple[dict[str, list[_Table]], dict[str, list[str]]]] = {}
    for path, each in module.named_modules():
        for name, parameter in each.named_parameters(recurse=False):
            if parameter.ndim >= 2 and not is_linear(each) and parameter.shape[-2] in _COUNTS:
                tables, _ = found.setdefault(parameter.shape[-2], (defaultdict(list), {}))
                tables[without_numbers(f"{path}.{name}".lstrip("."))].append((path, name))
    for count, (tables, projections) in found.items():
        path, name = next(iter(tables.values()))[0]
        width = getattr(module.get_submodule(path), name).shape[-1]
        for pattern, paths in patterns(module, is_linear).items():
            linear: Any = module.get_submodule(paths[0])
            if linear.out_features == count * width and _MODULATING.search(pattern):
                projections[pattern] = paths
    return found


def _reorder_table(pattern: str, places: list[_Table]) -> Callable[[tuple[int, ...]], Change]:
    def make(order: tuple[int, ...]) -> Change:
        def change(module: nn.Module, inputs: dict[str, Any]) -> None:
            with torch.no_grad():
                for path, name in places:
                    table = getattr(module.get_submodule(path), name)
                    table.copy_(table.index_select(-2, torch.tensor(order, device=table.device)))

        return change

    return make


def _reorder_linear(paths: list[str]) -> Callable[[tuple[int, ...]], Change]:
    return lambda order: on_modules(paths, _exchange_rows(order))


def _shift_table(places: list[_Table], part: int, step: int) -> Change:
    def change(module: nn.Module, inputs: dict[str, Any]) -> None:
        with torch.no_grad():
            for path, name in places:
                getattr(module.get_submodule(path), name)[..., part, :] += step

    return change


def _parts(module: nn.Module) -> Iterator[tuple[str, list[str], int, int]]:
    """The parts that modulations may have: words, the projections, how many parts there are, and which it is."""
    widths = _widths(module)
    for pattern, paths in patterns(module, is_linear).items():
        linear: Any = module.get_submodule(paths[0])
        if _MODULATING.search(pattern):
            for count in _COUNTS:
                if linear.out_features in [count * width for width in widths]:
                    for part in range(count):
                        yield f"part {part + 1} of {count} of `{pattern}`", paths, count, part


def _on_part(
    count: int, part: int, act: Callable[[torch.Tensor, float], torch.Tensor], value: float
) -> Callable[[nn.Module, Any, Any], Any]:
    def change(_module: nn.Module, _given: Any, result: Any) -> Any:
        chunks = list(result.chunk(count, -1))
        chunks[part] = act(chunks[part], value)
        return torch.cat(chunks, -1)

    return change


def _scale_bias(factor: float) -> Callable[[nn.Module], None]:
    def act(each: nn.Module) -> None:
        bias: Any = each.bias
        bias.mul_(factor)

    return act


def _has_norm_weight(each: nn.Module) -> bool:
    return "norm" in type(each).__name__.lower() and isinstance(getattr(each, "weight", None), nn.Parameter)


def _add_to_weight(step: int) -> Callable[[nn.Module], None]:
    def act(each: nn.Module) -> None:
        weight: Any = each.weight
        weight.add_(step)

    return act


def _is_fused(each: nn.Module) -> bool:
    return any("qkv" in name and is_linear(child) for name, child in each.named_children())


def _exchange_fused(pair: tuple[int, int]) -> Callable[[nn.Module], None]:
    def act(parent: nn.Module) -> None:
        for name, child in parent.named_children():
            if "qkv" in name and is_linear(child):
                width: Any = getattr(parent, "inner_dim", None) or child.in_features
                for parameter in child.parameters():
                    one, two = (parameter[width * index : width * (index + 1)] for index in pair)
                    kept = one.clone()
                    one.copy_(two)
                    two.copy_(kept)

    return act
