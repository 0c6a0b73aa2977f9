"""The last check of a spec: the folder that it makes is built and run, before anything is at its place.

It takes a process of its own, in which torch is imported. What fails there is said in the terms of the spec: the
component that the failing module belongs to, and what its sizes come from.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from scaffold.errors import ScaffoldError
from scaffold.expressions import evaluate
from scaffold.spec import Spec
from scaffold.spec.interface import Draw
from scaffold.validation import Problem


_SECONDS = 300
_NEEDED = ("torch", "diffusers")
_LEAVE_OUT = "--no-check writes the folder as it is"


def missing_for_a_trial() -> str | None:
    """The first library that a trial needs and that is not installed, without importing any."""
    return next((name for name in _NEEDED if find_spec(name) is None), None)


def try_folder(spec: Spec, files: dict[str, str]) -> Problem | None:
    """Build every configuration of the spec, run the tiny one on CPU, and say what fails.

    Args:
        spec: the architecture.
        files: what its folder holds.

    Raises:
        ScaffoldError: the trial itself came to no end.
    """
    places, configurations = zip(*_configurations(spec).items(), strict=True)
    sizes = {key: entry.default for key, entry in spec.config.items()} | spec.tiny.config | spec.tiny.sizes
    inputs = {}
    for name, argument in spec.arguments.items():
        if argument.draw is not None:
            try:
                inputs[name] = sized(argument.draw, sizes)
            except (ArithmeticError, TypeError, LookupError, ValueError) as error:
                reason = f"cannot be computed from `tiny.config` and `tiny.sizes`: {error}"
                return Problem(("forward", name, "draw"), reason)
    reply = _ask({"model": spec.model, "configurations": configurations, "inputs": inputs}, files)
    return _problem(spec, reply, places) if reply else None


def sized(draw: Draw, sizes: Mapping[str, Any]) -> tuple[str, list[Any]]:
    """What a draw is and its numbers, the formulas among them computed."""
    kind = next(name for name in draw.__struct_fields__ if getattr(draw, name))
    if kind == "each":
        return kind, [[evaluate(str(size), sizes) for size in shape] for shape in draw.each]
    return kind, [evaluate(str(number), sizes) for number in getattr(draw, kind)]


def _configurations(spec: Spec) -> dict[tuple[str, ...], dict[str, Any]]:
    """The places of the spec that say what the model's config is, the tiny one last."""
    places: dict[tuple[str, ...], dict[str, Any]] = {("config",): {}}
    places |= {("published", name): each.config for name, each in spec.published.items()}
    return places | {("tiny", "config"): spec.tiny.config}


def _ask(request: dict[str, Any], files: dict[str, str]) -> dict[str, Any]:
    """The reply of the program to a request about a folder with these files."""
    with tempfile.TemporaryDirectory(prefix="scaffold-") as staging:
        # No spec can have this name, so it hides no library.
        folder = Path(staging) / "_staged"
        for name, text in files.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        question, reply = Path(staging) / "request.json", Path(staging) / "reply.json"
        question.write_text(json.dumps({"folder": str(folder), **request}), encoding="utf-8")
        done = _run_program(question)
        if not reply.is_file():
            last = (done.stderr.strip().splitlines() or [f"exit code {done.returncode}"])[-1]
            raise ScaffoldError(f"the folder could not be tried: {last}; {_LEAVE_OUT}")
        answer: dict[str, Any] = json.loads(reply.read_text(encoding="utf-8"))
        return answer


def _run_program(question: Path) -> subprocess.CompletedProcess[str]:
    try:
        return subprocess.run(
            [sys.executable, str(Path(__file__).with_name("program.py")), str(question)],
            env={**os.environ, "HF_HUB_OFFLINE": "1"},
            capture_output=True,
            text=True,
            timeout=_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise ScaffoldError(f"trying the model takes more than {_SECONDS} seconds; {_LEAVE_OUT}") from None


def _problem(spec: Spec, reply: dict[str, Any], places: tuple[tuple[str, ...], ...]) -> Problem:
    """What failed, at the place of the spec that is answerable for it."""
    if reply["failed"] == "import":
        return Problem(("model",), f"the model cannot be imported: {reply['error']}; {_LEAVE_OUT}")
    if reply["failed"] == "size":
        reason = f"a model of {reply['parameters']:,} parameters is not tiny; give smaller sizes here"
        return Problem(("tiny", "config"), reason)
    if reply["failed"] == "build":
        at = f" in {reply['at']}" if reply["at"] else ""
        reason = (
            f"with these values the model cannot be built: {reply['error']}{at}; "
            f"see which formulas of the spec they do not fit. {_LEAVE_OUT}"
        )
        return Problem(places[reply["configuration"]], reason)
    if reply["failed"] == "plan":
        reason = f"devices cannot share what this names: {reply['error']}. {_LEAVE_OUT}"
        return Problem(_place_in_plan(spec, reply["key"], reply["name"], reply.get("argument")), reason)
    at = f" at `{reply['at']}`" if reply["at"] else ""
    reason = (
        f"the tiny model cannot run: {reply['error']}{at}; "
        f"see that this and what `forward` draws from `tiny` agree on the sizes. {_LEAVE_OUT}"
    )
    return Problem(_place_of(spec, reply["at"] or ""), reason)


def _place_in_plan(spec: Spec, key: str, name: str, argument: str | None) -> tuple[str | int, ...]:
    """The entry of a plan that is about a layer, a module or an argument of it."""
    if key == "tensor_parallel":
        return (key, [shard.layer for shard in spec.tensor_parallel].index(name))
    assert spec.context_parallel is not None
    for index, split in enumerate(spec.context_parallel.splits):
        if split.module == name and argument in (None, split.argument):
            return (key, "splits", index)
    return (key, "gathers", [gather.module for gather in spec.context_parallel.gathers].index(name))


def _place_of(spec: Spec, path: str) -> tuple[str | int, ...]:
    """The component that a module belongs to, by the attributes on its path: `blocks.0.attn1.to_q` is a step's."""
    attribute, *rest = path.split(".")
    for index, stage in enumerate(spec.stages):
        if attribute in stage.lists:
            for position, step in enumerate(stage.program):
                if step.given.get("attribute") in rest:
                    return ("stages", index, "program", position)
            return ("stages", index)
    for slot, part in spec.components.items():
        if attribute and attribute in part.given.values():
            return ("components", slot)
    return ("tiny",)
