"""What the process that runs a model and the one that watches it tell each other."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from parity.probe.results import Recipe, Verdict


@dataclass(frozen=True)
class Task:
    """What a process is asked for.

    Attributes:
        path: The class's import path.
        folder: The working directory, from which it is imported.
        config: Keyword arguments of the class, if a person gave some.
        inputs: Descriptions of forward's arguments, likewise.
        recipe: What an earlier process found.
        done: The capabilities that earlier processes tried.
    """

    path: str
    folder: str
    config: Mapping[str, Any] | None = None
    inputs: Mapping[str, Any] | None = None
    recipe: Recipe | None = None
    done: tuple[str, ...] = ()

    def without(self, names: tuple[str, ...], recipe: Recipe | None) -> Task:
        """The task of a process that goes on where another ended."""
        return replace(self, done=names, recipe=recipe)


@dataclass(frozen=True)
class Located:
    """The class is imported; the answer is the names of what its code declares."""

    file: str
    qualname: str


@dataclass(frozen=True)
class Found:
    """A tiny model runs."""

    recipe: Recipe


@dataclass(frozen=True)
class Begun:
    """A capability is being tried; `wiring` is its name in `linter metadata`."""

    name: str
    wiring: str | None


@dataclass(frozen=True)
class Tried:
    """What trying the last one showed."""

    verdict: Verdict
    reason: str | None


@dataclass(frozen=True)
class Failed:
    """Nothing can be tried."""

    problem: str


@dataclass(frozen=True)
class Listed:
    """The import paths that were asked for."""

    paths: tuple[str, ...]


Message = Located | Found | Begun | Tried | Failed | Listed
