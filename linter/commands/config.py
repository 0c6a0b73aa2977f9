"""`linter config`: the settings in force, and where each is from."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
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
    """Show the settings in force, where each is from, and as what kind of project the packages here are checked."""
    from linter.settings import read_settings, settings_schema

    if schema:
        click.echo(json.dumps(settings_schema(), indent=2))
    else:
        here = working_directory()
        click.echo(shown_settings(read_settings(here, overrides(options)), here))


def shown_settings(settings: Settings, here: Path) -> str:
    """The settings as TOML, a line each, with a comment that says where it is from; and the profiles in a folder."""
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
    return "\n".join([*rows, *_shown_profiles(here)])


def _shown_profiles(here: Path) -> Iterator[str]:
    """A comment for each profile in a folder: the packages that have it, and the rules that are not run there."""
    from linter.cache import MemoryCache
    from linter.files import Files
    from linter.project import Project
    from linter.project.profiles import Profile, packages_below, profile_of
    from linter.rules import all_rules

    found: dict[Profile, list[str]] = {}
    for package in packages_below(Project(Files(MemoryCache(), {})), here):
        folder = package.path.parent
        shown = folder.relative_to(here).as_posix() if folder.is_relative_to(here) else str(folder)
        found.setdefault(profile_of(package), []).append(shown)
    for profile, folders in (found or {Profile.FILES: ["."]}).items():
        without = ", ".join(rule.code for rule in all_rules() if rule.profiles and profile not in rule.profiles)
        rules = f"without {without}" if without else "all rules"
        yield f"# profile {profile.title}: {', '.join(folders)} ({profile.meaning}), {rules}"


def _toml(value: object) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{json.dumps(key)} = {_toml(item)}" for key, item in value.items()) + "}"
    return json.dumps(value, ensure_ascii=False)
