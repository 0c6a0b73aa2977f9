"""The rules: a package a family, a module a rule. A rule is added by writing its module; nothing else names it."""

from __future__ import annotations

from functools import cache
from importlib import import_module
from pkgutil import iter_modules

from linter.rules.base import Rule


FAMILIES = {
    "ATT": "attention",
    "CPY": "copied_code",
    "REG": "registration",
    "WGT": "weights",
    "FWD": "forward",
    "MOD": "model_classes",
    "LNT": "linter_itself",
    "SKL": "skill_pack",
}


@cache
def all_rules() -> tuple[type[Rule], ...]:
    """Every rule, sorted by code."""
    found: list[type[Rule]] = []
    for family in FAMILIES.values():
        package = import_module(f"{__name__}.{family}")
        for item in iter_modules(package.__path__, f"{package.__name__}."):
            module = import_module(item.name)
            found.extend(
                value
                for value in vars(module).values()
                if isinstance(value, type)
                and issubclass(value, Rule)
                and "code" in vars(value)
                # A module may also import another rule's class, for its examples.
                and value.__module__ == module.__name__
            )
    return tuple(sorted(found, key=lambda rule: rule.code))


@cache
def rules_by_code() -> dict[str, type[Rule]]:
    """Every rule by its code."""
    return {rule.code: rule for rule in all_rules()}


__all__ = ["FAMILIES", "Rule", "all_rules", "rules_by_code"]
