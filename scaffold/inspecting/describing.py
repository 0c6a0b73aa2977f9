"""A spec of what was found in a checkpoint: the preset's file with the checkpoint's sizes as defaults."""

from __future__ import annotations

import io
import re
from collections.abc import Iterable
from typing import Any

from ruamel.yaml import YAML

from scaffold.inspecting.headers import Tensor
from scaffold.inspecting.recognising import Recognition
from scaffold.loading import spec_path


_NUMBER = re.compile(r"(?<=\.)\d+(?=\.)")


def changed_defaults(found: Recognition) -> dict[str, Any]:
    """The entries of a configuration that are not the preset's defaults."""
    return {
        key: list(value) if isinstance(value, tuple) else value
        for key, value in found.config.items()
        if value != found.spec.config[key].default
    }


def as_spec(found: Recognition, tensors: dict[str, Tensor]) -> str:
    """The text of a spec; where the checkpoint is of no preset, the nearest one's, with what differs as a comment."""
    writer: Any = YAML()
    writer.width = 119
    writer.preserve_quotes = True
    data = writer.load(spec_path(found.match.preset).read_text(encoding="utf-8"))
    for key, value in changed_defaults(found).items():
        data["config"][key]["default"] = value
    text = io.StringIO()
    writer.dump(data, text)
    if found.is_known:
        return text.getvalue()
    lines = [f"# Begun from the preset {found.match.preset}, which is the nearest: {found.problem}."]
    if found.match.unknown:
        lines += [
            "# The checkpoint has beside it:",
            *(f"#   {line}" for line in grouped(found.match.unknown, tensors)),
        ]
    if found.match.missing:
        lines += ["# The preset has, and the checkpoint lacks:", *(f"#   {name}" for name in found.match.missing)]
    return "\n".join(lines) + "\n" + text.getvalue()


def grouped(names: Iterable[str], tensors: dict[str, Tensor]) -> list[str]:
    """Names with their shapes, those that differ in a block's number alone as one."""
    groups: dict[str, list[str]] = {}
    for name in names:
        groups.setdefault(_NUMBER.sub("{}", name, count=1), []).append(name)
    lines = []
    for pattern, members in groups.items():
        shape = " x ".join(map(str, tensors[members[0]].shape)) or "one number"
        times = f", {len(members)} times" if len(members) > 1 else ""
        lines.append(f"{pattern if times else members[0]} ({shape}{times})")
    return lines
