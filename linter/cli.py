"""The `linter` command.

What a subcommand needs is imported when it runs, so that help and documentation stay quick.
"""

from __future__ import annotations

import gc
import io
import sys

import click

from linter.commands.baseline import baseline_command
from linter.commands.check import check_command
from linter.commands.config import config_command
from linter.commands.fix import fix_command
from linter.commands.hook import hook_command
from linter.commands.metadata import metadata_command
from linter.commands.rules import rules_command
from linter.commands.skills import skills_command


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="modelwright")
def main() -> None:
    """Check that code written for diffusers follows its conventions."""
    # A run makes millions of small values that live until its end and no cycles worth looking for.
    gc.disable()
    # A name that the terminal's encoding lacks is shown escaped.
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


for command in (
    check_command,
    fix_command,
    rules_command,
    metadata_command,
    config_command,
    baseline_command,
    skills_command,
    hook_command,
):
    main.add_command(command)
