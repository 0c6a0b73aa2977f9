"""The manifests that make the pack a plugin: one description, told to each agent in its own form."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from scaffold.skills.pack import skills_in


if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib


_SPECIFICATION = "https://agent-plugins.org/schemas/1.0.0/plugin.schema.json"
_PROMPTS = ["Add this model to diffusers.", "Why do these two models differ?", "Review my change."]


def manifests(pack: Path) -> dict[Path, str]:
    """What each manifest should hold: those in the pack, and the list of plugins at the root of its checkout.

    Name, version, description, license and keywords are those of the `pyproject.toml` beside the pack; a pack
    without one, such as that of a wheel, has none to write.
    """
    source = pack.parent / "pyproject.toml"
    if not source.is_file():
        return {}
    project = tomllib.loads(source.read_text(encoding="utf-8"))["project"]
    shared = {name: project[name] for name in ("name", "version", "description", "license", "keywords")}
    shared["keywords"] = [keyword.replace(" ", "-") for keyword in shared["keywords"]]
    people = {"name": f"{project['name']} contributors"}
    documents: dict[Path, dict[str, Any]] = {
        pack / "plugin.json": {"$schema": _SPECIFICATION, **shared, "author": people},
        # Versions of Claude Code that people have refuse `$schema` in a manifest, here and in the list of plugins.
        pack / ".claude-plugin/plugin.json": {**shared, "author": people},
        pack / ".codex-plugin/plugin.json": {
            **shared,
            "author": people,
            "skills": "./skills/",
            "interface": {
                "displayName": project["name"].capitalize(),
                "shortDescription": "Workflows for models in diffusers",
                "longDescription": f"{project['description']} Skills: "
                + ", ".join(skill.name for skill in skills_in(pack))
                + ".",
                "developerName": people["name"],
                "category": "Developer Tools",
                "capabilities": ["Interactive", "Write"],
                "defaultPrompt": _PROMPTS,
            },
        },
        pack.parent / ".claude-plugin/marketplace.json": {
            "name": project["name"],
            "owner": people,
            "metadata": {"description": project["description"]},
            "plugins": [
                {
                    "name": project["name"],
                    "description": project["description"],
                    "source": f"./{pack.name}",
                    "category": "development",
                }
            ],
        },
    }
    return {path: json.dumps(document, indent=2) + "\n" for path, document in documents.items()}
