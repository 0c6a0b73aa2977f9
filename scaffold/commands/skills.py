"""`scaffold skills`: installs the skill pack for an agent, checks the installation, and removes it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

import click

from scaffold.errors import ScaffoldError
from scaffold.resources import skill_pack_root
from scaffold.skills import AGENTS, Outcome, sync_references
from scaffold.skills import check as check_pack
from scaffold.skills import install as install_pack
from scaffold.skills import remove as remove_pack


_Result = TypeVar("_Result")

_DONE = {
    "create": "installed",
    "update": "updated",
    "remove": "removed",
    "unchanged": "unchanged",
    "present": "unchanged",
    "edited": "kept",
    "foreign": "left alone",
    "yours": "left alone",
}
_PLANNED = _DONE | {"create": "would install", "update": "would update", "remove": "would remove"}
_FOUND = _DONE | {"create": "missing", "update": "outdated", "remove": "not in the pack", "edited": "edited"}

_WHY = {
    "edited": "it was edited since it was installed, so it stays",
    "foreign": "not installed by scaffold; rename it and run this again to have the pack's own",
    "present": "as the pack has it, but not installed by scaffold, so it is never removed",
}

_into = click.option(
    "--into",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    default=".",
    help="The repository; the current directory by default.",
)
_dry_run = click.option("--dry-run", is_flag=True, help="Say what would be done, and change nothing.")


class _Refusal(click.ClickException):
    exit_code = 2


@click.group()
def skills() -> None:
    """Install the skill pack for a coding agent, check the installation, remove it.

    Nothing is replaced or removed but what was installed before and is still as it was installed.

    Exit code: 0 if all is as the pack has it, 1 if something is left for a person to look at, 2 if the command cannot
    run.
    """


@skills.command()
@click.option("--agent", type=click.Choice(sorted(AGENTS)), required=True, help="Whose folders to fill.")
@_into
@click.option("--copy", is_flag=True, help="Copy the skills, even where links to them would work.")
@_dry_run
def install(agent: str, into: Path, copy: bool, dry_run: bool) -> None:
    """Put the skills and the index where the agent looks."""
    outcomes = _run(lambda: install_pack(skill_pack_root(), into, agent, copy=copy, dry_run=dry_run))
    _report(outcomes, _PLANNED if dry_run else _DONE)


@skills.command()
@_into
@_dry_run
def remove(into: Path, dry_run: bool) -> None:
    """Take away what was installed, for every agent."""
    outcomes = _run(lambda: remove_pack(into, dry_run=dry_run))
    if not outcomes:
        click.echo("Nothing is installed here.")
    _report(outcomes, _PLANNED if dry_run else _DONE)


@skills.command()
@_into
def check(into: Path) -> None:
    """Compare the installation with the pack."""
    outcomes = _run(lambda: check_pack(skill_pack_root(), into))
    _report(outcomes, _FOUND)
    if outcomes:
        raise click.exceptions.Exit(1)
    click.echo("The installation is as the pack has it.")


@skills.command()
def sync() -> None:
    """Copy the guides into the skills that cite them, after an edit of the pack."""
    changed = _run(lambda: sync_references(skill_pack_root()))
    for path in changed:
        click.echo(f"updated       {path}")


def _run(work: Callable[[], _Result]) -> _Result:
    try:
        return work()
    except ScaffoldError as error:
        raise _Refusal(str(error)) from error


def _report(outcomes: Sequence[Outcome], words: dict[str, str]) -> None:
    for outcome in outcomes:
        line = f"{words[outcome.action]:<13} {outcome.path}"
        if outcome.link:
            line += f" -> {outcome.link}"
        if outcome.action in _WHY:
            line += f"  ({_WHY[outcome.action]})"
        if outcome.action == "yours":
            line += "  (it is yours)" if not outcome.hint else f"  (it is yours; add this line to it: {outcome.hint})"
        click.echo(line)
    if any(outcome.needs_a_person for outcome in outcomes):
        raise click.exceptions.Exit(1)
