"""The pipelines that the Auto classes know, by task."""

from __future__ import annotations

from linter.edits.registering import with_eager_import
from linter.facts import Span
from linter.findings import Edit
from scaffold.checkout.tree import Checkout, NotFound
from scaffold.spec import Spec


_HOME = "pipelines.auto_pipeline"


def register(checkout: Checkout, spec: Spec) -> None:
    """Have the Auto class of a pipeline's task know it.

    Raises:
        NotFound: the library has no such mapping.
    """
    pipeline = spec.pipeline
    if pipeline is None:
        return
    module = checkout.module(_HOME)
    if not any(item.name == pipeline.name for item in module.facts.imports):
        checkout.edit(module, with_eager_import(module, spec.package, pipeline.name), pipeline.name)
    module = checkout.module(_HOME)
    mapping = f"AUTO_TEXT2{'VIDEO' if pipeline.videos else 'IMAGE'}_PIPELINES_MAPPING"
    span = next((item.span for item in module.facts.attributes if item.name == mapping), None)
    if span is None:
        raise NotFound(f"{mapping} in {module.name}")
    entry = f'("{spec.name}", {pipeline.name}),'
    if entry in module.source.between(span):
        return
    # The mapping ends with the bracket of its list and then with that of the call.
    line = span.end_line - 1
    if module.source.lines[line - 1].strip() != "]":
        raise NotFound(f"list of pairs in {mapping} of {module.name}")
    checkout.edit(module, (Edit(str(module.path), Span(line, 0, line, 0), f"        {entry}\n"),), entry)
