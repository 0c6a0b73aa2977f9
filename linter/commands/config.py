"""`linter config`: the settings in force, and where each is from."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import click

from linter.commands.request import file_options, overrides, refusing, working_directory


if TYPE_CHECKING:
    from linter.settings import Settings


@click.command("config")
@file_options
@click.option("--schema", is_flag=True, help="Print the JSON Schema of [tool.linter] instead.")
@refusing
def config_command(schema: bool, **options: Any) -> None:
    """Show the settings in force, and where each is from."""
    from linter.settings import read_settings, settings_schema

    if schema:
        click.echo(json.dumps(settings_schema(), indent=2))
    else:
        click.echo(shown_settings(read_settings(working_directory(), overrides(options))))


def shown_settings(settings: Settings) -> str:
    """The settings as TOML, a line each, with a comment that says where it is from."""
    values: dict[str, object] = {
        "select": list(settings.select),
        "ignore": list(settings.ignore),
        "exclude": list(settings.exclude),
        "per-file-ignores": {pattern: list(codes) for pattern, codes in settings.per_file_ignores.items()},
        "cache-dir": str(settings.cache_dir),
        "baseline": str(settings.baseline) if settings.baseline else None,
    }
    rows = [f"# relative to {settings.root}", "[tool.linter]"]
    for key, value in values.items():
        origin = " and ".join(settings.origins[key])
        rows.append(f"# {key}: none  # {origin}" if value is None else f"{key} = {_toml(value)}  # {origin}")
    if settings.extend_select:
        rows.append(f"# besides: {', '.join(settings.extend_select)}  # command line")
    return "\n".join(rows)


def _toml(value: object) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{json.dumps(key)} = {_toml(item)}" for key, item in value.items()) + "}"
    return json.dumps(value, ensure_ascii=False)
