"""Which rules count: `--select` and `--ignore` by code, family or `ALL`, with the nearest name for an unknown one."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from difflib import get_close_matches

from linter.errors import LinterError
from linter.rules import FAMILIES, rules_by_code


ALWAYS = frozenset({"LNT001", "LNT005"})
"""A file that cannot be read is said whatever is selected."""


def selected_codes(select: Sequence[str], ignore: Sequence[str]) -> frozenset[str]:
    """The codes that a selection means. Nothing selected means every rule; what is mere advice is not shown then.

    Raises:
        LinterError: a name that is no code and no family.
    """
    chosen = expand(select or ["ALL"])
    # The more exact name wins: `--select ATT001 --ignore ATT` keeps ATT001.
    exact = {name.upper() for name in select} & set(rules_by_code())
    ignored = {code for name in ignore for code in expand([name]) if name.upper() == code or code not in exact}
    return frozenset(chosen - ignored) | ALWAYS


def expand(names: Iterable[str]) -> set[str]:
    """The codes of codes, families and `ALL`.

    Raises:
        LinterError: a name that is none of these.
    """
    codes = rules_by_code()
    found: set[str] = set()
    for name in names:
        wanted = name.strip().upper()
        if wanted == "ALL":
            found |= set(codes)
        elif wanted in codes:
            found.add(wanted)
        elif wanted in FAMILIES:
            found |= {code for code, rule in codes.items() if rule.family() == wanted}
        else:
            near = did_you_mean(name, [*codes, *FAMILIES, "ALL"])
            raise LinterError(f"unknown rule `{name}`{near or '.'} `linter rules` lists every code.")
    return found


def did_you_mean(name: str, names: Iterable[str]) -> str:
    """`; did you mean ATT001?` for a near miss of one of the names, else nothing."""
    near = get_close_matches(name.strip().upper(), list(names), n=1, cutoff=0.6)
    return f"; did you mean `{near[0]}`?" if near else ""
