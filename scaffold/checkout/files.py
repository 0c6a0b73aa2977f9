"""The new files of a model in a checkout: which there are, and what each holds."""

from __future__ import annotations

from scaffold.checkout.dependencies import with_what_is_there
from scaffold.checkout.places import Places, file_of, page_of
from scaffold.checkout.rendering import (
    format_python,
    output_shape,
    render_texts,
    with_relative_imports,
    without_idle_logger,
)
from scaffold.checkout.tree import Checkout, NotFound
from scaffold.checkout.wrapping import wrap_new_lines


_BLOCKS = ("before_denoise", "components", "decoders", "denoise", "encoders", "functions", "modular_pipeline")


def render_files(checkout: Checkout, places: Places) -> dict[str, str]:
    """The new files, by their path in the checkout.

    Raises:
        ScaffoldError: a template is broken.
    """
    spec = places.spec
    modules, tests = _modules(places), _tests(places)
    named = {file_of(module): template for module, template in modules.items()}
    notice = _license(checkout, file_of("hooks._helpers"), ("#",))
    python = render_texts(spec, named | tests, license=notice, output_shape=output_shape(spec), places=places)
    for module in modules:
        text = with_what_is_there(python[file_of(module)], checkout)
        python[file_of(module)] = without_idle_logger(with_relative_imports(text, checkout, module))
    notice = _license(checkout, page_of("api/models/overview"), ("<!--", "-->"))
    rest = render_texts(spec, _others(places), license=notice, places=places)
    written = {**format_python(python), **{path: wrap_new_lines("", text) for path, text in rest.items()}}
    return {path: text for path, text in written.items() if text.strip() or path.endswith("/__init__.py")}


def _modules(places: Places) -> dict[str, str]:
    """The modules of the library, each with its template."""
    spec, package = places.spec, places.spec.package
    modules = {places.model: "model.py.j2"}
    if spec.pipeline:
        modules[places.pipeline] = "pipeline.py.j2"
        modules[places.pipeline_output] = "pipeline_output.py.j2"
        modules |= {f"{places.modular}.{name}": f"modular/{name}.py.j2" for name in _BLOCKS}
        modules[f"{places.modular}.modular_blocks_{package}"] = "modular/modular_blocks.py.j2"
        if spec.pipeline.image_to_image:
            modules[places.image_to_image] = "pipeline_img2img.py.j2"
        if spec.pipeline.image_to_video:
            modules[places.image_to_video] = "pipeline_image2video.py.j2"
        if spec.pipeline.distilled:
            modules[places.distilled] = "pipeline_distilled.py.j2"
            if spec.pipeline.distilled.image_to_image:
                modules[places.distilled_image_to_image] = "pipeline_distilled_img2img.py.j2"
    return modules


def _tests(places: Places) -> dict[str, str]:
    """The files of tests, each with its template."""
    spec, package = places.spec, places.spec.package
    tests = {places.model_test: "tests/model.py.j2"}
    if spec.pipeline:
        tests[f"{places.pipeline_tests}/test_pipeline_{package}.py"] = "tests/pipeline.py.j2"
        tests[f"{places.modular_tests}/test_modular_pipeline_{package}.py"] = "tests/modular.py.j2"
        if spec.pipeline.image_to_image:
            tests[f"{places.pipeline_tests}/test_pipeline_{package}_img2img.py"] = "tests/pipeline_img2img.py.j2"
        if spec.pipeline.image_to_video:
            tests[f"{places.pipeline_tests}/test_pipeline_{package}_image2video.py"] = (
                "tests/pipeline_image2video.py.j2"
            )
        if spec.pipeline.distilled:
            name = f"{places.pipeline_tests}/test_pipeline_{package}_distilled"
            tests[f"{name}.py"] = "tests/pipeline_distilled.py.j2"
            if spec.pipeline.distilled.image_to_image:
                tests[f"{name}_img2img.py"] = "tests/pipeline_distilled_img2img.py.j2"
    return tests


def _others(places: Places) -> dict[str, str]:
    """The files that no formatter of Python sees: pages, and packages, whose imports it would take for unused."""
    others = {page_of(places.model_page): "docs/model.md.j2"}
    if places.in_folder:
        others[file_of(f"{places.model_package}.__init__")] = "model_package.py.j2"
    if places.spec.pipeline:
        others[page_of(places.pipeline_page)] = "docs/pipeline.md.j2"
        others[file_of(f"{places.pipeline.rpartition('.')[0]}.__init__")] = "pipeline_package.py.j2"
        others[file_of(f"{places.modular}.__init__")] = "modular_package.py.j2"
        others[f"{places.pipeline_tests}/__init__.py"] = "tests/package.py.j2"
        others[f"{places.modular_tests}/__init__.py"] = "tests/package.py.j2"
    return others


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
