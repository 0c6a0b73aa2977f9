"""The capabilities that are tried: how each is declared, and the check that runs it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from torch import nn

from parity.probe.checks.adapters import ip_adapter, lora
from parity.probe.checks.attending import flex_backend, fused_projections, native_backend
from parity.probe.checks.caching import cache
from parity.probe.checks.compiling import compiled, compiled_blocks
from parity.probe.checks.parallel import shares_layers, shares_tokens
from parity.probe.checks.placing import cast_by_layers, device_map, kept_in_float32, offloaded_blocks, offloaded_leaves
from parity.probe.checks.remembering import kv_cache, takes_kv_cache
from parity.probe.checks.saving import saved_and_loaded, sharded, single_file
from parity.probe.checks.skipping import registers_blocks, skips_layers
from parity.probe.checks.training import gradient_checkpointing
from parity.probe.specimen import Outputs, Specimen


@dataclass(frozen=True)
class Capability:
    """One thing that is tried.

    Attributes:
        name: As tables show it.
        check: Runs it beside the plain outputs; returns what to know about how, raises `Broken` or `Untestable`.
        wiring: The capability's name in `linter metadata`, if it has one there.
        declared: What of the model declares it, where the linter has no name for it; None if `wiring` does.
    """

    name: str
    check: Callable[[Specimen, Outputs], str | None]
    wiring: str | None = None
    declared: Callable[[nn.Module], bool] | None = None


def _every(model: nn.Module) -> bool:
    return True


CAPABILITIES = (
    Capability("gradient checkpointing", gradient_checkpointing, "_supports_gradient_checkpointing"),
    Capability("compile", compiled, declared=_every),
    Capability("compile blocks", compiled_blocks, "_repeated_blocks"),
    Capability("offload blocks", offloaded_blocks, "_supports_group_offloading"),
    Capability("offload leaves", offloaded_leaves, "_supports_group_offloading"),
    Capability("layerwise casting", cast_by_layers, "_skip_layerwise_casting_patterns", _every),
    Capability("kept in float32", kept_in_float32, "_keep_in_fp32_modules"),
    Capability("device map", device_map, "_no_split_modules"),
    Capability("LoRA", lora, "load_lora_adapter"),
    Capability("IP-adapter", ip_adapter, "_load_ip_adapter_weights"),
    Capability("first-block cache", cache("first-block cache"), "enable_cache"),
    Capability("MagCache", cache("MagCache"), "enable_cache"),
    Capability("TaylorSeer", cache("TaylorSeer"), "enable_cache"),
    Capability("FasterCache", cache("FasterCache"), "enable_cache"),
    Capability("pyramid attention broadcast", cache("pyramid attention broadcast"), "enable_cache"),
    Capability("KV cache", kv_cache, "kv_cache_mode", takes_kv_cache),
    Capability("layer skip", skips_layers, declared=registers_blocks),
    Capability("native attention", native_backend, "set_attention_backend"),
    Capability("flex attention", flex_backend, "set_attention_backend"),
    Capability("fused QKV", fused_projections, "fuse_qkv_projections"),
    Capability("save and load", saved_and_loaded, declared=_every),
    Capability("shards", sharded, declared=_every),
    Capability("single file", single_file, "from_single_file"),
    Capability("context parallel", shares_tokens, "_cp_plan"),
    Capability("tensor parallel", shares_layers, "_tp_plan"),
)
