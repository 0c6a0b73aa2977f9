"""The headers of safetensors files: names, types and shapes of the tensors, read without the tensors."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from scaffold.errors import ScaffoldError


# Of the published checkpoints the largest header is under 2 MiB; the format allows 100 MB.
_LONGEST_HEADER = 8 * 2**20
_MOST_TENSORS = 20_000
_LONGEST_CONFIG = 2**20
_BITS = {
    "BOOL": 8,
    "U8": 8,
    "I8": 8,
    "F8_E4M3": 8,
    "F8_E5M2": 8,
    "F8_E8M0": 8,
    "U16": 16,
    "I16": 16,
    "F16": 16,
    "BF16": 16,
    "U32": 32,
    "I32": 32,
    "F32": 32,
    "U64": 64,
    "I64": 64,
    "F64": 64,
    "F4": 4,
    "F6_E2M3": 6,
    "F6_E3M2": 6,
}


class Tensor(msgspec.Struct, frozen=True):
    """What a header says of one tensor; `data_offsets` are the bytes after the header where it begins and ends."""

    dtype: str
    shape: tuple[int, ...]
    data_offsets: tuple[int, int]


class _Index(msgspec.Struct, frozen=True):
    weight_map: dict[str, str]


@dataclass(frozen=True)
class Checkpoint:
    """What lies in a checkpoint.

    Attributes:
        path: the file or folder that was asked for.
        tensors: by name, in the order of the files.
        config: the entries of a `config.json` beside them, `None` without one.
    """

    path: Path
    tensors: dict[str, Tensor]
    config: dict[str, Any] | None = None

    @property
    def parameters(self) -> int:
        """How many numbers the tensors hold."""
        return sum(math.prod(tensor.shape) for tensor in self.tensors.values())

    @property
    def dtypes(self) -> tuple[str, ...]:
        """The types of the tensors, the one of most numbers first."""
        counts: dict[str, int] = {}
        for tensor in self.tensors.values():
            counts[tensor.dtype] = counts.get(tensor.dtype, 0) + math.prod(tensor.shape)
        return tuple(sorted(counts, key=lambda name: -counts[name]))


def read_checkpoint(path: Path) -> Checkpoint:
    """Read the headers of a file, of the shards that an index names, or of what lies in a folder.

    Args:
        path: a `.safetensors` file, an `.index.json`, a model's folder, or a pipeline's folder with `transformer/`.

    Raises:
        ScaffoldError: it is not there, not safetensors, or not whole.
    """
    try:
        if path.is_dir():
            return _read_folder(path)
        if path.name.endswith(".json"):
            return Checkpoint(path, _read_shards(path), _read_config(path.parent))
        return Checkpoint(path, _read_header(path), _read_config(path.parent) if _is_of_diffusers(path) else None)
    except OSError as error:
        raise ScaffoldError(f"{error.filename or path} cannot be read: {error.strerror}") from None


def _is_of_diffusers(path: Path) -> bool:
    return path.name.startswith("diffusion_pytorch_model")


def _read_folder(folder: Path) -> Checkpoint:
    if (folder / "model_index.json").is_file() and (folder / "transformer").is_dir():
        folder = folder / "transformer"
    names = sorted(path.name for path in folder.iterdir())
    indices = [name for name in names if name.endswith(".safetensors.index.json")]
    files = [name for name in names if name.endswith(".safetensors")]
    if len(indices) == 1:
        return Checkpoint(folder, _read_shards(folder / indices[0]), _read_config(folder))
    if len(files) == 1:
        return Checkpoint(folder, _read_header(folder / files[0]), _read_config(folder))
    if files or indices:
        raise ScaffoldError(f"{folder} holds several checkpoints, name one of them: {', '.join(indices or files)}")
    pickles = [name for name in names if name.endswith((".bin", ".pt", ".pth", ".ckpt"))]
    if pickles:
        raise ScaffoldError(_of_a_pickle(folder / pickles[0]))
    raise ScaffoldError(f"{folder} holds no .safetensors file")


def _read_shards(index: Path) -> dict[str, Tensor]:
    if index.stat().st_size > _LONGEST_HEADER:
        raise ScaffoldError(f"{index} is longer than the index of any model")
    try:
        places = msgspec.json.decode(index.read_bytes(), type=_Index).weight_map
    except (msgspec.DecodeError, RecursionError) as error:
        raise ScaffoldError(f"{index} is no index of a sharded checkpoint: {error}") from None
    shards = sorted(set(places.values()))
    for shard in shards:
        if Path(shard).name != shard or shard in ("", ".", ".."):
            raise ScaffoldError(f"{index} names the file {shard!r}, which is no plain name of a file beside it")
    held = {shard: _read_header(index.parent / shard) for shard in shards}
    missing = [name for name, shard in places.items() if name not in held[shard]]
    if missing:
        raise ScaffoldError(f"{index.parent / places[missing[0]]} lacks {missing[0]}, which {index.name} says it has")
    twice = sum(map(len, held.values())) - len({name for tensors in held.values() for name in tensors})
    if twice:
        raise ScaffoldError(f"{index.parent}: {twice} tensors are in more than one shard")
    return {name: held[shard][name] for name, shard in places.items()}


def _read_header(path: Path) -> dict[str, Tensor]:
    size = path.stat().st_size
    if not path.is_file():
        raise ScaffoldError(f"{path} is no file")
    with path.open("rb") as file:
        start = file.read(8)
        length = int.from_bytes(start, "little")
        if start[:2] in (b"PK", b"\x80\x02") or path.suffix in (".bin", ".pt", ".pth", ".ckpt"):
            raise ScaffoldError(_of_a_pickle(path))
        if len(start) < 8 or not 2 <= length <= size - 8:
            raise ScaffoldError(
                f"{path} is no safetensors file, or not a whole one: it says that its header has {length} bytes"
            )
        if length > _LONGEST_HEADER:
            raise ScaffoldError(
                f"{path} says that its header has {length} bytes, more than that of any model; it was not read"
            )
        text = file.read(length)
    try:
        entries = msgspec.json.decode(text, type=dict[str, msgspec.Raw])
        entries.pop("__metadata__", None)
        if len(entries) > _MOST_TENSORS:
            raise ScaffoldError(f"{path} says that it holds {len(entries)} tensors, more than any model")
        tensors = {name: msgspec.json.decode(entry, type=Tensor) for name, entry in entries.items()}
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ScaffoldError(f"{path} is no safetensors file: its header cannot be read ({error})") from None
    for name, tensor in tensors.items():
        _check(path, name, tensor, size - 8 - length)
    return tensors


def _check(path: Path, name: str, tensor: Tensor, available: int) -> None:
    start, end = tensor.data_offsets
    bits = _BITS.get(tensor.dtype)
    if bits is None:
        raise ScaffoldError(f"{path}: {name} has the type {tensor.dtype!r}, which safetensors does not know")
    if min(tensor.shape, default=0) < 0 or not 0 <= start <= end:
        raise ScaffoldError(f"{path}: {name} has the shape {tensor.shape} at {start} to {end}, which cannot be")
    if (end - start) * 8 != math.prod(tensor.shape) * bits:
        raise ScaffoldError(f"{path}: {name}, {tensor.dtype} of {tensor.shape}, does not fill its {end - start} bytes")
    if end > available:
        raise ScaffoldError(f"{path} is cut off: {name} ends {end - available} bytes after the file does")


def _read_config(folder: Path) -> dict[str, Any] | None:
    path = folder / "config.json"
    if not path.is_file():
        return None
    if path.stat().st_size > _LONGEST_CONFIG:
        raise ScaffoldError(f"{path} is longer than the configuration of any model")
    try:
        config = msgspec.json.decode(path.read_bytes(), type=dict[str, Any])
    except (msgspec.DecodeError, RecursionError) as error:
        raise ScaffoldError(f"{path} is no configuration: {error}") from None
    return {name: value for name, value in config.items() if not name.startswith("_")}


def _of_a_pickle(path: Path) -> str:
    return (
        f"{path} is a pickle, and reading one runs what it holds; convert it to safetensors where you trust it, and "
        "inspect that"
    )
