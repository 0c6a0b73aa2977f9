"""Whether the values of config entries, in each configuration of a spec, are what types and components want."""

from __future__ import annotations

import keyword
import re
from collections.abc import Iterator
from typing import Any

from scaffold.expressions import evaluate
from scaffold.parts import Declaration, Part
from scaffold.spec import Spec
from scaffold.validation.problem import Problem, formula_problems


_TYPES = {
    "int": (int,),
    "float": (float, int),
    "bool": (bool,),
    "bool | None": (bool, type(None)),
    "str": (str,),
    "int | None": (int, type(None)),
    "str | None": (str, type(None)),
    "tuple[int, ...]": (list,),
    # Where the list itself is the default, as it is in diffusers' class.
    "Sequence[int]": (list,),
}


def entries(spec: Spec) -> Iterator[Problem]:
    """Entries of the constructor whose name, type or default is none."""
    for key, entry in spec.config.items():
        place = ("config", key)
        if not key.isidentifier() or keyword.iskeyword(key):
            yield Problem(place, f"{key!r} is not a Python name", on_key=True)
        if entry.type not in _TYPES:
            yield Problem((*place, "type"), f"{entry.type!r} is none of {', '.join(_TYPES)}")
        elif not _is_of_type(entry.default, entry.type):
            yield Problem((*place, "default"), f"expected {entry.type}, got {entry.default!r}")


def _is_of_type(value: object, kind: str) -> bool:
    # YAML's `true` is an int to Python, and never what a size means.
    if isinstance(value, bool):
        return bool in _TYPES[kind]
    return isinstance(value, _TYPES[kind])


def derived(spec: Spec) -> Iterator[Problem]:
    """Derived attributes that read what is not there yet."""
    known = set(spec.config)
    for name, formula in spec.derived.items():
        if not name.isidentifier() or keyword.iskeyword(name):
            yield Problem(("derived", name), f"{name!r} is not a Python name", on_key=True)
        yield from formula_problems(formula, ("derived", name), known)
        known.add(name)


def published(spec: Spec) -> Iterator[Problem]:
    """Values of the published configurations and of the tiny one that no entry takes."""
    for place, config in _configurations(spec).items():
        for key, value in config.items():
            if key not in spec.config:
                reason = f"{key!r} is not an entry of `config`"
                yield Problem((*place, key), reason, key, tuple(spec.config), on_key=True)
            elif not _is_of_type(value, spec.config[key].type):
                yield Problem((*place, key), f"expected {spec.config[key].type}, got {value!r}")


def tiny(spec: Spec) -> Iterator[Problem]:
    """Sizes that the pipeline's other tiny components are made to fit."""
    # Text has a component of its own, or is embedded beside the time.
    wanted = (("image", "channels"), ("text", "channels"), ("time", "text")) if spec.pipeline else ()
    for slot, parameter in wanted:
        if slot not in spec.components or parameter not in spec.components[slot].given:
            continue
        key = str(spec.components[slot].given[parameter])
        if key not in spec.tiny.config:
            yield Problem(("tiny", "config"), f"{key!r} is missing; the other tiny components are made to fit it")


def unmet_requirements(
    spec: Spec, part: Part, declared: Declaration, place: tuple[str | int, ...]
) -> Iterator[Problem]:
    """Formulas of a component that do not hold in one of the configurations that the spec names."""
    if place[0] == "stages":
        return
    for changes_at, changes in {(): {}, **_configurations(spec)}.items():
        values = _evaluated(spec, changes)
        if values is None:
            continue
        for requirement in declared.requires:
            try:
                own = {
                    name: evaluate(str(part.given.get(name, parameter.default)), values)
                    for name, parameter in declared.parameters.items()
                    if parameter.type == "expression"
                }
                holds = evaluate(requirement.formula, own)
            except (ArithmeticError, TypeError, LookupError, ValueError, NameError, SyntaxError):
                # What is wrong with these values is said where they stand.
                continue
            if holds:
                continue
            blamed = str(part.given[requirement.blames])
            at = ("config", blamed, "default") if not changes_at else (*changes_at, blamed)
            at = at if not changes_at or blamed in changes else changes_at
            yield Problem(at if blamed in spec.config else place, _filled_in(requirement.message, own))


def _filled_in(message: str, values: dict[str, Any]) -> str:
    return re.sub(r"\{(.*?)\}", lambda formula: str(evaluate(formula.group(1), values)), message)


def _evaluated(spec: Spec, changes: dict[str, Any]) -> dict[str, Any] | None:
    """The values of config entries and derived attributes in one configuration; `None` where they cannot be had."""
    values = {key: entry.default for key, entry in spec.config.items()} | changes
    try:
        for name, formula in spec.derived.items():
            values[name] = evaluate(formula, values)
    except (ArithmeticError, TypeError, LookupError, ValueError):
        return None
    return values


def _configurations(spec: Spec) -> dict[tuple[str, ...], dict[str, Any]]:
    """The places that give the config other values, with these values."""
    places: dict[tuple[str, ...], dict[str, Any]] = {("tiny", "config"): spec.tiny.config}
    for name, published in spec.published.items():
        places["published", name, "config"] = published.config
    return places
