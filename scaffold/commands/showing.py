"""How the commands that write show their plan: `--dry-run`, `--diff` and `--json`, which write nothing."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import click

from scaffold.applying import apply
from scaffold.errors import ScaffoldError
from scaffold.plan import Plan


_Command = TypeVar("_Command", bound=Callable[..., Any])

_WAYS: dict[str, Callable[[Plan], str]] = {
    "--dry-run": lambda plan: f"{plan.describe()}\nNothing was written (--dry-run).\n",
    "--diff": Plan.diff,
    "--json": lambda plan: f"{plan.as_json()}\n",
}


def plan_options(command: _Command) -> _Command:
    """Give a command the options by which it shows its plan instead of applying it; they come as `shown`."""
    for flag, text in (
        ("--json", "Print the plan for programs, with the hashes of each file, and write nothing."),
        ("--diff", "Print the plan as a unified diff and write nothing."),
        ("--dry-run", "Print the plan and write nothing."),
    ):
        command = click.option(flag, "shown", flag_value=flag, help=text)(command)
    return command


def settle(plan: Plan, shown: str | None) -> bool:
    """Show a plan or apply it, and say whether it was applied.

    Raises:
        ScaffoldError: it cannot be applied.
    """
    if shown is None:
        apply(plan)
        return True
    if shown not in _WAYS:
        raise ScaffoldError(f"{shown} is no way of showing a plan")
    click.echo(_WAYS[shown](plan), nl=False)
    return False
