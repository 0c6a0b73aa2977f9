"""`linter hook`: tell a coding agent, in its own protocol, what is wrong with the file that it has just written."""

from __future__ import annotations

import sys

import click

from linter.commands.check import without_known
from linter.commands.request import request
from linter.errors import LinterError


_FOR_THE_PERSON, _FOR_THE_AGENT = 1, 2


@click.command("hook")
def hook_command() -> None:
    """Check the file that a coding agent has just written, as its hook.

    Standard input is what Claude Code or Codex hands to a PostToolUse hook. What is found goes to standard error, with
    the guide's sentence and the fix; the rules, the baseline and the exclusions are those of the configuration.

    Exit code 0: nothing found, or no Python file written. 2: findings, which the agent is to read. 1: nothing could be
    checked, which concerns the person.
    """
    from linter.agent_edits import edited_files
    from linter.engine import check
    from linter.report import render
    from linter.report.view import View

    try:
        files = edited_files(sys.stdin.buffer.read())
        if not files:
            return
        asked = request(tuple(files), {"force_exclude": True})
        report = without_known(check(asked.files, asked.config, asked.cache), asked)
    except LinterError as error:
        click.echo(f"linter hook: {error}", err=True)
        sys.exit(_FOR_THE_PERSON)
    if report.findings:
        click.echo(click.unstyle(render(report, "full", View(asked.here))), err=True)
        sys.exit(_FOR_THE_AGENT)
