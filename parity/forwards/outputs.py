"""What an output holds, by its place."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping


def named_tensors(output: object, name: str = "") -> Iterator[tuple[str, object]]:
    """Walks an output and yields each leaf with its place.

    Mappings (diffusers' and transformers' output classes are such), dataclasses, tuples and lists are opened; all else
    is a leaf, tensor or not. Entries that are None are left out.

    Args:
        output: What a forward returned.
        name: The place of `output` itself.
    """
    if isinstance(output, Mapping):
        entries = [(str(key), value) for key, value in output.items()]
    elif dataclasses.is_dataclass(output) and not isinstance(output, type):
        entries = [(field.name, getattr(output, field.name)) for field in dataclasses.fields(output)]
    elif isinstance(output, (tuple, list)):
        keys = getattr(output, "_fields", range(len(output)))
        entries = [(str(key), value) for key, value in zip(keys, output, strict=True)]
    else:
        if output is not None:
            yield name or "output", output
        return
    for key, value in entries:
        yield from named_tensors(value, f"{name}.{key}" if name else key)
