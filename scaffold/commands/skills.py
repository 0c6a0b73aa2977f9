"""`scaffold skills`: installs the skill pack for an agent, updates and examines the installation, and removes it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from textwrap import shorten
from typing import TypeVar

import click

from scaffold.errors import ScaffoldError
from scaffold.resources import skill_pack_root
from scaffold.skills import AGENTS, Outcome, Sight, examine, sync_pack
from scaffold.skills import check as check_pack
from scaffold.skills import install as install_pack
from scaffold.skills import remove as remove_pack
from scaffold.skills import update as update_pack


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
_check = click.option("--check", is_flag=True, help="Change nothing, and end with 1 where something would change.")
_dry_run = click.option("--dry-run", is_flag=True, help="Say what would be done, and change nothing.")


class _Refusal(click.ClickException):
    exit_code = 2


@click.group()
def skills() -> None:
    """Install the skill pack for a coding agent, update, check and examine the installation, remove it.

    Nothing is replaced or removed but what was installed before and is still as it was installed.

    Exit code: 0 if all is as the pack has it, 1 if something is left for a person to look at, 2 if the command cannot
    run.
    """


@skills.command()
@click.option("--agent", type=click.Choice(sorted(AGENTS)), required=True, help="Whose folders to fill.")
@_into
@click.option("--copy", is_flag=True, help="Copy the skills, even where links to them would work.")
@_check
@_dry_run
def install(agent: str, into: Path, copy: bool, check: bool, dry_run: bool) -> None:
    """Put the skills and the index where the agent looks."""
    outcomes = _run(lambda: install_pack(skill_pack_root(), into, agent, copy=copy, dry_run=dry_run or check))
    _report(outcomes, _PLANNED if dry_run or check else _DONE)
    _end_if_stale(check, outcomes)


@skills.command()
@_into
@_check
@_dry_run
def update(into: Path, check: bool, dry_run: bool) -> None:
    """Bring what is installed up to date, for the agents that it is for."""
    outcomes = _run(lambda: update_pack(skill_pack_root(), into, dry_run=dry_run or check))
    _report(outcomes, _PLANNED if dry_run or check else _DONE)
    _end_if_stale(check, outcomes)


@skills.command()
@_into
@click.option("--json", "as_json", is_flag=True, help="Print it for programs.")
def doctor(into: Path, as_json: bool) -> None:
    """Show what each agent will see, and what keeps a skill from being seen.

    Exit code 1: an agent will not see, or will skip, something that lies in its folder.
    """
    sights = _run(lambda: examine(into.resolve()))
    if as_json:
        click.echo(json.dumps({"schema": 1, "agents": [asdict(sight) for sight in sights]}, indent=2))
    else:
        for sight in sights:
            for line in _lines(sight):
                click.echo(line)
    if any(sight.trouble or any(skill.trouble for skill in sight.skills) for sight in sights):
        raise click.exceptions.Exit(1)


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
    """Write the tables of rules and the guides in skills anew, after an edit of the pack."""
    changed = _run(lambda: sync_pack(skill_pack_root()))
    for path in changed:
        click.echo(f"updated       {path}")


def _run(work: Callable[[], _Result]) -> _Result:
    try:
        return work()
    except ScaffoldError as error:
        raise _Refusal(str(error)) from error


def _end_if_stale(check: bool, outcomes: Sequence[Outcome]) -> None:
    if check and any(outcome.action in ("create", "update", "remove") for outcome in outcomes):
        raise click.exceptions.Exit(1)


def _lines(sight: Sight) -> Iterator[str]:
    """A sight for a person: the memory file, then a line a skill."""
    yield f"{sight.agent}"
    if sight.tokens is None:
        yield f"  {sight.memory}: absent, so nothing is read before a skill is chosen"
    else:
        leads = "leads to skills" if sight.leads_to_skills else "does not mention skills"
        yield f"  {sight.memory}: about {sight.tokens} tokens in every session, {leads}"
    folder = AGENTS[sight.agent].skills
    if sight.trouble or not sight.skills:
        yield f"  {folder}: {sight.trouble or 'no skills'}"
        return
    seen = [skill for skill in sight.skills if not skill.trouble]
    yield f"  {folder}: {len(seen)} skills, about {sum(skill.tokens for skill in seen)} tokens in every session"
    width = max(len(Path(skill.path).name) for skill in sight.skills)
    for skill in sight.skills:
        says = f"NOT SEEN: {skill.trouble}" if skill.trouble else shorten(skill.description, 60, placeholder=" ...")
        yield f"    {Path(skill.path).name:<{width}}  {skill.origin:<6}  {says}"


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
