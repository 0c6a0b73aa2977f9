"""How a class declares what it can do: by an attribute, a mixin, a method, an argument, or the layers it builds."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from linter.facts import Span, Value
from linter.findings import Finding
from linter.project import Class, Module
from linter.rules.attention import BACKEND_ATTRIBUTES, is_attention


Shown = bool | str | tuple[str, ...] | Mapping[str, tuple[str, ...]]
"""A declared value as a table can show it."""


@dataclass(frozen=True)
class Declaration:
    """A value and where it stands; `handler` is the file that a handler object, named as the value, comes from."""

    value: Shown
    module: Module
    span: Span
    handler: Module | None = None

    def is_at(self, finding: Finding) -> bool:
        """Whether a finding stands in the declaration, or in its handler's file."""
        if self.handler is not None and finding.path == str(self.handler.path):
            return True
        first, last = (finding.span.line, finding.span.column), (finding.span.end_line, finding.span.end_column)
        begin, end = (self.span.line, self.span.column), (self.span.end_line, self.span.end_column)
        return finding.path == str(self.module.path) and begin <= first and last <= end


def _nearest(cls: Class, name: str) -> tuple[Module, Value, Span] | None:
    """A class attribute, its own or the nearest inherited one."""
    for ancestor in cls.ancestors:
        if isinstance(ancestor, Class) and name in ancestor.own_attributes:
            own = ancestor.own_attributes[name]
            return ancestor.module, own.value, own.span
    return None


def attribute(name: str) -> Callable[[Class], Declaration | None]:
    """Declared by a class attribute that is neither empty nor false."""

    def declared(cls: Class) -> Declaration | None:
        found = _nearest(cls, name)
        value = _shown(found[1]) if found else False
        return Declaration(value, found[0], found[2]) if found and value else None

    return declared


def shared_layers(cls: Class) -> Declaration | None:
    """Declared by `_tp_plan`: the parts of a block whose layers are cut, by the list that the block is in."""
    found = attribute("_tp_plan")(cls)
    if found is None or not isinstance(found.value, tuple):
        return found
    parts: dict[str, dict[str, None]] = {}
    for name in found.value:
        blocks, _, layer = name.partition(".*.")
        parts.setdefault(blocks, {})[layer.partition(".")[0]] = None
    return replace(found, value={blocks: tuple(names) for blocks, names in parts.items()})


def handler(name: str) -> Callable[[Class], Declaration | None]:
    """Declared by a class attribute that holds an object which does the work."""

    def declared(cls: Class) -> Declaration | None:
        found = attribute(name)(cls)
        if found is None or not isinstance(found.value, str):
            return found
        target = found.module.resolve(found.value)
        return replace(found, handler=found.module.project.module(target.rpartition(".")[0], found.module.root))

    return declared


def base(name: str) -> Callable[[Class], Declaration | None]:
    """Declared by inheriting a mixin."""

    def declared(cls: Class) -> Declaration | None:
        for ancestor in cls.ancestors:
            if isinstance(ancestor, Class):
                for path, span in zip(ancestor.facts.bases, ancestor.facts.base_spans, strict=True):
                    if path.rpartition(".")[2] == name:
                        return Declaration(name, ancestor.module, span)
        return None

    return declared


def method_of(name: str) -> Callable[[Class], Declaration | None]:
    """Declared by a method, shown as the class that brings it."""

    def declared(cls: Class) -> Declaration | None:
        method = cls.method(name)
        if method is None or method.cls is None:
            return None
        return Declaration(method.cls.name, method.module, method.facts.header)

    return declared


def argument(name: str) -> Callable[[Class], Declaration | None]:
    """Declared by an argument of forward."""

    def declared(cls: Class) -> Declaration | None:
        forward = cls.method("forward")
        for parameter in forward.facts.parameters if forward else ():
            if parameter.name == name and forward is not None:
                return Declaration(True, forward.module, parameter.span)
        return None

    return declared


def group_offloading(cls: Class) -> Declaration | None:
    """Every model can that does not say otherwise: `ModelMixin`, which may be of another library, says so."""
    said = _nearest(cls, "_supports_group_offloading")
    return attribute("_supports_group_offloading")(cls) if said else _as(True, base("ModelMixin")(cls))


def single_file(cls: Class) -> Declaration | None:
    """Declared by the library's mixin, or by a method of the model's own."""
    return base("FromOriginalModelMixin")(cls) or method_of("from_single_file")(cls)


def available_processors(cls: Class) -> Declaration | None:
    """The processors of each attention layer, the default first where it is declared so."""
    layers = {layer: attribute("_available_processors")(layer) for layer in attention_layers(cls)}
    declared = {layer.name: item for layer, item in layers.items() if item is not None}
    value = {name: item.value for name, item in declared.items() if isinstance(item.value, tuple)}
    return _as(value, next(iter(declared.values()), None)) if value else None


def attention_backend(cls: Class) -> Declaration | None:
    """The attention layers all of whose processors can be told which kernel to use; else a processor that can."""
    told = [
        layer
        for layer in attention_layers(cls)
        if all(_nearest(processor, BACKEND_ATTRIBUTES[0]) is not None for processor in processors_of(layer))
    ]
    available = [processor for layer in attention_layers(cls) for processor in processors_of(layer)]
    for processor in (*available, *(part for part in cls.all_parts() if part.is_processor)):
        if (found := _nearest(processor, BACKEND_ATTRIBUTES[0])) is not None:
            return Declaration(tuple(layer.name for layer in told) or True, found[0], found[2])
    return None


def qkv_fusion(cls: Class) -> Declaration | None:
    """The attention layers that can be fused, where the model can fuse them; else a method of its own that does."""
    layers = [layer for layer in attention_layers(cls) if not _says_no(layer, "_supports_qkv_fusion")]
    if layers:
        return _as(tuple(layer.name for layer in layers), base("AttentionMixin")(cls))
    own = method_of("fuse_qkv_projections")(cls)
    return own if own is not None and own.value != "AttentionMixin" else None


def _says_no(cls: Class, name: str) -> bool:
    value = cls.attribute(name)
    return value is not None and value.text == "False"


def _as(value: Shown, declaration: Declaration | None) -> Declaration | None:
    return replace(declaration, value=value) if declaration is not None else None


def _shown(value: Value) -> Shown:
    """A value as it is written; a false one is a capability that is not declared."""
    if value.kind == "bool":
        return value.text == "True"
    if value.kind in ("sequence", "dict"):
        items = tuple(item[1:-1] if item[:1] in "'\"" else item for item in value.items)
        # A plan's empty name means the model itself.
        return tuple(item or "forward" for item in items)
    return "" if value.kind == "none" else value.text.strip("'\"")


def attention_layers(cls: Class) -> list[Class]:
    """The attention layers of the current design that a model is built of."""
    return [part for part in cls.all_parts() if is_attention(part)]


def processors_of(layer: Class) -> list[Class]:
    """The processors that a layer names as available."""
    declaration = _nearest(layer, "_available_processors")
    items = declaration[1].items if declaration else ()
    found = [declaration[0].find(path) for path in items] if declaration else []
    return [processor for processor in found if isinstance(processor, Class)]
