"""Attention: kernels that exist on a CPU, and fused projections."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from diffusers.models.attention import AttentionModuleMixin
from diffusers.models.attention_dispatch import AttentionBackendName, _AttentionBackendRegistry
from diffusers.models.attention_processor import Attention, MochiAttention
from torch import nn

from parity.probe.checks.comparing import Broken, Untestable, require_equal
from parity.probe.specimen import Outputs, Specimen, describe, run


_LAYERS = (Attention, MochiAttention, AttentionModuleMixin)


def native_backend(specimen: Specimen, plain: Outputs) -> None:
    """Names torch's own attention, and its reference kernel."""
    for name in ("native", "_native_math"):
        _run_with(name, specimen, plain)


def flex_backend(specimen: Specimen, plain: Outputs) -> None:
    """Names flex attention, which runs on a CPU without being compiled."""
    _run_with("flex", specimen, plain)


def fused_projections(specimen: Specimen, plain: Outputs) -> None:
    """Fuses the three projections and separates them again."""
    model = specimen.make()
    before = set(model.state_dict())
    model.fuse_qkv_projections()
    fused = [layer for layer in model.modules() if getattr(layer, "fused_projections", False)]
    if not fused or set(model.state_dict()) == before:
        raise Broken("no projection is fused")
    require_equal("the model with fused projections", plain, run(model, specimen.inputs()))
    model.unfuse_qkv_projections()
    require_equal("the model with separate projections again", plain, run(model, specimen.inputs()))


def _run_with(name: str, specimen: Specimen, plain: Outputs) -> None:
    if AttentionBackendName(name) not in _AttentionBackendRegistry._backends:
        raise Untestable(f"there is no backend `{name}` here")
    model = specimen.make()
    active = _AttentionBackendRegistry.get_active_backend()[0]
    try:
        model.set_attention_backend(name)
        with _counting_calls(AttentionBackendName(name)) as calls:
            outputs = run(model, specimen.inputs())
    except Exception as error:
        raise Broken(f"`{name}` raises {describe(error)}") from error
    finally:
        _AttentionBackendRegistry.set_active_backend(active)
    deaf = [path for path, layer in _layers(model) if not hasattr(layer.processor, "_attention_backend")]
    if deaf:
        raise Broken(
            f"{len(deaf)} of {len(list(_layers(model)))} attention layers keep their kernel: `{deaf[0]}` first"
        )
    if not calls:
        raise Broken(f"no attention layer calls the backend `{name}`")
    require_equal(f"attention by `{name}`", plain, outputs)


def _layers(model: nn.Module) -> Iterator[tuple[str, Any]]:
    for path, layer in model.named_modules():
        if isinstance(layer, _LAYERS) and getattr(layer, "processor", None) is not None:
            yield path, layer


@contextmanager
def _counting_calls(backend: AttentionBackendName) -> Iterator[list[Any]]:
    """Collects the queries that reach a backend."""
    kernels = _AttentionBackendRegistry._backends
    kernel = kernels[backend]
    queries: list[Any] = []

    def counted(*positional: Any, **named: Any) -> Any:
        queries.append(named.get("query", positional[0] if positional else None))
        return kernel(*positional, **named)

    kernels[backend] = counted
    try:
        yield queries
    finally:
        kernels[backend] = kernel
