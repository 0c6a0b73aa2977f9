"""The pipelines that the Auto classes know, by task."""

from __future__ import annotations

from linter.edits.registering import with_eager_import
from scaffold.checkout.mappings import add_pair
from scaffold.checkout.tree import Checkout
from scaffold.spec import Spec
from scaffold.spec.pipelines import Pipeline


_HOME = "pipelines.auto_pipeline"


def register(checkout: Checkout, spec: Spec) -> None:
    """Have the Auto classes of the pipelines' tasks know them.

    Raises:
        NotFound: the library has no such mapping.
    """
    pipeline = spec.pipeline
    if pipeline is None:
        return
    for key, each in ((spec.name, pipeline), (f"{spec.name}-distilled", pipeline.in_few_steps)):
        for task, name in _tasks(each).items() if each else ():
            module = checkout.module(_HOME)
            if not any(item.name == name for item in module.facts.imports):
                checkout.edit(module, with_eager_import(module, spec.package, name), name)
            add_pair(checkout, checkout.module(_HOME), f"AUTO_{task}_PIPELINES_MAPPING", f'("{key}", {name}),')


def _tasks(pipeline: Pipeline) -> dict[str, str]:
    """What the Auto classes call the work of a pipeline and of those with a picture, each with its class."""
    tasks = {f"TEXT2{'VIDEO' if pipeline.videos else 'IMAGE'}": pipeline.name}
    if pipeline.image_to_image:
        tasks["IMAGE2IMAGE"] = pipeline.image_to_image.name
    if pipeline.image_to_video:
        tasks["IMAGE2VIDEO"] = pipeline.image_to_video.name
    return tasks
