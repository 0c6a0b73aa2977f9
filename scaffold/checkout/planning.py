"""What is to happen to a checkout, as a plan: the files of a model, then every table that has to know of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from linter.project import Class
from scaffold.applying import recover
from scaffold.checkout import (
    auto_pipelines,
    dependencies,
    detection,
    documentation,
    hooks,
    lazy_imports,
    lora,
    modular,
    single_file,
)
from scaffold.checkout.entering import entering
from scaffold.checkout.files import render_files
from scaffold.checkout.places import Places, file_of
from scaffold.checkout.tree import LIBRARY, Checkout, NotFound
from scaffold.errors import ScaffoldError
from scaffold.plan import Plan, read
from scaffold.spec import Spec


@dataclass(frozen=True)
class Entry:
    """How a model goes into a checkout.

    Attributes:
        plan: what is written.
        missing: what the checkout lacks for the model to go in as a whole, as objects of "there is no ...".
        taken_for: the family that the library takes original checkpoints for, where it is another.
    """

    plan: Plan
    missing: tuple[str, ...]
    taken_for: str | None


def plan_entry(root: Path, spec: Spec, in_folder: bool = False) -> Entry:
    """Look at a checkout, and plan how a model goes into it.

    Args:
        root: the checkout.
        spec: the model.
        in_folder: whether the model gets a package of its own.

    Raises:
        ScaffoldError: it is no checkout, or has a file or a class of that name that is another.
    """
    recover(root)
    checkout = Checkout(root)
    places = Places(entering(spec), in_folder)
    files = render_files(checkout, places)
    _refuse_to_replace(checkout, places, files)
    for path, text in files.items():
        checkout.write(path, text)
    missing = []
    for step in _steps(checkout, places):
        try:
            step()
        except NotFound as gap:
            missing.append(str(gap))
    family = None
    with suppress(NotFound):
        family = detection.taken_for(checkout, spec)
    return Entry(checkout.plan(), tuple(dict.fromkeys(missing)), family if family != spec.name else None)


def _steps(checkout: Checkout, places: Places) -> tuple[Callable[[], None], ...]:
    """One registration each, so that one that finds no place does not keep the others from theirs."""
    spec = places.spec
    offered = {spec.model: places.model} | places.pipelines | places.blocks
    steps: list[Callable[[], None]] = [
        lambda: single_file.register(checkout, spec),
        lambda: detection.register(checkout, spec),
        lambda: lora.register(checkout, spec),
        *(partial(lazy_imports.register, checkout, module, name) for name, module in offered.items()),
        lambda: hooks.register(checkout, places.model),
        lambda: documentation.register(checkout, places.model_page, spec.model, "Transformers"),
    ]
    if spec.pipeline:
        group = "Video" if spec.pipeline.videos else "Image"
        steps += [
            lambda: auto_pipelines.register(checkout, spec),
            lambda: modular.register(checkout, spec),
            lambda: documentation.register(checkout, places.pipeline_page, spec.title, group),
        ]
    # Among other things, they import each other from where they are offered by now.
    return (*steps, *(partial(dependencies.check, checkout, module) for module in places.modules))


def _refuse_to_replace(checkout: Checkout, places: Places, files: Mapping[str, str]) -> None:
    """No file and no class of the checkout makes room for one of the same name.

    Raises:
        ScaffoldError: all of them are named.
    """
    spec = places.spec
    names = (spec.model, *places.pipelines, *places.blocks)
    taken = []
    for path, text in files.items():
        held = read(checkout.root, path)
        if held is not None and held != text.encode():
            taken.append(f"{path} is there already and says something else")
    top = checkout.table("")
    for entry in top.entries:
        found = top.definition(entry) if entry.name in names else None
        if isinstance(found, Class) and file_of(found.module.name.partition(".")[2]) not in files:
            taken.append(f"{entry.name} is a class of {LIBRARY}.{entry.submodule} already")
    if loader := lora.loader_of_another(checkout, spec):
        taken.append(f"{loader} is a loader of {LIBRARY} already")
    if taken:
        raise ScaffoldError(
            f"{spec.name} cannot go into {checkout.root}:\n  "
            + "\n  ".join(taken)
            + f"\nA name of its own makes room: scaffold model NAME --from {spec.name}"
        )
