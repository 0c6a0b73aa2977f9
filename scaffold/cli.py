"""The `scaffold` command: one subcommand a kind of thing it writes."""

from __future__ import annotations

import click

from scaffold.commands.adding import modular, pipeline, tests
from scaffold.commands.inspect import inspect_checkpoint
from scaffold.commands.list import list_presets
from scaffold.commands.model import model
from scaffold.commands.rule import rule
from scaffold.commands.schema import schema
from scaffold.commands.skills import skills
from scaffold.commands.undo import undo
from scaffold.commands.update import update


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="modelwright")
def main() -> None:
    """Write models that obey every convention, and install the guides that explain them."""


main.add_command(inspect_checkpoint)
main.add_command(list_presets)
main.add_command(model)
main.add_command(modular)
main.add_command(pipeline)
main.add_command(rule)
main.add_command(schema)
main.add_command(skills)
main.add_command(tests)
main.add_command(undo)
main.add_command(update)
