"""A new architecture out of one that is there: another name, and other defaults of its constructor."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from scaffold.complaints import nearest
from scaffold.errors import ScaffoldError
from scaffold.spec.pipelines import SECONDS


def read_setting(setting: str) -> tuple[str, Any]:
    """The key and the value of `num_layers=4`; the value is YAML, so `axes=[4, 4]` is a list.

    Raises:
        ScaffoldError: there is no `=`, or the value is not YAML.
    """
    key, equals, text = setting.partition("=")
    if not equals:
        raise ScaffoldError(f"--set {setting}: expected KEY=VALUE, such as num_layers=4")
    try:
        return key.strip(), YAML(typ="safe", pure=True).load(text)
    except YAMLError:
        raise ScaffoldError(f"--set {setting}: {text!r} is not a value that YAML can read") from None


def derive(data: dict[str, Any], name: str | None, settings: Mapping[str, Any]) -> dict[str, Any]:
    """The plain values of a spec, renamed and with other defaults.

    A renamed architecture has classes of its own name, and no class of diffusers to be equal to.

    Args:
        data: the spec that it is made from, which has been checked.
        name: the new name, as `my-model`; `None` keeps the old one and its classes.
        settings: other defaults for config entries.

    Raises:
        ScaffoldError: a setting is about no config entry.
    """
    config = dict(data["config"])
    for key, value in settings.items():
        if key not in config:
            raise ScaffoldError(f"--set {key}: {key!r} is not an entry of `config`{nearest(key, tuple(config))}")
        config[key] = config[key] | {"default": value}
    derived = data | {"config": config}
    if name is None:
        return derived
    prefix = "".join(word[:1].upper() + word[1:] for word in re.split(r"[-_.]", name))
    renamed: dict[str, Any] = _renamed(derived, data["prefix"], prefix, _own_names(data))
    renamed |= {"name": name, "title": name, "prefix": prefix}
    renamed.pop("counterpart", None)
    return renamed


def _own_names(data: dict[str, Any]) -> set[str]:
    """The names of classes that the folder defines; other names that begin alike are libraries'."""
    names = {data["model"], f"{data['model']}Output", f"{data['prefix']}KVCache"}
    names |= {stage["block"] for stage in data["stages"]}
    if "pipeline" in data:
        names |= _pipelines(data["pipeline"])
    return names


def _pipelines(pipeline: dict[str, Any]) -> set[str]:
    """The class of a pipeline, and those of the ones beside it."""
    seconds = [pipeline[key] for key in SECONDS if pipeline.get(key)]
    return {pipeline["name"]}.union(*map(_pipelines, seconds))


def _renamed(value: Any, old: str, new: str, names: set[str]) -> Any:
    if isinstance(value, str):
        return re.sub(r"\w+", lambda word: new + word[0].removeprefix(old) if word[0] in names else word[0], value)
    if isinstance(value, dict):
        return {key: _renamed(each, old, new, names) for key, each in value.items()}
    if isinstance(value, list):
        return [_renamed(each, old, new, names) for each in value]
    return value
