"""The spec language as a JSON Schema, with which editors complete and check a spec while it is written."""

from __future__ import annotations

from typing import Any

import msgspec

from scaffold.parts import Declaration, Library, Parameter, Part
from scaffold.spec import Spec
from scaffold.spec.blocks import Step
from scaffold.spec.pipelines import FIRST_FRAME, SLOTS


# Slots whose components stand inside of stages; all others stand around them.
_INSIDE = ("norm", "stream_modulation", "sublayer")
_SIMPLE: dict[str, dict[str, Any]] = {
    "name": {"type": "string", "pattern": r"^[A-Za-z_]\w*$"},
    "names": {"type": "array", "items": {"type": "string", "pattern": r"^[A-Za-z_]\w*$"}},
    "path": {"type": "string", "pattern": r"^[A-Za-z_][\w.]*$"},
    "expressions": {"type": "object"},
    "expression": {"type": ["string", "integer", "number", "boolean", "array"]},
    "int": {"type": "integer"},
    "ints": {"type": "array", "items": {"type": "integer"}},
    "float": {"type": "number"},
    "bool": {"type": "boolean"},
    "text": {"type": "string"},
}


def spec_schema(library: Library) -> dict[str, Any]:
    """The schema, with every component that the templates have.

    Args:
        library: the components that a spec may use.
    """
    schema = msgspec.json.schema(Spec, schema_hook=_of_python_type)
    definitions = schema["$defs"]
    around = {slot: _one_of(library, slot) for slot in library.slots() if slot not in (*_INSIDE, *SLOTS, FIRST_FRAME)}
    definitions["Spec"]["properties"]["components"] = {
        "type": "object",
        "properties": around,
        "required": ["head"],
        "additionalProperties": False,
    }
    definitions["Spec"]["properties"]["layout"] = {"enum": list(library.layouts())}
    definitions["Stream"]["properties"]["modulation"] = _one_of(library, "stream_modulation")
    for slot in SLOTS:
        optional = [{"type": "null"}] if slot == "references" else []
        definitions["Pipeline"]["properties"][slot] = {"anyOf": [_one_of(library, slot), *optional]}
    definitions["ImageToImage"]["properties"]["transformer"] = {
        "anyOf": [_one_of(library, "transformer"), {"type": "null"}]
    }
    for slot in ("guidance", "schedule", "transformer"):
        definitions["Distilled"]["properties"][slot] = _one_of(library, slot)
    for slot in ("transformer", FIRST_FRAME):
        definitions["ImageToVideo"]["properties"][slot] = _one_of(library, slot)
    definitions["ImageToVideo"]["properties"]["prompt"] = {"anyOf": [_one_of(library, "prompt"), {"type": "null"}]}
    norms = {"type": "object", "additionalProperties": {"anyOf": [_one_of(library, "norm"), {"type": "null"}]}}
    own = {
        "name": {"type": "string"},
        "modulated": {"type": "boolean"},
        "when": {"type": "string"},
        "norms": norms,
        "norms_after": {"type": "object", "additionalProperties": _one_of(library, "norm")},
    }
    definitions["Stage"]["properties"]["program"]["items"] = _one_of(library, "sublayer", "op", own)
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": "An architecture", **schema}


def _of_python_type(kind: type) -> dict[str, Any]:
    """What stands for components until their places are known."""
    if issubclass(kind, (Part, Step)):
        return {"type": "object"}
    raise NotImplementedError


def _one_of(library: Library, slot: str, key: str = "kind", own: dict[str, Any] | None = None) -> dict[str, Any]:
    """A mapping whose `key` names one of the slot's kinds, and which holds what that kind declares."""
    return {"oneOf": [_of_kind(kind, library.declaration(slot, kind), key, own or {}) for kind in library.kinds(slot)]}


def _of_kind(kind: str, declared: Declaration, key: str, own: dict[str, Any]) -> dict[str, Any]:
    required = [key, *(name for name in own if name not in ("modulated", "when", "norms_after"))]
    return {
        "type": "object",
        "description": declared.doc,
        "properties": {
            key: {"const": kind},
            **own,
            **{name: _of_parameter(parameter) for name, parameter in declared.parameters.items()},
        },
        "required": required + [name for name, parameter in declared.parameters.items() if parameter.required],
        "additionalProperties": False,
    }


def _of_parameter(parameter: Parameter) -> dict[str, Any]:
    schema: dict[str, Any] = {"description": parameter.doc}
    if parameter.type == "choice":
        schema["enum"] = list(parameter.choices)
    elif parameter.type == "order":
        schema |= {"type": "array", "items": {"enum": list(parameter.default)}, "uniqueItems": True}
    elif parameter.type == "records":
        fields = parameter.fields
        schema |= {
            "type": "object",
            "additionalProperties": {
                "type": "object",
                "properties": {name: _of_parameter(field) for name, field in fields.items()},
                "required": [name for name, field in fields.items() if field.required],
                "additionalProperties": False,
            },
        }
    else:
        schema |= _SIMPLE[parameter.type]
    if not parameter.required:
        schema["default"] = parameter.default
        if parameter.default is None and "type" in schema:
            kinds = schema["type"] if isinstance(schema["type"], list) else [schema["type"]]
            schema["type"] = [*kinds, "null"]
    return schema
