"""What is on record about classes that no rule makes tiny: some values of their config and some arguments."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Any

import msgspec
from ruamel.yaml import YAML


class Hint(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a rule cannot know of one class.

    Attributes:
        config: Keyword arguments that take the place of derived ones.
        inputs: Arguments of forward, described as `--inputs` takes them; null leaves one out.
    """

    config: Mapping[str, Any] = {}
    inputs: Mapping[str, Any] = {}


def hint_for(module_class: type) -> Hint | None:
    """The record of a class of diffusers, if there is one; a class of the same name elsewhere is another class."""
    if not module_class.__module__.startswith("diffusers."):
        return None
    return _hints().get(module_class.__name__)


@cache
def _hints() -> dict[str, Hint]:
    text = files("parity.probe").joinpath("recipes.yaml").read_text(encoding="utf-8")
    return msgspec.convert(YAML(typ="safe", pure=True).load(text) or {}, dict[str, Hint])
