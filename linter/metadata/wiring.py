"""Whether the wiring is there that a model's capabilities need.

The rules know the wiring. A capability names its rules, and their findings at the model, and at what it is built of,
are what it lacks: the table and `linter check` cannot disagree.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

from linter.findings import Finding
from linter.metadata.capabilities import CAPABILITIES, Capability
from linter.metadata.declarations import Declaration, processors_of
from linter.project import Class, Function
from linter.project.hook_tables import hook_tables
from linter.project.profiles import profile_of
from linter.project.single_file import single_file_table
from linter.rules import rules_by_code


class Status(str, Enum):
    """What is known of a capability, which is declared in the first three."""

    WIRED = "wired"
    """Its rules look at its wiring and find nothing."""
    BROKEN = "broken"
    """Its rules find something."""
    DECLARED = "declared"
    """No rule can tell more without running it."""
    MISSING = "missing"
    """A rule asks for it."""
    ABSENT = "absent"


_Declared = tuple[Capability, Declaration | None]


@dataclass(frozen=True)
class Row:
    """What one class declares of one capability, and what its wiring lacks."""

    capability: Capability
    declaration: Declaration | None
    status: Status
    findings: tuple[Finding, ...] = ()


def capability_rows(cls: Class, findings: Iterable[Finding]) -> tuple[Row, ...]:
    """The table of a model class, a row for each capability.

    Args:
        cls: The model.
        findings: What the rules of `capability_codes` find in the files of `grounds`. More does no harm.
    """
    declared = [(capability, capability.declared(cls)) for capability in CAPABILITIES]
    lacking: dict[str, list[Finding]] = {}
    for finding in _concerning(cls, findings, declared):
        lacking.setdefault(_responsible(finding, declared), []).append(finding)
    rows = []
    for capability, declaration in declared:
        found = tuple(lacking.get(capability.name, ()))
        if declaration is None:
            status = Status.MISSING if found else Status.ABSENT
        elif found:
            status = Status.BROKEN
        else:
            status = Status.WIRED if _is_judged(capability, cls) else Status.DECLARED
        rows.append(Row(capability, declaration, status, found))
    return tuple(rows)


def capability_codes() -> frozenset[str]:
    """The codes of all rules that know the wiring of some capability."""
    return frozenset(code for capability in CAPABILITIES for code in capability.rules)


def grounds(cls: Class) -> list[Path]:
    """The files where rules may find something about a model: its own, its parts', and the library's tables."""
    tables = hook_tables(cls.module), single_file_table(cls.module)
    homes = {table.module.path for table in tables if table is not None}
    declared = (capability.declared(cls) for capability in CAPABILITIES)
    for declaration in declared:
        if declaration is not None:
            homes |= {home.path for home in (declaration.module, declaration.handler) if home is not None}
    return sorted(homes | {path for path, _ in _definitions(cls)})


def _is_judged(capability: Capability, cls: Class) -> bool:
    """Whether there are rules for a capability, which apply here and can tell."""
    rules = [rules_by_code()[code] for code in capability.rules]
    return bool(rules) and all(profile_of(cls.module) in rule.profiles for rule in rules) and capability.is_seen(cls)


def _concerning(cls: Class, findings: Iterable[Finding], declared: Sequence[_Declared]) -> Iterator[Finding]:
    """The findings about a model, what it is built of, what it declares, and what library tables say of these."""
    definitions = _definitions(cls)
    codes = capability_codes()
    hooks, single_file = hook_tables(cls.module), single_file_table(cls.module)
    parts = cls.all_parts()
    registered = {
        item.metadata.span
        for item in (hooks.blocks if hooks else ())
        if item.metadata is not None and any(item.names(part) for part in parts)
    }
    for finding in findings:
        path = Path(finding.path)
        if finding.code in codes and (
            (path, finding.symbol) in definitions
            or any(_is_at(finding, each) for each in declared)
            or (hooks is not None and path == hooks.module.path and finding.span in registered)
            or (single_file is not None and path == single_file.module.path and finding.symbol == cls.name)
        ):
            yield finding


def _responsible(finding: Finding, declared: Sequence[_Declared]) -> str:
    """The capability that a finding is about: of several that name its rule, the one that is declared where it
    stands, else the one that it names, else the last, which no attribute declares.
    """
    knowing = [each for each in declared if finding.code in each[0].rules]
    there = [each for each in knowing if _is_at(finding, each)]
    named = [each for each in knowing if f"`{each[0].name}`" in finding.message]
    return (there or named or knowing)[-1][0].name


def _is_at(finding: Finding, declared: _Declared) -> bool:
    capability, declaration = declared
    return finding.code in capability.rules and declaration is not None and declaration.is_at(finding)


def _definitions(cls: Class) -> set[tuple[Path, str]]:
    """File and qualified name of a model, of the classes that it is built of, and of all functions that these run.

    A model that is a part of another has a table of its own.
    """
    found: set[tuple[Path, str]] = set()
    replaced = _replaced_processors(cls)
    parts = [cls, *(part for part in cls.all_parts()[1:] if not part.is_model and part not in replaced)]
    computing = [processor for part in parts for processor in processors_of(part)]
    for part in dict.fromkeys([*parts, *computing]):
        found.add((part.module.path, part.qualname))
        for method in _methods(part):
            found.add((method.module.path, method.qualname))
            # What attention runs may lie in helpers, of which its rules speak.
            if method.name == ("__call__" if part in computing else "forward"):
                found |= {(function.module.path, function.qualname) for function in method.reached}
    return found


def _replaced_processors(cls: Class) -> list[Class]:
    """The default processors of attention layers that are given another one wherever the model builds them."""
    parts = cls.all_parts()
    inits = [init for part in parts if (init := part.own_methods.get("__init__")) is not None]
    found: list[Class] = []
    for layer in parts:
        defaults = [part for part in layer.parts() if part.is_processor]
        calls = [
            call for init in inits for call in init.facts.calls if init.module.find(call.path, init.facts) is layer
        ]
        if defaults and calls and all(call.argument("processor") not in (None, "None") for call in calls):
            found += defaults
    return found


def _methods(cls: Class) -> Iterator[Function]:
    """The methods of a class, each as it is inherited."""
    names = {name for ancestor in cls.ancestors if isinstance(ancestor, Class) for name in ancestor.own_methods}
    for name in sorted(names):
        if (method := cls.method(name)) is not None:
            yield method
