"""What a model class declares that it can do, and whether the wiring that each capability needs is there.

The rules know the wiring. A capability names its rules, and their findings at the model, and at what it is built of,
are what it lacks: the table and `linter check` cannot disagree.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import Enum
from pathlib import Path

from linter.facts import Span, Value
from linter.findings import Finding
from linter.project import Class, Function, Module
from linter.project.hook_tables import hook_tables
from linter.project.profiles import profile_of
from linter.project.single_file import single_file_table
from linter.rules import rules_by_code
from linter.rules.attention import BACKEND_ATTRIBUTES, is_attention
from linter.rules.model_classes import class_names, member_names
from linter.rules.model_classes.checkpoint_flag import branching_parts


Shown = bool | str | tuple[str, ...] | Mapping[str, tuple[str, ...]]
"""A declared value as a table can show it."""


class Status(str, Enum):
    """What is known of a capability, which is declared in the first three."""

    WIRED = "wired"
    """Its rules look at its wiring and find nothing."""
    BROKEN = "broken"
    """Its rules find something."""
    DECLARED = "declared"
    """No rule can tell more without running it."""
    MISSING = "missing"
    """A rule asks for it."""
    ABSENT = "absent"


@dataclass(frozen=True)
class Declaration:
    """A value and where it stands."""

    value: Shown
    module: Module
    span: Span

    def is_at(self, finding: Finding) -> bool:
        """Whether a finding is about the declaration itself."""
        return finding.path == str(self.module.path) and finding.span == self.span


@dataclass(frozen=True)
class Capability:
    """One thing that a model class can do.

    Attributes:
        name: The class attribute, the method or the argument of forward that controls it; the same name as in the
            `metadata()` of a folder that scaffold made.
        doc: What it is good for.
        declared: Where a class declares it, and as what.
        rules: The codes of the rules that know its wiring.
        is_seen: Whether those rules can tell from what there is to read.
    """

    name: str
    doc: str
    declared: Callable[[Class], Declaration | None]
    rules: tuple[str, ...] = ()
    is_seen: Callable[[Class], bool] = lambda cls: True


@dataclass(frozen=True)
class Row:
    """What one class declares of one capability, and what its wiring lacks."""

    capability: Capability
    declaration: Declaration | None
    status: Status
    findings: tuple[Finding, ...] = ()


def capability_rows(cls: Class, findings: Iterable[Finding]) -> tuple[Row, ...]:
    """The table of a model class, a row for each capability.

    Args:
        cls: The model.
        findings: What the rules of `capability_codes` find in the files of `grounds`. More does no harm.
    """
    declared = [(capability, capability.declared(cls)) for capability in CAPABILITIES]
    places = [declaration for _, declaration in declared if declaration is not None]
    lacking: dict[str, list[Finding]] = {}
    for finding in _concerning(cls, findings, places):
        lacking.setdefault(_responsible(finding, declared), []).append(finding)
    rows = []
    for capability, declaration in declared:
        found = tuple(lacking.get(capability.name, ()))
        if declaration is None:
            status = Status.MISSING if found else Status.ABSENT
        elif found:
            status = Status.BROKEN
        else:
            status = Status.WIRED if _is_judged(capability, cls) else Status.DECLARED
        rows.append(Row(capability, declaration, status, found))
    return tuple(rows)


def capability_codes() -> frozenset[str]:
    """The codes of all rules that know the wiring of some capability."""
    return frozenset(code for capability in CAPABILITIES for code in capability.rules)


def grounds(cls: Class) -> list[Path]:
    """The files where rules may find something about a model: its own, its parts', and the library's tables."""
    tables = hook_tables(cls.module), single_file_table(cls.module)
    homes = {table.module.path for table in tables if table is not None}
    return sorted(homes | {path for path, _ in _definitions(cls)})


def _is_judged(capability: Capability, cls: Class) -> bool:
    """Whether there are rules for a capability, which apply here and can tell."""
    rules = [rules_by_code()[code] for code in capability.rules]
    return bool(rules) and all(profile_of(cls.module) in rule.profiles for rule in rules) and capability.is_seen(cls)


def _concerning(cls: Class, findings: Iterable[Finding], places: Sequence[Declaration]) -> Iterator[Finding]:
    """The findings about a model, what it is built of, what it declares, and what library tables say of these."""
    definitions = _definitions(cls)
    codes = capability_codes()
    hooks, single_file = hook_tables(cls.module), single_file_table(cls.module)
    parts = cls.all_parts()
    registered = {
        item.metadata.span
        for item in (hooks.blocks if hooks else ())
        if item.metadata is not None and any(item.names(part) for part in parts)
    }
    for finding in findings:
        path = Path(finding.path)
        if finding.code in codes and (
            (path, finding.symbol) in definitions
            or any(place.is_at(finding) for place in places)
            or (hooks is not None and path == hooks.module.path and finding.span in registered)
            or (single_file is not None and path == single_file.module.path and finding.symbol == cls.name)
        ):
            yield finding


def _responsible(finding: Finding, declared: Sequence[tuple[Capability, Declaration | None]]) -> str:
    """The capability that a finding is about: of several that name its rule, the one that is declared where it
    stands, else the first.
    """
    knowing = [pair for pair in declared if finding.code in pair[0].rules]
    there = [pair for pair in knowing if pair[1] is not None and pair[1].is_at(finding)]
    return (there or knowing)[0][0].name


def _definitions(cls: Class) -> set[tuple[Path, str]]:
    """File and qualified name of a model, of the classes that it is built of, and of all functions that these run.

    A model that is a part of another has a table of its own.
    """
    found: set[tuple[Path, str]] = set()
    parts = [cls, *(part for part in cls.all_parts()[1:] if not part.is_model)]
    computing = [processor for part in parts for processor in _processors(part)]
    for part in dict.fromkeys([*parts, *computing]):
        found.add((part.module.path, part.qualname))
        for method in _methods(part):
            found.add((method.module.path, method.qualname))
            # What attention runs may lie in helpers, of which its rules speak.
            if method.name == ("__call__" if part in computing else "forward"):
                found |= {(function.module.path, function.qualname) for function in method.reached}
    return found


def _methods(cls: Class) -> Iterator[Function]:
    """The methods of a class, each as it is inherited."""
    names = {name for ancestor in cls.ancestors if isinstance(ancestor, Class) for name in ancestor.own_methods}
    for name in sorted(names):
        if (method := cls.method(name)) is not None:
            yield method


def _attention_layers(cls: Class) -> list[Class]:
    return [part for part in cls.all_parts() if is_attention(part)]


def _processors(layer: Class) -> list[Class]:
    """The processors that a layer names as available."""
    declaration = _nearest(layer, "_available_processors")
    items = declaration[1].items if declaration else ()
    found = [declaration[0].find(path) for path in items] if declaration else []
    return [processor for processor in found if isinstance(processor, Class)]


# How a class declares a capability


def _nearest(cls: Class, name: str) -> tuple[Module, Value, Span] | None:
    """A class attribute, its own or the nearest inherited one."""
    for ancestor in cls.ancestors:
        if isinstance(ancestor, Class) and name in ancestor.own_attributes:
            attribute = ancestor.own_attributes[name]
            return ancestor.module, attribute.value, attribute.span
    return None


def _attribute(name: str) -> Callable[[Class], Declaration | None]:
    """Declared by a class attribute that is neither empty nor false."""

    def declared(cls: Class) -> Declaration | None:
        found = _nearest(cls, name)
        value = _shown(found[1]) if found else False
        return Declaration(value, found[0], found[2]) if found and value else None

    return declared


def _base(name: str) -> Callable[[Class], Declaration | None]:
    """Declared by inheriting a mixin."""

    def declared(cls: Class) -> Declaration | None:
        for ancestor in cls.ancestors:
            if isinstance(ancestor, Class):
                for path, span in zip(ancestor.facts.bases, ancestor.facts.base_spans, strict=True):
                    if path.rpartition(".")[2] == name:
                        return Declaration(name, ancestor.module, span)
        return None

    return declared


def _method(name: str) -> Callable[[Class], Declaration | None]:
    """Declared by a method, shown as the class that brings it."""

    def declared(cls: Class) -> Declaration | None:
        method = cls.method(name)
        if method is None or method.cls is None:
            return None
        return Declaration(method.cls.name, method.module, method.facts.header)

    return declared


def _argument(name: str) -> Callable[[Class], Declaration | None]:
    """Declared by an argument of forward."""

    def declared(cls: Class) -> Declaration | None:
        forward = cls.method("forward")
        for parameter in forward.facts.parameters if forward else ():
            if parameter.name == name and forward is not None:
                return Declaration(True, forward.module, parameter.span)
        return None

    return declared


def _group_offloading(cls: Class) -> Declaration | None:
    """Every model can that does not say otherwise: `ModelMixin`, which may be of another library, says so."""
    said = _nearest(cls, "_supports_group_offloading")
    return _attribute("_supports_group_offloading")(cls) if said else _as(True, _base("ModelMixin")(cls))


def _single_file(cls: Class) -> Declaration | None:
    return _base("FromOriginalModelMixin")(cls) or _method("from_single_file")(cls)


def _available_processors(cls: Class) -> Declaration | None:
    """The processors of each attention layer, the default first where it is declared so."""
    layers = {layer: _attribute("_available_processors")(layer) for layer in _attention_layers(cls)}
    declared = {layer.name: item for layer, item in layers.items() if item is not None}
    value = {name: item.value for name, item in declared.items() if isinstance(item.value, tuple)}
    return _as(value, next(iter(declared.values()), None)) if value else None


def _attention_backend(cls: Class) -> Declaration | None:
    """Declared by the first processor that can be told which kernel to use."""
    for processor in (processor for layer in _attention_layers(cls) for processor in _processors(layer)):
        if (found := _nearest(processor, BACKEND_ATTRIBUTES[0])) is not None:
            return Declaration(True, found[0], found[2])
    return None


def _qkv_fusion(cls: Class) -> Declaration | None:
    """The attention layers that can be fused, where the model can fuse them; else a method of its own that does."""
    layers = [layer for layer in _attention_layers(cls) if not _says_no(layer, "_supports_qkv_fusion")]
    if layers:
        return _as(tuple(layer.name for layer in layers), _base("AttentionMixin")(cls))
    own = _method("fuse_qkv_projections")(cls)
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


def _has_hook_tables(cls: Class) -> bool:
    tables = hook_tables(cls.module)
    return tables is not None and bool(tables.blocks)


def _builds_what_is_named(attribute: str) -> Callable[[Class], bool]:
    """Whether all classes that an attribute names are seen to be built: one held in a variable may be built too."""

    def seen(cls: Class) -> bool:
        value = cls.attribute(attribute)
        return value is not None and value.complete and set(value.strings) <= class_names(cls)

    return seen


def _has_known_members(cls: Class) -> bool:
    return member_names(cls) is not None


CAPABILITIES = (
    Capability(
        "_supports_gradient_checkpointing",
        "Training keeps one activation a block and computes the rest again: enable_gradient_checkpointing().",
        _attribute("_supports_gradient_checkpointing"),
        ("MOD007", "FWD014"),
        lambda cls: bool(branching_parts(cls)),
    ),
    Capability(
        "_supports_group_offloading",
        "Groups of layers wait in CPU memory until they run: enable_group_offload().",
        _group_offloading,
    ),
    Capability(
        "_group_offload_block_modules",
        "Parts whose layers are offloaded block by block, besides module lists.",
        _attribute("_group_offload_block_modules"),
    ),
    Capability(
        "_no_split_modules",
        "Blocks that a device map keeps on one device.",
        _attribute("_no_split_modules"),
        ("MOD004",),
        _builds_what_is_named("_no_split_modules"),
    ),
    Capability(
        "_skip_layerwise_casting_patterns",
        "Layers that stay in full precision when the others are stored in eight bits: enable_layerwise_casting().",
        _attribute("_skip_layerwise_casting_patterns"),
        ("MOD006",),
        _has_known_members,
    ),
    Capability(
        "_keep_in_fp32_modules",
        "Layers that stay in float32 when the model is loaded in half precision.",
        _attribute("_keep_in_fp32_modules"),
        ("MOD006",),
        _has_known_members,
    ),
    Capability(
        "_repeated_blocks",
        "Blocks that are compiled once and reused: compile_repeated_blocks().",
        _attribute("_repeated_blocks"),
        ("MOD005",),
        _builds_what_is_named("_repeated_blocks"),
    ),
    Capability(
        "_skip_keys",
        "Arguments of forward that offloading hooks do not move.",
        _attribute("_skip_keys"),
        ("MOD009",),
    ),
    Capability(
        "_cp_plan",
        "Where the token sequence is split over devices and gathered again: enable_parallelism().",
        _attribute("_cp_plan"),
    ),
    Capability(
        "_tp_plan",
        "Which layers are cut over devices, and how: enable_parallelism().",
        _attribute("_tp_plan"),
    ),
    Capability(
        "from_single_file",
        "Original checkpoints load without being converted first: from_single_file().",
        _single_file,
        ("REG017",),
        lambda cls: single_file_table(cls.module) is not None,
    ),
    Capability(
        "_weight_mapping",
        "Published configurations whose original checkpoints load: from_single_file().",
        _attribute("_weight_mapping"),
    ),
    Capability(
        "load_lora_adapter",
        "LoRA layers are added to the model itself: load_lora_adapter().",
        _base("PeftAdapterMixin"),
        ("MOD015",),
    ),
    Capability("_lora", "LoRA file formats that load: load_lora_adapter().", _attribute("_lora")),
    Capability(
        "_load_ip_adapter_weights",
        "Image prompts: the pipeline's load_ip_adapter() puts the adapter's layers into the model.",
        _method("_load_ip_adapter_weights"),
        ("MOD016",),
    ),
    Capability(
        "enable_cache",
        "Caches that skip blocks when the first one hardly changes: enable_cache().",
        _base("CacheMixin"),
        ("REG013", "REG014", "REG016"),
        _has_hook_tables,
    ),
    Capability(
        "_available_processors",
        "Attention processors, the default first: set_attn_processor().",
        _available_processors,
        ("ATT003", "ATT006", "ATT014"),
    ),
    Capability(
        "set_attention_backend",
        "The kernel is chosen at run time, for every processor.",
        _attention_backend,
        ("ATT001", "ATT004", "ATT005", "ATT007"),
    ),
    Capability(
        "fuse_qkv_projections",
        "Attention classes whose three projections can be fused into one.",
        _qkv_fusion,
        ("ATT002", "ATT016"),
    ),
    Capability(
        "kv_cache_mode",
        "Reference images are computed at the first denoising step and cached for the others.",
        _argument("kv_cache_mode"),
    ),
)
