"""`scaffold schema`: the JSON Schema of specs."""

from __future__ import annotations

import json

import click

from scaffold.parts import Library
from scaffold.resources import templates_root
from scaffold.schema import spec_schema


@click.command()
def schema() -> None:
    """Print the JSON Schema of specs, for an editor.

    With the YAML extension of VS Code: `scaffold schema > spec.schema.json`, and as the first line of a spec
    `# yaml-language-server: $schema=spec.schema.json`.
    """
    click.echo(json.dumps(spec_schema(Library(templates_root())), indent=2))
