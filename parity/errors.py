"""What goes wrong because of what a person asked for, said so that the person can mend it."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class ParityError(Exception):
    """A request that cannot be carried out; the message is one clear text for the person who made it."""


# What torch says where a GPU is asked for and there is none.
_WITHOUT_GPU = ("not compiled with CUDA", "No CUDA GPUs are available", "Found no NVIDIA driver")


def describe(error: Exception) -> str:
    """Says what foreign code raised, and what to do about a GPU that it asks for and that is not there."""
    text = f"{type(error).__name__}: {error}"
    if asks_for_gpu(error):
        return f"{text.rstrip('.')}. It asks for a GPU, and here is none: let it run on the device of its inputs."
    return text


def asks_for_gpu(error: Exception) -> bool:
    """Whether code failed because it wants a GPU on a machine that has none."""
    return any(words in str(error) for words in _WITHOUT_GPU)


def nearest_name(name: str, known: Iterable[str]) -> str:
    """Returns the hint ` Did you mean ...?` for the known name most like `name`, or an empty text if none is near."""
    close = difflib.get_close_matches(name, sorted(known), n=1, cutoff=0.7)
    return f" Did you mean `{close[0]}`?" if close else ""
