"""Components by their kind: what a spec says of one, and what the folder of its kind declares.

The kind `rope` of the slot `position` is the folder `templates/components/position/rope/`. Its `component.yaml` says
what it is (`doc`) and which `parameters` a spec gives it, each with `type`, `doc` and, if it may be left out,
`default`. The types:
    name: a Python name; `names`: a list of them.
    path: names with dots between them.
    expression: a formula over config entries, in a block over the arguments of its constructor;
        `expressions`: a mapping of Python names to formulas.
    int, float, bool, text: a value; `ints`: a list of whole numbers.
    choice: one of `choices`; `order`: all entries of the default, in any order.
    records: a mapping of Python names to mappings, whose keys `fields` declares like parameters.
`needs` names folders of `templates/components/` whose `classes.py.j2` has to stand in the module before this one's.
What the sizes have to satisfy, in every configuration that the spec names, stands under `requires`.
A part of a pipeline declares besides what it brings to the pipeline's class: see `Declaration`.
A new kind is a new folder; nothing else has to know of it.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Literal

import msgspec
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from scaffold.errors import ScaffoldError
from scaffold.expressions import Expression


class Parameter(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One thing that a spec says about a component of a kind."""

    type: Literal[
        "name",
        "names",
        "path",
        "expression",
        "expressions",
        "int",
        "ints",
        "float",
        "bool",
        "text",
        "choice",
        "order",
        "records",
    ]
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
        if self.type == "expressions":
            return {name: Expression(each).renamed(prefixes) for name, each in value.items()}
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


class Module(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename={"type": "class"}):
    """One of a pipeline's own components; one that is `optional` may be missing, and the pipeline works on."""

    type: str
    doc: str
    optional: bool = False

    @property
    def is_encoder(self) -> bool:
        """Whether it is a model, and neither a tokenizer nor a processor of pictures."""
        return not any(name in self.type for name in ("Tokenizer", "Processor"))


