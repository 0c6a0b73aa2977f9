"""Where weights wait, and in which precision: offloading, layerwise casting, device maps, layers kept in float32."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from diffusers.hooks.group_offloading import ModuleGroup

from parity.probe.checks.comparing import Broken, require_equal
from parity.probe.specimen import Outputs, Specimen, run


_CPU = torch.device("cpu")


def offloaded_blocks(specimen: Specimen, plain: Outputs) -> None:
    """Offloads block by block."""
    _offload(specimen, plain, offload_type="block_level", num_blocks_per_group=1)


def offloaded_leaves(specimen: Specimen, plain: Outputs) -> None:
    """Offloads layer by layer."""
    _offload(specimen, plain, offload_type="leaf_level")


def cast_by_layers(specimen: Specimen, plain: Outputs) -> None:
    """Stores weights in eight bits and compares with a model whose weights were rounded so."""
    model = specimen.make()
    model.enable_layerwise_casting(storage_dtype=torch.float8_e4m3fn, compute_dtype=torch.float32)
    stored = {name for name, each in model.named_parameters() if each.dtype is torch.float8_e4m3fn}
    if not stored:
        raise Broken("no weight is stored in eight bits")
    for pattern in specimen.module_class._skip_layerwise_casting_patterns or ():
        if cast := sorted(name for name in stored if re.search(pattern, name.rpartition(".")[0])):
            raise Broken(f"`{cast[0]}` is stored in eight bits, though `{pattern}` is to be left alone")
    rounded = specimen.make()
    for name, parameter in rounded.named_parameters():
        if name in stored:
            parameter.data = parameter.data.to(torch.float8_e4m3fn).to(torch.float32)
    require_equal("the model with cast layers", run(rounded, specimen.inputs()), run(model, specimen.inputs()))


def kept_in_float32(specimen: Specimen, plain: Outputs) -> None:
    """Loads in half precision, and looks at what stays."""
    names = set(type(specimen.make())._keep_in_fp32_modules)
    with _saved(specimen) as folder:
        model = specimen.module_class.from_pretrained(folder, torch_dtype=torch.bfloat16)
        dtypes = {name: each.dtype for name, each in model.named_parameters()}
        kept = {name for name in dtypes if names.intersection(name.split("."))}
        if not kept:
            raise Broken("`_keep_in_fp32_modules` names no layer of the model")
        for name, dtype in dtypes.items():
            wanted = torch.float32 if name in kept else torch.bfloat16
            if dtype is not wanted:
                raise Broken(f"`{name}` is loaded as {dtype} instead of {wanted}")
        run(model, specimen.inputs(torch.bfloat16))


def device_map(specimen: Specimen, plain: Outputs) -> None:
    """Loads with room for half of the model, so that the rest is dispatched to the disk."""
    model = specimen.make()
    size = sum(each.nbytes for each in model.parameters())
    with _saved(specimen) as folder, tempfile.TemporaryDirectory() as disk:
        room: dict[Any, int] = {"cpu": size * 2 // 3}
        loaded = specimen.module_class.from_pretrained(
            folder, device_map="auto", max_memory=room, offload_folder=disk, offload_state_dict=True
        )
        placed = getattr(loaded, "hf_device_map", {})
        blocks = {path for path, each in model.named_modules() if type(each).__name__ in model._no_split_modules}
        for path in placed:
            if any(path.startswith(f"{block}.") for block in blocks):
                raise Broken(f"`{path}` is placed apart from the block that `_no_split_modules` keeps whole")
        require_equal("the dispatched model", plain, run(loaded, specimen.inputs()))


def _offload(specimen: Specimen, plain: Outputs, **how: Any) -> None:
    model = specimen.make()
    with _out_of_reach() as groups:
        model.enable_group_offload(onload_device=_CPU, offload_device=_CPU, **how)
        if not groups:
            raise Broken("no layer is offloaded")
        require_equal("the offloaded model", plain, run(model, specimen.inputs()))


@contextmanager
def _out_of_reach() -> Iterator[set[int]]:
    """Makes what is offloaded NaN until it is loaded again, as it would be out of reach on another device.

    Both devices are the CPU here, where a forgotten transfer would go unnoticed. Yields the groups that were seen.
    """
    onload, offload = ModuleGroup.onload_, ModuleGroup.offload_
    groups: set[int] = set()
    away: dict[torch.Tensor, torch.Tensor] = {}

    def tensors(group: ModuleGroup) -> Iterator[torch.Tensor]:
        for module in group.modules:
            yield from module.parameters()
            yield from module.buffers()
        yield from group.parameters
        yield from group.buffers

    def fetch(group: ModuleGroup) -> None:
        for tensor in tensors(group):
            if tensor in away:
                tensor.data = away.pop(tensor)
        onload(group)

    def send(group: ModuleGroup) -> None:
        groups.add(id(group))
        offload(group)
        for tensor in tensors(group):
            if tensor not in away and tensor.is_floating_point():
                away[tensor] = tensor.data
                tensor.data = torch.full_like(tensor, float("nan"))

    ModuleGroup.onload_, ModuleGroup.offload_ = fetch, send
    try:
        yield groups
    finally:
        ModuleGroup.onload_, ModuleGroup.offload_ = onload, offload


@contextmanager
def _saved(specimen: Specimen) -> Iterator[str]:
    with tempfile.TemporaryDirectory() as folder:
        specimen.make().save_pretrained(folder)
        yield folder
