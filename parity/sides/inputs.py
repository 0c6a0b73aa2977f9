"""From a description of forward's arguments to the same random tensors for both sides."""

from __future__ import annotations

import re
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch

from parity.errors import ParityError, describe, nearest_name
from parity.sides.loading import load_object


# What a drawn tensor holds, and the dtype that it has when none is named; None follows the run.
_KINDS: Mapping[str, torch.dtype | None] = {
    "normal": None,
    "uniform": None,
    "zeros": None,
    "ones": None,
    "integers": torch.int64,
    "ids": torch.int64,
    "mask": torch.bool,
}
_DTYPES: Mapping[str, torch.dtype] = {
    str(dtype).removeprefix("torch."): dtype
    for dtype in (
        torch.float64,
        torch.float32,
        torch.bfloat16,
        torch.float16,
        torch.int64,
        torch.int32,
        torch.bool,
        torch.complex64,
    )
}
_KEYS = ("shape", "dtype", "kind", "low", "high", "value", "from", "list", "mapping", "object", "arguments")
_SHAPE_ON_COMMAND_LINE = re.compile(r"(?P<name>[^\W\d]\w*)=(?P<shape>\d+(?:x\d+)*)(?::(?P<what>\w+))?")


@dataclass(frozen=True)
class DrawnTensor:
    """A tensor to draw.

    Attributes:
        shape: Its sizes.
        kind: `normal` or `uniform` (0 to 1), `zeros`, `ones`, `integers` (from `low` up to but not including `high`),
            `ids` (position coordinates: integers below the number of rows), `mask` (booleans, both values, the first
            of each row true).
        dtype: None for the dtype of the run.
        low: The smallest integer.
        high: One more than the largest integer.
    """

    shape: tuple[int, ...]
    kind: str = "normal"
    dtype: torch.dtype | None = None
    low: int = 0
    high: int = 0

    def make(self, run_dtype: torch.dtype, generator: torch.Generator) -> torch.Tensor:
        """Draws the tensor, in its own dtype or the run's."""
        if self.kind in ("integers", "ids"):
            drawn = torch.randint(self.low, self.high, self.shape, generator=generator)
        elif self.kind == "mask":
            drawn = torch.rand(self.shape, generator=generator) < 0.5
            drawn[..., :1] = True
        elif self.kind == "uniform":
            drawn = torch.rand(self.shape, generator=generator)
        elif self.kind == "normal":
            drawn = torch.randn(self.shape, generator=generator)
        else:
            drawn = torch.full(self.shape, float(self.kind == "ones"))
        return drawn.to(self.dtype or run_dtype)


@dataclass(frozen=True)
class GivenTensor:
    """A tensor whose values are written out; dtype None gives floats the dtype of the run."""

    value: Any
    dtype: torch.dtype | None = None

    def make(self, run_dtype: torch.dtype) -> torch.Tensor:
        """Makes the tensor, in its own dtype or, if it holds floats, the run's."""
        tensor = torch.tensor(self.value, dtype=self.dtype)
        return tensor.to(run_dtype) if self.dtype is None and tensor.is_floating_point() else tensor


@dataclass(frozen=True)
class PlainValue:
    """An argument that is no tensor and is passed as it was written."""

    value: Any


@dataclass(frozen=True)
class SameAs:
    """An argument of the candidate that is the reference's argument of another name."""

    name: str


@dataclass(frozen=True)
class Several:
    """An argument that is a list, and what it holds."""

    items: tuple[Argument, ...]


@dataclass(frozen=True)
class Named:
    """An argument that is a mapping, and what it holds."""

    items: Mapping[str, Argument]


@dataclass(frozen=True)
class BuiltObject:
    """An argument that is an object of some class, such as an empty cache.

    Attributes:
        path: The import path of its class.
        factory: The class.
        arguments: Keyword arguments of the class, as they were written.
    """

    path: str
    factory: Any
    arguments: Mapping[str, Any]

    def make(self) -> Any:
        """Makes the object anew.

        Raises:
            ParityError: If the class does not take the arguments.
        """
        try:
            return self.factory(**self.arguments)
        except Exception as error:
            raise ParityError(f"{self.path}: cannot be made from these arguments: {describe(error)}") from error


