"""A spec as the library has it: with an output and a LoRA loader that are its own."""

from __future__ import annotations

import msgspec

from scaffold.spec import Spec
from scaffold.spec.pipelines import Pipeline


class LibraryPipeline(Pipeline, frozen=True):
    """A pipeline whose package defines what it returns."""

    @property
    def result(self) -> str:
        """The class of what a call returns."""
        return f"{self.name}Output"


def entering(spec: Spec) -> Spec:
    """The spec of a model that goes into a checkout.

    The LoRA loader of another family knows that family's names, so a spec that says what LoRA files look like gets a
    loader of its own.
    """
    if spec.pipeline is None:
        return spec
    loader = f"{spec.prefix}LoraLoaderMixin" if spec.lora else spec.pipeline.lora_loader
    pipeline = LibraryPipeline(**msgspec.structs.asdict(spec.pipeline) | {"lora_loader": loader})
    return msgspec.structs.replace(spec, pipeline=pipeline)
