"""What is to happen to a checkout, as a plan: the files of a model, then every table that has to know of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from linter.project import Class
from scaffold.applying import recover
from scaffold.checkout import auto_pipelines, dependencies, documentation, hooks, lazy_imports, single_file
from scaffold.checkout.dependencies import with_what_is_there
from scaffold.checkout.places import Places, file_of, page_of
from scaffold.checkout.rendering import format_python, output_shape, render_texts, with_relative_imports
from scaffold.checkout.tree import LIBRARY, Checkout, NotFound
from scaffold.checkout.wrapping import wrap_new_lines
from scaffold.errors import ScaffoldError
from scaffold.plan import Plan, read
from scaffold.spec import Spec


def plan_entry(root: Path, spec: Spec) -> tuple[Plan, tuple[str, ...]]:
    """The plan by which a model goes into a checkout, and what the checkout lacks for it to go in as a whole.

    Raises:
        ScaffoldError: it is no checkout, or has a file or a class of that name that is another.
    """
    recover(root)
    checkout = Checkout(root)
    places = Places(spec)
    files = _render(checkout, places)
    _refuse_to_replace(checkout, spec, files)
    for path, text in files.items():
        checkout.write(path, text)
    missing = []
    for step in _steps(checkout, places):
        try:
            step()
        except NotFound as gap:
            missing.append(str(gap))
    return checkout.plan(), tuple(dict.fromkeys(missing))


def _steps(checkout: Checkout, places: Places) -> tuple[Callable[[], None], ...]:
    """One registration each, so that one that finds no place does not keep the others from theirs."""
    spec = places.spec
    return (
        lambda: dependencies.check(checkout, places.model),
        lambda: lazy_imports.register(checkout, places.model, spec.model),
        lambda: hooks.register(checkout, places.model),
        lambda: documentation.register(checkout, places.model_page, spec.model, "Transformers"),
        lambda: single_file.register(checkout, spec),
        lambda: _check_lora_loader(checkout, spec),
        lambda: _register_pipeline(checkout, places),
        lambda: auto_pipelines.register(checkout, spec),
        lambda: _list_pipeline(checkout, places),
    )


def _register_pipeline(checkout: Checkout, places: Places) -> None:
    if places.spec.pipeline:
        dependencies.check(checkout, places.pipeline)
        lazy_imports.register(checkout, places.pipeline, places.spec.pipeline.name)


def _list_pipeline(checkout: Checkout, places: Places) -> None:
    pipeline = places.spec.pipeline
    if pipeline:
        group = "Video" if pipeline.videos else "Image"
        documentation.register(checkout, places.pipeline_page, places.spec.title, group)


def _check_lora_loader(checkout: Checkout, spec: Spec) -> None:
    """The pipeline's bases are to be there: a LoRA loader serves a family, and comes with it."""
    loader = spec.pipeline.lora_loader if spec.pipeline else None
    if loader and loader not in checkout.table("loaders").names:
        raise NotFound(f"class {loader} in {LIBRARY}.loaders")


def _render(checkout: Checkout, places: Places) -> dict[str, str]:
    """The new files."""
    spec = places.spec
    modules = {file_of(places.model): "model.py.j2", places.model_test: "tests/model.py.j2"}
    others = {page_of(places.model_page): "docs/model.md.j2"}
    if spec.pipeline:
        modules[file_of(places.pipeline)] = "pipeline.py.j2"
        modules[f"{places.pipeline_tests}/test_pipeline_{spec.package}.py"] = "tests/pipeline.py.j2"
        # What a package imports for type checkers alone would be pruned as unused.
        others[file_of(places.pipeline_package)] = "pipeline_package.py.j2"
        others[f"{places.pipeline_tests}/__init__.py"] = "tests/package.py.j2"
        others[page_of(places.pipeline_page)] = "docs/pipeline.md.j2"
    python = render_texts(
        spec,
        modules,
        license=_license(checkout, file_of("hooks._helpers"), ("#",)),
        output_shape=output_shape(spec),
        places=places,
    )
    for module in (places.model, places.pipeline):
        path = file_of(module)
        if path in python:
            python[path] = with_relative_imports(with_what_is_there(python[path], checkout), checkout, module)
    notice = _license(checkout, page_of("api/models/overview"), ("<!--", "-->"))
    rest = render_texts(spec, others, license=notice, places=places)
    return {**format_python(python), **{path: wrap_new_lines("", text) for path, text in rest.items()}}


def _license(checkout: Checkout, path: str, marks: tuple[str, ...]) -> str:
    """The notice that a file of the checkout begins with, which the new files begin with too."""
    try:
        lines = checkout.text(path).split("\n")
    except NotFound:
        return ""
    if len(marks) == 1:
        end = next((number for number, line in enumerate(lines) if not line.startswith(marks[0])), 0)
    else:
        ends = [number + 1 for number, line in enumerate(lines) if marks[1] in line]
        end = ends[0] if ends and lines[0].startswith(marks[0]) else 0
    return "\n".join(lines[:end])


def _refuse_to_replace(checkout: Checkout, spec: Spec, files: Mapping[str, str]) -> None:
    """No file and no class of the checkout makes room for one of the same name.

    Raises:
        ScaffoldError: all of them are named.
    """
    names = (spec.model, spec.pipeline.name if spec.pipeline else "")
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
    if taken:
        raise ScaffoldError(
            f"{spec.name} cannot go into {checkout.root}:\n  "
            + "\n  ".join(taken)
            + f"\nA name of its own makes room: scaffold model NAME --from {spec.name}"
        )
