"""The pictures that two pipelines make, frame by frame: the reference's, the candidate's and their difference."""

from __future__ import annotations

import io
from typing import Any

import msgspec
import numpy as np
import torch
from PIL import Image

from parity.forwards.outputs import named_tensors


# A picture has one, three or four channels: grey, colours, colours and opacity.
_CHANNELS = (1, 3, 4)


class Frame(msgspec.Struct, frozen=True):
    """One picture of both sides, each as a PNG file.

    Attributes:
        number: Its place among all pictures that the pipelines return, from 0.
        of: How many these are.
        size: Width and height in pixels.
        reference: The reference's.
        candidate: The candidate's.
        difference: The largest difference of any channel, bright where it is large; the brightest is `largest`.
        largest: The largest difference, where black and white differ by 1.
    """

    number: int
    of: int
    size: tuple[int, int]
    reference: bytes
    candidate: bytes
    difference: bytes
    largest: float


def pick_frames(reference: Any, candidate: Any, count: int) -> tuple[Frame, ...]:
    """Takes frames out of what two pipelines return.

    Args:
        reference: Tensors with channels before rows, arrays with channels last, or PIL pictures; in lists, tuples or
            an output class. Values lie between 0 and 1, or -1 and 1.
        candidate: The same; nothing is taken if its sizes are others.
        count: How many at most, evenly spread.
    """
    ours, theirs = _pictures(reference), _pictures(candidate)
    if not ours or [each.shape for each in ours] != [each.shape for each in theirs]:
        return ()
    numbers = np.unique(np.linspace(0, len(ours) - 1, min(count, len(ours))).round().astype(int))
    is_signed = min(float(each.min()) for each in ours) < -0.01
    return tuple(_frame(number, len(ours), ours[number], theirs[number], is_signed) for number in numbers.tolist())


def _frame(number: int, of: int, ours: np.ndarray, theirs: np.ndarray, is_signed: bool) -> Frame:
    first, second = (np.nan_to_num((each + 1) / 2 if is_signed else each).clip(0, 1) for each in (ours, theirs))
    difference = np.abs(first - second).max(axis=-1)
    largest = float(difference.max())
    height, width = difference.shape
    return Frame(
        number,
        of,
        (width, height),
        _png(first),
        _png(second),
        _png(_coloured(difference / largest if largest else difference)),
        largest,
    )


def _pictures(result: Any) -> list[np.ndarray]:
    """All pictures in order, each with rows, columns and channels."""
    found: list[np.ndarray] = []
    for _, leaf in named_tensors(result):
        if isinstance(leaf, torch.Tensor):
            found += _with_channels_last(leaf)
        elif isinstance(leaf, np.ndarray):
            found += _flattened(leaf)
        elif isinstance(leaf, Image.Image):
            found += _flattened(np.asarray(leaf.convert("RGB"), dtype=np.float64) / 255)
    return found


def _with_channels_last(tensor: torch.Tensor) -> list[np.ndarray]:
    array = tensor.detach().cpu().double().numpy() if tensor.is_floating_point() else np.empty(0)
    if array.ndim > 3 and array.shape[-3] not in _CHANNELS:
        array = np.swapaxes(array, -3, -4)  # a video whose frames come after the channels
    return _flattened(np.moveaxis(array, -3, -1)) if array.ndim >= 3 else []


def _flattened(array: np.ndarray) -> list[np.ndarray]:
    if array.ndim < 3 or array.shape[-1] not in _CHANNELS or 0 in array.shape:
        return []
    return list(array.astype(np.float64).reshape(-1, *array.shape[-3:]))


def _coloured(values: np.ndarray) -> np.ndarray:
    """Values from 0 to 1 in colours from black over red to yellow."""
    from matplotlib import colormaps

    return np.asarray(colormaps["inferno"](values))[..., :3]


def _png(picture: np.ndarray) -> bytes:
    pixels = (picture * 255).round().astype(np.uint8)
    file = io.BytesIO()
    Image.fromarray(pixels[..., 0] if pixels.shape[-1] == 1 else pixels).save(file, "PNG", optimize=True)
    return file.getvalue()
