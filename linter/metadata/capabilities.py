"""The capabilities that a table shows: how each is declared, and which rules know its wiring."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from linter.metadata.declarations import (
    Declaration,
    argument,
    attention_backend,
    attribute,
    available_processors,
    base,
    group_offloading,
    handler,
    method_of,
    qkv_fusion,
    shared_layers,
    single_file,
)
from linter.project import Class
from linter.project.hook_tables import hook_tables
from linter.project.parallel_plans import PLAN, plan_of
from linter.project.single_file import single_file_table
from linter.rules.model_classes import class_names, member_names
from linter.rules.model_classes.checkpoint_flag import branching_parts


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


def _has_hook_tables(cls: Class) -> bool:
    tables = hook_tables(cls.module)
    return tables is not None and bool(tables.blocks)


def _has_readable_plan(cls: Class) -> bool:
    return any(
        plan_of(owner.module, owner.own_attributes[PLAN])
        for owner in cls.ancestors
        if isinstance(owner, Class) and PLAN in owner.own_attributes
    )


def _has_handler(name: str) -> Callable[[Class], bool]:
    def seen(cls: Class) -> bool:
        declared = handler(name)(cls)
        return declared is not None and declared.handler is not None

    return seen


def _builds_what_is_named(names: str) -> Callable[[Class], bool]:
    """Whether all classes that an attribute names are seen to be built: one held in a variable may be built too."""

    def seen(cls: Class) -> bool:
        value = cls.attribute(names)
        return value is not None and value.complete and set(value.strings) <= class_names(cls)

    return seen


def _has_known_members(cls: Class) -> bool:
    return member_names(cls) is not None


CAPABILITIES = (
    Capability(
        "_supports_gradient_checkpointing",
        "Training keeps one activation a block and computes the rest again: enable_gradient_checkpointing().",
        attribute("_supports_gradient_checkpointing"),
        ("MOD007", "FWD014", "MOD019"),
        lambda cls: bool(branching_parts(cls)),
    ),
    Capability(
        "_supports_group_offloading",
        "Groups of layers wait in CPU memory until they run: enable_group_offload().",
        group_offloading,
        ("MOD019",),
    ),
    Capability(
        "_group_offload_block_modules",
        "Parts whose layers are offloaded block by block, besides module lists.",
        attribute("_group_offload_block_modules"),
    ),
    Capability(
        "_no_split_modules",
        "Blocks that a device map keeps on one device.",
        attribute("_no_split_modules"),
        ("MOD004", "MOD019"),
        _builds_what_is_named("_no_split_modules"),
    ),
    Capability(
        "_skip_layerwise_casting_patterns",
        "Layers that stay in full precision when the others are stored in eight bits: enable_layerwise_casting().",
        attribute("_skip_layerwise_casting_patterns"),
        ("MOD006", "MOD019"),
        _has_known_members,
    ),
    Capability(
        "_keep_in_fp32_modules",
        "Layers that stay in float32 when the model is loaded in half precision.",
        attribute("_keep_in_fp32_modules"),
        ("MOD006", "MOD019"),
        _has_known_members,
    ),
    Capability(
        "_repeated_blocks",
        "Blocks that are compiled once and reused: compile_repeated_blocks().",
        attribute("_repeated_blocks"),
        ("MOD005", "MOD019"),
        _builds_what_is_named("_repeated_blocks"),
    ),
    Capability(
        "_skip_keys",
        "Arguments of forward that offloading hooks do not move.",
        attribute("_skip_keys"),
        ("MOD009", "MOD019"),
    ),
    Capability(
        "_cp_plan",
        "Where the token sequence is split over devices and gathered again: enable_parallelism().",
        attribute("_cp_plan"),
        ("MOD008", "MOD019"),
        _has_readable_plan,
    ),
    Capability(
        "_tp_plan",
        "Which layers are cut over devices, and how: enable_parallelism().",
        shared_layers,
        ("MOD019",),
        # No rule follows the layers that it names.
        lambda cls: False,
    ),
    Capability(
        "from_single_file",
        "Original checkpoints load without being converted first: from_single_file().",
        single_file,
        ("REG017",),
        lambda cls: single_file_table(cls.module) is not None,
    ),
    Capability(
        "_weight_mapping",
        "Published configurations whose original checkpoints load: from_single_file().",
        handler("_weight_mapping"),
        ("WGT001", "WGT003"),
        _has_handler("_weight_mapping"),
    ),
    Capability(
        "load_lora_adapter",
        "LoRA layers are added to the model itself: load_lora_adapter().",
        base("PeftAdapterMixin"),
        ("MOD015",),
    ),
    Capability(
        "_lora",
        "LoRA file formats that load: load_lora_adapter().",
        handler("_lora"),
        ("WGT001", "WGT002", "WGT003"),
        _has_handler("_lora"),
    ),
    Capability(
        "_load_ip_adapter_weights",
        "Image prompts: the pipeline's load_ip_adapter() puts the adapter's layers into the model.",
        method_of("_load_ip_adapter_weights"),
        ("MOD016",),
    ),
    Capability(
        "enable_cache",
        "Caches that skip blocks when the first one hardly changes: enable_cache().",
        base("CacheMixin"),
        ("REG013", "REG014", "REG016"),
        _has_hook_tables,
    ),
    Capability(
        "_available_processors",
        "Attention processors, the default first: set_attn_processor().",
        available_processors,
        ("ATT003", "ATT006", "ATT014"),
    ),
    Capability(
        "set_attention_backend",
        "Attention classes whose kernel is chosen at run time, for every processor: set_attention_backend().",
        attention_backend,
        ("ATT001", "ATT004", "ATT005", "ATT007"),
    ),
    Capability(
        "fuse_qkv_projections",
        "Attention classes whose three projections can be fused into one.",
        qkv_fusion,
        ("ATT002", "ATT016", "MOD019"),
    ),
    Capability(
        "kv_cache_mode",
        "Reference images are computed at the first denoising step and cached for the others.",
        argument("kv_cache_mode"),
    ),
)