class Setting(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An argument of a pipeline's constructor that its config keeps."""

    type: str
    doc: str
    default: Any


class CallParameter(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An argument of a pipeline's `__call__`.

    Attributes:
        type: its annotation, without the `None` that a default of `None` adds.
        doc: what it is, in a sentence.
        role: `text` for a prompt, `embedding` for what may stand for prompts, `option` for what `encode_prompt` takes
            besides, `picture` for what it takes of a picture that the prompt is read with; guidance that leads away
            from a negative prompt adds the first two for it.
        checked: whether `check_inputs` reads it.
        required: whether embeddings are given without it; only what has the role `embedding` may be left out.
        optional: whether a pipeline may do without this argument.
        negative: what `encode_prompt` gets in its place for the negative prompt, as Python.
        constant: a name of the module that stands for the default, where that is long.
    """

    type: str
    doc: str
    role: Literal["text", "embedding", "option", "picture", "value"] = "value"
    checked: bool = False
    required: bool = True
    optional: bool = False
    negative: str | None = None
    constant: str | None = None

    def negated(self, name: str) -> CallParameter:
        """The same for the negative prompt, where the argument is called `name`."""
        doc = f"`{name}` for the negative prompt."
        if name == "prompt":
            doc = "what not to show, one for all prompts or one for each."
        elif name == "prompt_embeds":
            doc = "`prompt_embeds` for the negative prompt, in place of `negative_prompt`."
        return msgspec.structs.replace(self, doc=doc)


class Offer(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A name that a part of a pipeline sets in `__call__`, for other parts to read: its type, and what it is."""

    type: str
    doc: str


class Declaration(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What `component.yaml` says about a kind.

    Attributes:
        modules: of a part of a pipeline, the arguments of the constructor that it brings; of a transformer, further
            ones of its class.
        settings: of a part of a pipeline, such arguments that its config keeps.
        call: the arguments of `__call__` that it brings.
        offers: names that it sets in `__call__`, which the transformer's arguments may read.
        keeps: such names that it reads itself once the latents are denoised, or the schedule reads.
        computes: such names that it sets where the transformer is called.
        reads: names of `__call__` that it reads where the transformer is called.
        negative: whether it leads away from a negative prompt.
        guider: of such guidance, the config of its blocks' guider, diffusers' `ClassifierFreeGuidance`: each entry
            with the argument of `__call__` whose default it has, or `true`.
        summary: what the method that it brings does, in a sentence.
        returns: what this method returns.
        tokens: how many tokens the transformer sees, as Python in `__call__`.
    """

    doc: str
    needs: tuple[str, ...] = ()
    parameters: dict[str, Parameter] = {}
    requires: tuple[Requirement, ...] = ()
    modules: dict[str, Module] = {}
    settings: dict[str, Setting] = {}
    call: dict[str, CallParameter] = {}
    offers: dict[str, Offer] = {}
    keeps: dict[str, Offer] = {}
    computes: tuple[str, ...] = ()
    reads: tuple[str, ...] = ()
    negative: bool = False
    guider: dict[str, str | bool] = {}
    summary: str = ""
    returns: str = ""
    tokens: str = ""

    def named(self, role: str) -> tuple[str, ...]:
        """The arguments of `__call__` that have a role, in order."""
        return tuple(name for name, parameter in self.call.items() if parameter.role == role)


@dataclass(frozen=True)
class Library:
    """Where components lie: the templates, and before them a folder of a spec's own, if it has one.

    Attributes:
        templates: the tree of templates.
        custom: a folder laid out as `components/` of that tree; its kinds hide those of the same name.
    """

    templates: Path
    custom: Path | None = None

    @property
    def folders(self) -> tuple[Path, ...]:
        """The folders of slots, the first in which a kind lies being its home."""
        own = (self.custom,) if self.custom else ()
        return (*own, self.templates / "components")

    def slots(self) -> tuple[str, ...]:
        """The slots that have kinds, sorted."""
        found = {path.parent.parent.name for folder in self.folders for path in folder.glob("*/*/component.yaml")}
        return tuple(sorted(found))

    def kinds(self, slot: str) -> tuple[str, ...]:
        """The kinds that a slot can take, sorted; none if there is no such slot."""
        found = {path.parent.name for folder in self.folders for path in (folder / slot).glob("*/component.yaml")}
        return tuple(sorted(found))

    def layouts(self) -> tuple[str, ...]:
        """The shells of models, sorted."""
        return tuple(sorted(path.name.partition(".")[0] for path in (self.templates / "layouts").glob("*.py.j2")))

    def declaration(self, slot: str, kind: str) -> Declaration:
        """What a kind declares.

        Raises:
            ScaffoldError: its `component.yaml` is broken.
        """
        paths = (folder / slot / kind / "component.yaml" for folder in self.folders)
        return _read_declaration(next(path for path in paths if path.is_file()))


@cache
def _read_declaration(path: Path) -> Declaration:
    try:
        return msgspec.convert(YAML(typ="safe", pure=True).load(path.read_text(encoding="utf-8")), Declaration)
    except (msgspec.ValidationError, YAMLError, UnicodeDecodeError) as error:
        raise ScaffoldError(f"{path}: {' '.join(str(error).split())}") from None


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
        declaration: what its kind declares; `None` until it is bound.
    """

    def __init__(
        self,
        kind: str,
        given: dict[str, Any],
        slot: str = "",
        declared: Declaration | None = None,
        prefixes: dict[str, str] | None = None,
    ):
        super().__init__(given, declared.parameters if declared else {}, prefixes or {})
        self.declaration = declared
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
    def needs(self) -> tuple[str, ...]:
        """The folders of classes or functions that its own are written with."""
        return self.declaration.needs if self.declaration else ()

    @property
    def folder(self) -> str:
        """The folder of its partials, relative to the templates."""
        return f"components/{self.slot}/{self.kind}"

    def bound(self, library: Library, slot: str, prefixes: dict[str, str] | None = None) -> Part:
        """The same part with its parameters read and its defaults filled in; it has been checked.

        Args:
            library: where its kind lies.
            slot: what it is for.
            prefixes: what stands before a name in its formulas, such as `self.` before a derived attribute.
        """
        return Part(self.kind, self.given, slot, library.declaration(slot, self.kind), prefixes)
