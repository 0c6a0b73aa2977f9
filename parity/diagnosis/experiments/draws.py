"""Other ways to draw random numbers: in another dtype, of another generator, in another order or layout."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from typing import Any

import torch

from parity.diagnosis.rigs import Draw


def rounded(kind: torch.dtype) -> Draw:
    """Numbers that are rounded to a dtype once they are drawn."""

    def draw(func: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> torch.Tensor:
        result: torch.Tensor = func(*args, **kwargs)
        return result.to(kind).to(result.dtype)

    return draw


def of_dtype(kind: torch.dtype) -> Draw:
    """Numbers that are drawn in another dtype."""

    def draw(func: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> torch.Tensor:
        if func.__name__ not in ("rand", "randn"):
            return func(*args, **kwargs)  # type: ignore[no-any-return]
        wanted = kwargs.pop("dtype", None) or torch.get_default_dtype()
        return func(*args, dtype=kind, **kwargs).to(wanted)  # type: ignore[no-any-return]

    return draw


def of_global_generator() -> Draw:
    """Numbers of the global generator, whatever generator is asked."""
    return lambda func, args, kwargs: func(*args, **{**kwargs, "generator": None} if "generator" in kwargs else kwargs)


def of_generator(generator: torch.Generator) -> Draw:
    """Numbers of one generator, also where the global one is asked."""
    own = torch.Generator(generator.device).set_state(generator.get_state())

    def draw(func: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> torch.Tensor:
        takes_one = func.__name__ not in ("rand_like", "randn_like")
        return func(*args, **{**kwargs, "generator": own} if takes_one else kwargs)  # type: ignore[no-any-return]

    return draw


def drawn_twice() -> Draw:
    """Numbers of which the first tensor is drawn twice, and the second kept."""
    count = itertools.count()

    def draw(func: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> torch.Tensor:
        if not next(count):
            func(*args, **kwargs)
        return func(*args, **kwargs)  # type: ignore[no-any-return]

    return draw


def first_alone() -> Draw:
    """Numbers of which only the first tensor is not zero."""
    count = itertools.count()

    def draw(func: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> torch.Tensor:
        result = func(*args, **kwargs)
        return result.zero_() if next(count) else result  # type: ignore[no-any-return]

    return draw


def noting(shapes: list[torch.Size]) -> Draw:
    """Numbers as they are; the shapes of normal ones are noted, in the order in which they are drawn."""

    def draw(func: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> torch.Tensor:
        result: torch.Tensor = func(*args, **kwargs)
        if func.__name__ in _NORMAL:
            shapes.append(result.shape)
        return result

    return draw


def in_order(shapes: Sequence[torch.Size], order: Sequence[int]) -> Draw:
    """Normal numbers of which the first tensors, of these shapes, are drawn in another order, of one generator."""
    ready: dict[int, torch.Tensor] = {}
    count = itertools.count()

    def draw(func: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> torch.Tensor:
        if func.__name__ not in _NORMAL:
            return func(*args, **kwargs)  # type: ignore[no-any-return]
        number = next(count)
        if not number:
            options = {name: each for name, each in kwargs.items() if name in ("generator", "dtype", "device")}
            ready.update((index, torch.randn(shapes[index], **options)) for index in order)
        return ready[number] if number in ready else func(*args, **kwargs)

    return draw


def orders(count: int) -> list[tuple[int, ...]]:
    """The orders in which the first few of so many tensors may be drawn, without the one that is."""
    return list(itertools.permutations(range(min(count, _REORDERED))))[1:]


_NORMAL = ("randn", "randn_like")
# So many tensors are drawn in every order; more of them have too many.
_REORDERED = 4


def _by_patches(noise: torch.Tensor, size: int) -> torch.Tensor:
    """Numbers drawn patch by patch, put where the patch lies."""
    *lead, height, width = noise.shape
    drawn = noise.reshape(*lead, height // size, width // size, size, size)
    return drawn.transpose(-3, -2).reshape(noise.shape)


def _out_of_patches(noise: torch.Tensor, size: int) -> torch.Tensor:
    *lead, height, width = noise.shape
    drawn = noise.reshape(*lead, height // size, size, width // size, size)
    return drawn.transpose(-3, -2).reshape(noise.shape)


def _as_tokens(noise: torch.Tensor, size: int) -> torch.Tensor:
    """Numbers drawn token by token, each with the channels of one patch."""
    *lead, channels, height, width = noise.shape
    drawn = noise.reshape(*lead, height // size, width // size, channels, size, size)
    count = len(lead)
    order = (*range(count), count + 2, count, count + 3, count + 1, count + 4)
    return drawn.permute(order).reshape(noise.shape)


def _from_tokens(noise: torch.Tensor, size: int) -> torch.Tensor:
    *lead, channels, height, width = noise.shape
    drawn = noise.reshape(*lead, channels, height // size, size, width // size, size)
    count = len(lead)
    order = (*range(count), count + 1, count + 3, count, count + 2, count + 4)
    return drawn.permute(order).reshape(noise.shape)


LAYOUTS: dict[str, Callable[[torch.Tensor, int], torch.Tensor]] = {
    "drawn in patches of {size}": _by_patches,
    "of patches of {size} drawn row by row": _out_of_patches,
    "drawn in tokens of {size}": _as_tokens,
    "of tokens of {size} drawn row by row": _from_tokens,
}


def laid(size: int, lay: Callable[[torch.Tensor, int], torch.Tensor], *, only_first: bool) -> Draw:
    """Numbers that are drawn in another order: all of them, or those of the first tensor."""
    count = itertools.count()

    def draw(func: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> torch.Tensor:
        result: torch.Tensor = func(*args, **kwargs)
        if only_first and next(count):
            return result
        if result.ndim < 3 or result.shape[-1] % size or result.shape[-2] % size:
            return result
        return lay(result, size).contiguous()

    return draw
