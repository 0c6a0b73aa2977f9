"""The `linter` command."""

from __future__ import annotations

import click


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="modelwright")
def main() -> None:
    """Check that code written for diffusers follows its conventions."""