Argument = DrawnTensor | GivenTensor | PlainValue | SameAs | Several | Named | BuiltObject


def describe_inputs(descriptions: Mapping[str, Any], origin: str) -> dict[str, Argument]:
    """Reads the arguments of forward from a mapping.

    Args:
        descriptions: For each argument a mapping with `shape` (and `kind`, `dtype`, `low`, `high`) for a drawn tensor,
            with `value` (and `dtype`) for a written one, with `from` for the reference's argument of that name, with
            `list` or `mapping` for a list or a mapping of such descriptions, with `object` (and `arguments`) for an
            object of the class that an import path names, or a plain text, number, boolean or null.
        origin: Where the mapping comes from, for messages.

    Raises:
        ParityError: If a description is incomplete or has a name or value that means nothing here.
    """
    return {name: _describe(entry, f"{origin}: `{name}`") for name, entry in descriptions.items()}


def parse_shorthand(text: str) -> tuple[str, Argument]:
    """Reads one `name=1x16x128[:dtype or kind]` from the command line.

    Raises:
        ParityError: If the text has another form.
    """
    match = _SHAPE_ON_COMMAND_LINE.fullmatch(text)
    if match is None:
        raise ParityError(f"--input {text}: write `name=SHAPE[:DTYPE or KIND]`, for example `img_ids=1x16x4:ids`.")
    entry: dict[str, Any] = {"shape": [int(size) for size in match["shape"].split("x")]}
    what = match["what"]
    if what in _KINDS:
        entry["kind"] = what
    elif what is not None:
        entry["dtype"] = what
    if what is not None and what not in _KINDS and what not in _DTYPES:
        raise ParityError(
            f"--input {text}: `{what}` is neither a dtype nor a kind.{nearest_name(what, [*_DTYPES, *_KINDS])}"
        )
    return match["name"], _describe(entry, f"--input {text}")


