"""Saving and loading: whole, in shards, and as a single file."""

from __future__ import annotations

import tempfile
from pathlib import Path

import torch
from safetensors.torch import save_file

from parity.probe.checks.comparing import Broken, require_equal
from parity.probe.specimen import Outputs, Specimen, run


def saved_and_loaded(specimen: Specimen, plain: Outputs) -> None:
    """Saves, loads, and compares config, weights and output."""
    _round_trip(specimen, plain, None)


def sharded(specimen: Specimen, plain: Outputs) -> None:
    """Saves in several files and loads from them."""
    size = sum(each.nbytes for each in specimen.make().parameters())
    _round_trip(specimen, plain, f"{max(size // 3000, 1)}KB")


def single_file(specimen: Specimen, plain: Outputs) -> str | None:
    """Loads one safetensors file; with the original names where the class can make them of its own."""
    model = specimen.make()
    mapping = getattr(specimen.module_class, "_weight_mapping", None)
    weights = {name: each.clone() for name, each in model.state_dict().items()}
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "model.safetensors")
        if mapping is not None and hasattr(mapping, "map_from_diffusers"):
            save_file(_contiguous(mapping.map_from_diffusers(weights)), file)
            loaded = specimen.module_class.from_single_file(str(file), config=model.config)
            note = None
        else:
            save_file(weights, file)
            model.save_config(folder)
            loaded = specimen.module_class.from_single_file(str(file), config=folder, local_files_only=True)
            note = "in diffusers' own names; no original checkpoint to convert"
        require_equal("the model of a single file", plain, run(loaded, specimen.inputs()))
        return note


def _contiguous(weights: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    return {name: each.clone().contiguous() for name, each in weights.items()}


def _round_trip(specimen: Specimen, plain: Outputs, shard: str | None) -> None:
    model = specimen.make()
    with tempfile.TemporaryDirectory() as folder:
        if shard is None:
            model.save_pretrained(folder)
        else:
            model.save_pretrained(folder, max_shard_size=shard)
            if len(list(Path(folder).glob("*.safetensors"))) < 2:
                raise Broken("a size for shards is ignored: everything is in one file")
        loaded = specimen.module_class.from_pretrained(folder)
        saved, read = _public(model.config), _public(loaded.config)
        if changed := sorted(name for name in saved if _plain(saved[name]) != _plain(read.get(name))):
            raise Broken(f"the loaded config has another `{changed[0]}`: {read.get(changed[0])}")
        require_equal("a loaded weight", model.state_dict(), loaded.state_dict(), 0)
        require_equal("the loaded model", plain, run(loaded, specimen.inputs()))


def _public(config: dict[str, object]) -> dict[str, object]:
    return {name: value for name, value in config.items() if not name.startswith("_")}


def _plain(value: object) -> object:
    """JSON has lists only."""
    return [_plain(each) for each in value] if isinstance(value, (list, tuple)) else value
