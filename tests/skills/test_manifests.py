"""The manifests that make the pack a plugin say what their one source says, in the form that each agent asks for."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from scaffold.resources import skill_pack_root
from scaffold.skills.manifests import manifests
from scaffold.skills.pack import skills_in


MANIFESTS = {
    "plugin.json": {"$schema", "name", "version", "description", "license", "keywords", "author"},
    ".claude-plugin/plugin.json": {"name", "version", "description", "license", "keywords", "author"},
    ".codex-plugin/plugin.json": {
        *("name", "version", "description", "license", "keywords", "author", "skills", "interface")
    },
    "../.claude-plugin/marketplace.json": {"name", "owner", "metadata", "plugins"},
}
"""The keys of each manifest; the schemas of the first and of Codex's are closed."""

CLAUDE = Path(sys.prefix) / "schemas/node_modules/.bin/claude"
"""From npm; `make setup` fetches it."""


def claude_validate(manifest: Path, home: Path) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "HOME": str(home), "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1"}
    command = [str(CLAUDE), "plugin", "validate", str(manifest)]
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120)


@pytest.mark.parametrize("name", MANIFESTS)
def test_manifests_are_what_their_one_source_says(name: str) -> None:
    pack = skill_pack_root()
    path = (pack / name).resolve()
    text = path.read_text(encoding="utf-8")
    assert manifests(pack)[path] == text, "run `scaffold skills sync`"
    document = json.loads(text)
    assert document.keys() == MANIFESTS[name]
    assert re.fullmatch(r"(?!.*(--|\.\.))[a-z0-9]([a-z0-9.-]*[a-z0-9])?", document["name"])
    if "version" in document:
        assert re.fullmatch(r"\d+\.\d+\.\d+", document["version"])
        assert f'version = "{document["version"]}"' in (pack.parent / "pyproject.toml").read_text(encoding="utf-8")


def test_what_manifests_point_to_is_there_and_inside_the_plugin() -> None:
    pack = skill_pack_root()
    codex = json.loads((pack / ".codex-plugin/plugin.json").read_text(encoding="utf-8"))
    assert (pack / codex["skills"]).resolve() == pack / "skills"
    assert {"displayName", "shortDescription", "longDescription", "developerName", "category", "capabilities"} <= (
        codex["interface"].keys()
    )
    assert 1 <= len(codex["interface"]["defaultPrompt"]) <= 3
    assert all(skill.name in codex["interface"]["longDescription"] for skill in skills_in(pack))
    market = json.loads((pack.parent / ".claude-plugin/marketplace.json").read_text(encoding="utf-8"))
    assert [(pack.parent / plugin["source"]).resolve() for plugin in market["plugins"]] == [pack]


@pytest.mark.parametrize("manifest", [".ai/.claude-plugin/plugin.json", ".claude-plugin/marketplace.json"])
def test_claude_code_takes_its_manifests(manifest: str, tmp_path: Path) -> None:
    done = claude_validate(skill_pack_root().parent / manifest, tmp_path)
    assert done.returncode == 0, done.stdout
    assert "Validation passed\n" in done.stdout, "without a warning"


def test_claude_code_refuses_a_manifest_with_a_key_that_it_does_not_know(tmp_path: Path) -> None:
    shutil.copytree(skill_pack_root() / ".claude-plugin", tmp_path / ".claude-plugin")
    manifest = tmp_path / ".claude-plugin/plugin.json"
    manifest.write_text(json.dumps({**json.loads(manifest.read_text(encoding="utf-8")), "$schema": "a name"}))
    done = claude_validate(manifest, tmp_path)
    assert done.returncode == 1
    assert "$schema" in done.stdout
