"""The `parity` command: one subcommand a way of measuring."""

from __future__ import annotations

import click

from parity.commands.bisect import bisect
from parity.commands.compare import compare
from parity.commands.configs import configs
from parity.commands.diagnose import diagnose
from parity.commands.probe import probe
from parity.commands.report import report
from parity.commands.trace import trace


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="modelwright")
def main() -> None:
    """Measure how far one implementation of a model is from another."""


main.add_command(bisect)
main.add_command(compare)
main.add_command(configs)
main.add_command(diagnose)
main.add_command(probe)
main.add_command(report)
main.add_command(trace)
