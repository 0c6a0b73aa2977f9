"""Attention: kernels that exist on a CPU, and fused projections."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from diffusers.models.attention import AttentionModuleMixin
from diffusers.models.attention_dispatch import AttentionBackendName, _AttentionBackendRegistry
from diffusers.models.attention_processor import Attention, MochiAttention
from torch import nn
from torch.overrides import TorchFunctionMode

from parity.forwards.observing import watched
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
    layers = dict(_layers(model))
    deaf = {path: layer for path, layer in layers.items() if not hasattr(layer.processor, "_attention_backend")}
    deaf = _weighing(model, deaf, specimen) if deaf else {}
    if deaf:
        raise Broken(f"{len(deaf)} of {len(layers)} attention layers keep their kernel: `{next(iter(deaf))}` first")
    if not calls:
        raise Broken(f"no attention layer calls the backend `{name}`")
    require_equal(f"attention by `{name}`", plain, outputs)


def _layers(model: nn.Module) -> Iterator[tuple[str, Any]]:
    for path, layer in model.named_modules():
        if isinstance(layer, _LAYERS) and getattr(layer, "processor", None) is not None:
            yield path, layer


def _weighing(model: nn.Module, layers: Mapping[str, Any], specimen: Specimen) -> dict[str, Any]:
    """Those of some layers that take a softmax: no kernel does another attention, such as a linear one."""
    mode = _Weighing()

    def entered(path: str, arguments: tuple[Any, ...], named: Mapping[str, Any]) -> None:
        mode.inside.append(path)

    def left(path: str, arguments: tuple[Any, ...], named: Mapping[str, Any], result: Any) -> None:
        mode.inside.pop()

    with watched(model, list(layers), entered, left), mode:
        run(model, specimen.inputs())
    return {path: layer for path, layer in layers.items() if path in mode.seen}


class _Weighing(TorchFunctionMode):
    """Notes the layers inside of which a softmax is taken."""

    def __init__(self) -> None:
        super().__init__()
        self.inside: list[str] = []
        self.seen: set[str] = set()

    def __torch_function__(
        self, function: Any, types: Any, arguments: tuple[Any, ...] = (), named: dict[str, Any] | None = None
    ) -> Any:
        if self.inside and function.__name__ in ("scaled_dot_product_attention", "softmax"):
            self.seen.add(self.inside[-1])
        return function(*arguments, **(named or {}))


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
