"""What goes wrong because of what a person asked for, said so that the person can mend it."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class ParityError(Exception):
    """A request that cannot be carried out; the message is one clear text for the person who made it."""


def nearest_name(name: str, known: Iterable[str]) -> str:
    """Returns the hint ` Did you mean ...?` for the known name most like `name`, or an empty text if none is near."""
    close = difflib.get_close_matches(name, sorted(known), n=1, cutoff=0.7)
    return f" Did you mean `{close[0]}`?" if close else ""
