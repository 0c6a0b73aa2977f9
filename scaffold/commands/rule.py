"""`scaffold rule`: a rule of the linter that forbids a call, complete and tested."""

from __future__ import annotations

from pathlib import Path

import click

from scaffold.commands.choosing import refuse
from scaffold.commands.showing import plan_options, settle
from scaffold.errors import ScaffoldError
from scaffold.rule import NewRule, plan_rule


@click.command()
@click.argument("code", metavar="CODE")
@click.argument("name", metavar="NAME")
@click.option("--forbids", metavar="CALL", required=True, help="What must not be called, such as torch.vmap.")
@click.option("--instead", metavar="CALL", required=True, help="What serves in its place, such as torch.stack.")
@click.option("--why", metavar="TEXT", required=True, help="What goes wrong, in whole sentences.")
@click.option(
    "--into",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    default=".",
    help="The checkout of modelwright; the current directory by default.",
)
@plan_options
def rule(code: str, name: str, forbids: str, instead: str, why: str, into: Path, shown: str | None) -> None:
    """Write a new rule of the linter that forbids a call: FWD030 no-vmap.

    The module has its documentation and its examples, the cases their lines, the guide its sentence. The rule's tests
    run first, on a copy: where they fail, nothing is written. `scaffold undo` takes the rule back. A convention that
    is more than a call is written by hand: see CONTRIBUTING.md.
    """
    try:
        plan = plan_rule(NewRule(code, name, forbids, instead, why), into)
        if not settle(plan, shown):
            return
    except ScaffoldError as error:
        refuse(error)
    for change in plan.shown:
        click.echo(f"wrote {into / change.path}")
    click.echo(f"The examples of {code} are found and silent as they should be. Run it over diffusers next.")
