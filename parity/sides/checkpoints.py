"""Reads what lies in safetensors files: tensors, and the metadata in which a config may stand."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open

from parity.errors import ParityError


_NO_PICKLE = (
    "Opening a pickle runs what it holds, so it is not read. If you trust it, save it anew: "
    "safetensors.torch.save_file(torch.load(FILE, weights_only=True), 'model.safetensors')."
)


def read_tensors(path: Path) -> dict[str, torch.Tensor]:
    """Reads the tensors of a file, or of all the safetensors files that lie in a folder.

    Raises:
        ParityError: If there is no such file, a file is not whole, or two files of a folder hold the same name.
    """
    tensors: dict[str, torch.Tensor] = {}
    for file in _files(path):
        with _opened(file) as opened:
            for name in opened.keys():  # noqa: SIM118 - it is no mapping
                if name in tensors:
                    raise ParityError(f"{file}: `{name}` stands in another file of the folder too; name one file.")
                tensors[name] = opened.get_tensor(name)
    return tensors


def read_metadata(path: Path) -> dict[str, str]:
    """Reads the metadata of one file, without its tensors; empty if it has none.

    Raises:
        ParityError: If there is no such file, or it is not whole.
    """
    with _opened(path) as opened:
        return dict(opened.metadata() or {})


def _files(path: Path) -> list[Path]:
    if not path.is_dir():
        return [path]
    if found := sorted(path.glob("*.safetensors")):
        return found
    if pickles := sorted(each.name for each in path.iterdir() if each.is_file() and _is_pickle(each)):
        raise ParityError(f"{path}: holds no safetensors file, but {', '.join(pickles)}. {_NO_PICKLE}")
    raise ParityError(f"{path}: the folder has no safetensors file. Name the folder that the model was saved into.")


@contextmanager
def _opened(path: Path) -> Iterator[Any]:
    if not path.is_file():
        raise ParityError(f"{path}: no such file. Give a safetensors file, or a folder that has some.")
    if _is_pickle(path):
        raise ParityError(f"{path}: a pickle. {_NO_PICKLE}")
    try:
        with safe_open(path, framework="pt") as file:
            yield file
    except SafetensorError as error:
        raise ParityError(
            f"{path}: not a whole safetensors file ({error}). Copy it again, or save the weights with "
            "safetensors.torch.save_file."
        ) from None


def _is_pickle(path: Path) -> bool:
    """Whether a file begins as what `torch.save` writes, today or before 1.6."""
    with path.open("rb") as file:
        start = file.read(9)
    # The length of a safetensors header, which `{` follows, may be the same two numbers as a pickle's protocol.
    is_plain = start[:1] == b"\x80" and start[1:2] in b"\x02\x03\x04\x05" and start[8:] != b"{"
    return is_plain or start.startswith(b"PK\x03\x04")
