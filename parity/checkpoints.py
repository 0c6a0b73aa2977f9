"""Reads what lies in safetensors files: tensors, and the metadata in which a config may stand."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open

from parity.errors import ParityError


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
    raise ParityError(f"{path}: the folder has no safetensors file. Name the folder that the model was saved into.")


@contextmanager
def _opened(path: Path) -> Iterator[Any]:
    if not path.is_file():
        raise ParityError(f"{path}: no such file. Give a safetensors file, or a folder that has some.")
    try:
        with safe_open(path, framework="pt") as file:
            yield file
    except SafetensorError as error:
        raise ParityError(
            f"{path}: not a whole safetensors file ({error}). Convert other formats first: "
            "safetensors.torch.save_file(torch.load(..., weights_only=True), ...)."
        ) from None
