"""Components by their kind: what a spec says of one, and what the folder of its kind declares.

The kind `rope` of the slot `position` is the folder `templates/components/position/rope/`. Its `component.yaml` says
what it is (`doc`) and which `parameters` a spec gives it, each with `type`, `doc` and, if it may be left out,
`default`. The types:
    name: a Python name; `names`: a list of them.
    expression: a formula over config entries, in a block over the arguments of its constructor.
    int, float, bool, text: a value.
    choice: one of `choices`; `order`: all entries of the default, in any order.
    records: a mapping of Python names to mappings, whose keys `fields` declares like parameters.
What the sizes have to satisfy, in every configuration that the spec names, stands under `requires`.
A new kind is a new folder; nothing else has to know of it.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any, Literal

import msgspec
from ruamel.yaml import YAML

from scaffold.errors import ScaffoldError
from scaffold.expressions import Expression


class Parameter(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One thing that a spec says about a component of a kind."""

    type: Literal["name", "names", "expression", "int", "float", "bool", "text", "choice", "order", "records"]
    doc: str
    default: Any = msgspec.UNSET
    choices: tuple[str, ...] = ()
    fields: dict[str, Parameter] = {}

    @property
    def required(self) -> bool:
        """Whether a spec has to say it."""
        return self.default is msgspec.UNSET

    def read(self, value: Any, prefixes: dict[str, str]) -> Any:
        """The value as templates see it, formulas with a prefix before each name that has one."""
        if self.type == "expression":
            return None if value is None else Expression(value).renamed(prefixes)
        if self.type == "records":
            return {name: Record(given, self.fields, prefixes) for name, given in value.items()}
        return value


class Requirement(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the sizes of a component have to satisfy: a formula over its parameters, and what to say where it fails.

    `message` may hold formulas in braces; `blames` is the parameter at which the fault shows.
    """

    formula: str
    message: str
    blames: str


class Declaration(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What `component.yaml` says about a kind."""

    doc: str
    parameters: dict[str, Parameter] = {}
    requires: tuple[Requirement, ...] = ()


class Record:
    """Named values with the defaults of their declarations filled in; the names are attributes."""

    def __init__(self, given: dict[str, Any], declared: dict[str, Parameter], prefixes: dict[str, str]):
        self._values = {
            name: parameter.read(given.get(name, None if parameter.required else parameter.default), prefixes)
            for name, parameter in declared.items()
        }

    def __getattr__(self, name: str) -> Any:
        values = self.__dict__.get("_values", {})
        if name in values:
            return values[name]
        raise AttributeError(f"{name!r} is not declared; there are: {', '.join(values)}")


class Part(Record):
    """One component as a spec gives it: its kind, and once it is bound to a slot, its parameters as attributes.

    Attributes:
        kind: the folder of its partials in the slot's folder.
        given: the parameters that the spec writes out.
        slot: what it is for; empty until it is bound.
    """

    def __init__(
        self,
        kind: str,
        given: dict[str, Any],
        slot: str = "",
        declared: dict[str, Parameter] | None = None,
        prefixes: dict[str, str] | None = None,
    ):
        super().__init__(given, declared or {}, prefixes or {})
        self.kind = kind
        self.given = given
        self.slot = slot

    @classmethod
    def from_yaml(cls, value: Any, key: str = "kind") -> Part:
        """Read a mapping with the key `kind`; a bare word is a kind that is given no parameters.

        Raises:
            TypeError: it is no mapping, or has no kind.
        """
        if isinstance(value, str):
            return cls(value, {})
        if not isinstance(value, dict) or not isinstance(value.get(key), str):
            raise TypeError(f"expected a mapping with the key `{key}`, which names a component")
        return cls(value[key], {name: each for name, each in value.items() if name != key})

    @property
    def folder(self) -> str:
        """The folder of its partials, relative to the templates."""
        return f"components/{self.slot}/{self.kind}"

    def bound(self, templates: Path, slot: str, prefixes: dict[str, str] | None = None) -> Part:
        """The same part with its parameters read and its defaults filled in; it has been checked.

        Args:
            templates: the tree that holds its kind.
            slot: what it is for.
            prefixes: what stands before a name in its formulas, such as `self.` before a derived attribute.
        """
        return Part(self.kind, self.given, slot, declaration_of(templates, slot, self.kind).parameters, prefixes)


def kinds_of(templates: Path, slot: str) -> tuple[str, ...]:
    """The kinds that a slot can take, sorted; none if there is no such slot."""
    return tuple(sorted(path.parent.name for path in (templates / "components" / slot).glob("*/component.yaml")))


def slots_of(templates: Path) -> tuple[str, ...]:
    """The slots that have kinds, sorted."""
    return tuple(sorted({path.parent.parent.name for path in (templates / "components").glob("*/*/component.yaml")}))


@cache
def declaration_of(templates: Path, slot: str, kind: str) -> Declaration:
    """What a kind declares.

    Raises:
        ScaffoldError: its `component.yaml` is broken.
    """
    path = templates / "components" / slot / kind / "component.yaml"
    try:
        return msgspec.convert(YAML(typ="safe", pure=True).load(path.read_text(encoding="utf-8")), Declaration)
    except msgspec.ValidationError as error:
        raise ScaffoldError(f"{path}: {error}") from None