def draw_inputs(
    arguments: Mapping[str, Argument], dtype: torch.dtype, seed: int, reference: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """Makes the keyword arguments of one forward call.

    Each tensor depends on the seed and its own name only, so that another argument does not change it.

    Args:
        arguments: What to make, by parameter name.
        dtype: The dtype of floating-point tensors that name none.
        seed: The same seed gives the same values.
        reference: What was made for the reference, if these are arguments of the candidate.

    Raises:
        ParityError: If an argument is to be one of the reference that there is none of.
    """
    return {name: _draw(name, argument, dtype, seed, reference or {}) for name, argument in arguments.items()}


def _draw(name: str, argument: Argument, dtype: torch.dtype, seed: int, reference: Mapping[str, Any]) -> Any:
    if isinstance(argument, DrawnTensor):
        return argument.make(dtype, torch.Generator().manual_seed(zlib.crc32(f"{seed}:{name}".encode())))
    if isinstance(argument, GivenTensor):
        return argument.make(dtype)
    if isinstance(argument, Several):
        return [_draw(f"{name}.{index}", item, dtype, seed, reference) for index, item in enumerate(argument.items)]
    if isinstance(argument, Named):
        return {key: _draw(f"{name}.{key}", item, dtype, seed, reference) for key, item in argument.items.items()}
    if isinstance(argument, SameAs):
        if argument.name not in reference:
            hint = nearest_name(argument.name, reference)
            raise ParityError(f"`{name}`: the reference has no input `{argument.name}` to take over.{hint}")
        return reference[argument.name]
    if isinstance(argument, BuiltObject):
        return argument.make()
    return argument.value


def _describe(entry: object, place: str) -> Argument:
    if isinstance(entry, (list, tuple)):
        raise ParityError(
            f"{place}: for a tensor with these values write `{{value: [...]}}`. For more tensors, `{{list: [...]}}`."
        )
    if not isinstance(entry, Mapping):
        return PlainValue(entry)
    for key in entry:
        if key not in _KEYS:
            hint = nearest_name(str(key), _KEYS) or f" Known are {', '.join(_KEYS)}."
            raise ParityError(f"{place}: `{key}` means nothing here.{hint}")
    if "from" in entry:
        if len(entry) > 1 or not isinstance(entry["from"], str):
            raise ParityError(f"{place}: `from` stands alone and names an input of the reference: {{from: img}}.")
        return SameAs(entry["from"])
    if "list" in entry:
        if len(entry) > 1 or not isinstance(entry["list"], (list, tuple)):
            raise ParityError(f"{place}: `list` stands alone and holds descriptions: {{list: [{{shape: [16, 4]}}]}}.")
        return Several(tuple(_describe(item, f"{place}, entry {index}") for index, item in enumerate(entry["list"])))
    if "mapping" in entry:
        if len(entry) > 1 or not isinstance(entry["mapping"], Mapping):
            raise ParityError(f"{place}: `mapping` stands alone: {{mapping: {{mask: {{shape: [2, 16]}}}}}}.")
        return Named({key: _describe(item, f"{place}, `{key}`") for key, item in entry["mapping"].items()})
    if "object" in entry:
        path, arguments = entry["object"], entry.get("arguments", {})
        if entry.keys() - {"object", "arguments"} or not (isinstance(path, str) and isinstance(arguments, Mapping)):
            raise ParityError(
                f"{place}: `object` is the import path of a class, and `arguments` a mapping: "
                "{object: package.module:Cache, arguments: {num_layers: 2}}."
            )
        return BuiltObject(path, load_object(path), arguments)
    if entry.get("kind") == "plain":
        return PlainValue(_required(entry, "value", place))
    dtype = _named_dtype(entry.get("dtype"), place)
    if "value" in entry:
        return _given(entry["value"], dtype, place)
    return _drawn(entry, dtype, place)


def _given(value: object, dtype: torch.dtype | None, place: str) -> GivenTensor:
    try:
        torch.tensor(value)
    except (TypeError, ValueError, RuntimeError) as error:
        raise ParityError(f"{place}: `value` makes no tensor: {error}.") from None
    return GivenTensor(value, dtype)


def _drawn(entry: Mapping[str, Any], dtype: torch.dtype | None, place: str) -> DrawnTensor:
    shape = _required(entry, "shape", place)
    if not (isinstance(shape, Sequence) and all(type(size) is int and size > 0 for size in shape)):
        raise ParityError(f"{place}: `shape` has to be a list of positive integers, for example [1, 16, 128].")
    kind = entry.get("kind")
    if kind is None:
        kind = "mask" if dtype is torch.bool else "normal"
    if kind not in _KINDS:
        raise ParityError(
            f"{place}: unknown kind `{kind}`.{nearest_name(str(kind), _KINDS)} Known are {', '.join(_KINDS)}, plain."
        )
    if kind in ("normal", "uniform") and dtype is not None and not (dtype.is_floating_point or dtype.is_complex):
        raise ParityError(f"{place}: integers need a range: `kind: integers` with `high`, or `kind: ids`.")
    low, high = entry.get("low", 0), entry.get("high")
    if kind == "ids" and high is None:
        high = shape[-2] if len(shape) > 1 else shape[-1]
    if kind in ("integers", "ids") and not (type(low) is int and type(high) is int and low < high):
        raise ParityError(
            f"{place}: `kind: {kind}` needs the integers `low` (0 if left out) and `high`, low below high."
        )
    return DrawnTensor(tuple(shape), kind, dtype or _KINDS[kind], low, high or 0)


def _required(entry: Mapping[str, Any], key: str, place: str) -> Any:
    if key not in entry:
        raise ParityError(f"{place}: needs `{key}`, for example {{shape: [1, 16, 128]}} or {{value: [0.5]}}.")
    return entry[key]


def _named_dtype(name: object, place: str) -> torch.dtype | None:
    if name is None:
        return None
    if name not in _DTYPES:
        raise ParityError(
            f"{place}: unknown dtype `{name}`.{nearest_name(str(name), _DTYPES)} Known are {', '.join(_DTYPES)}."
        )
    return _DTYPES[str(name)]
