"""The rules, one module a family. A rule is added by writing its class there; it is found by its base class."""

from __future__ import annotations

from functools import cache

from linter.rules import attention, copied_code, forward, linter_itself, model_classes, registration
from linter.rules.base import Rule


FAMILIES = {
    "ATT": attention,
    "CPY": copied_code,
    "REG": registration,
    "FWD": forward,
    "MOD": model_classes,
    "LNT": linter_itself,
}


@cache
def all_rules() -> tuple[type[Rule], ...]:
    """Every rule, sorted by code."""
    found = [
        value
        for module in FAMILIES.values()
        for value in vars(module).values()
        if isinstance(value, type) and issubclass(value, Rule) and "code" in vars(value)
    ]
    return tuple(sorted(found, key=lambda rule: rule.code))


@cache
def rules_by_code() -> dict[str, type[Rule]]:
    """Every rule by its code."""
    return {rule.code: rule for rule in all_rules()}


__all__ = ["FAMILIES", "Rule", "all_rules", "rules_by_code"]
