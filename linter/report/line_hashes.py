"""The hashes by which GitHub's code scanning knows a line again; other ones make it warn and lose track."""

from __future__ import annotations

from collections import Counter


_LENGTH = 100
_FACTOR = 37
_BITS = (1 << 64) - 1
_END = 0xFFFF


def line_hashes(text: str) -> dict[int, str]:
    """The hash of each line, by its number.

    A line's hash is a polynomial over the 100 characters (as UTF-16 units) from its beginning on, blanks and tabs left
    out and every line end read as one newline; behind it stands which line of that hash it is. The algorithm is that
    of `github/codeql-action`, which computes it where a report brings none.
    """
    units: list[int] = []
    starts: list[int] = []
    for line in _lines(text):
        starts.append(len(units))
        encoded = line.replace(" ", "").replace("\t", "").encode("utf-16-le", "surrogatepass")
        units.extend(int.from_bytes(encoded[at : at + 2], "little") for at in range(0, len(encoded), 2))
    units.append(_END)
    units.extend([0] * _LENGTH)
    seen: Counter[int] = Counter()
    hashes = {}
    for number, start in enumerate(starts, start=1):
        value = 0
        for unit in units[start : start + _LENGTH]:
            value = (value * _FACTOR + unit) & _BITS
        seen[value] += 1
        hashes[number] = f"{value:x}:{seen[value]}"
    return hashes


def _lines(text: str) -> list[str]:
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    return [f"{line}\n" for line in lines[:-1]] + lines[-1:]
