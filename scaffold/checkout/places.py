"""Where a checkout of diffusers has the files of a model."""

from __future__ import annotations

from dataclasses import dataclass

from scaffold.checkout.tree import LIBRARY
from scaffold.spec import Spec


@dataclass(frozen=True)
class Places:
    """The places of one model.

    Attributes:
        spec: the architecture.
        in_folder: whether the model has a package of its own, where one module is the library's way.
    """

    spec: Spec
    in_folder: bool = False

    @property
    def model(self) -> str:
        """The model's module, relative to the library."""
        if self.in_folder:
            return f"{self.model_package}.model"
        return f"models.transformers.transformer_{self.spec.package}"

    @property
    def model_package(self) -> str:
        """The package of a model that has one of its own."""
        return f"models.transformers.{self.spec.package}"

    @property
    def model_page(self) -> str:
        """The model's page, as the table of contents names it."""
        return f"api/models/{self.spec.package}_transformer"

    @property
    def model_test(self) -> str:
        """The file of the model's tests."""
        return f"tests/models/transformers/test_models_transformer_{self.spec.package}.py"

    @property
    def pipeline(self) -> str:
        """The pipeline's module, relative to the library."""
        return f"pipelines.{self.spec.package}.pipeline_{self.spec.package}"

    @property
    def pipeline_output(self) -> str:
        """The module of what the pipelines return."""
        return f"pipelines.{self.spec.package}.pipeline_output"

    @property
    def image_to_image(self) -> str:
        """The module of the pipeline that begins with a picture."""
        return f"{self.pipeline}_img2img"

    @property
    def image_to_video(self) -> str:
        """The module of the pipeline whose videos begin with a picture."""
        return f"{self.pipeline}_image2video"

    @property
    def distilled(self) -> str:
        """The module of the pipeline for weights that take few steps."""
        return f"{self.pipeline}_distilled"

    @property
    def distilled_image_to_image(self) -> str:
        """The module of the one for such weights that begins with a picture."""
        return f"{self.distilled}_img2img"

    @property
    def pipelines(self) -> dict[str, str]:
        """The pipelines, each with its module."""
        pipeline = self.spec.pipeline
        if pipeline is None:
            return {}
        found = {pipeline.name: self.pipeline}
        if pipeline.image_to_image:
            found[pipeline.image_to_image.name] = self.image_to_image
        if pipeline.image_to_video:
            found[pipeline.image_to_video.name] = self.image_to_video
        if pipeline.distilled:
            found[pipeline.distilled.name] = self.distilled
            if pipeline.distilled.image_to_image:
                found[pipeline.distilled.image_to_image.name] = self.distilled_image_to_image
        return found

    @property
    def modular(self) -> str:
        """The package of the pipeline's blocks."""
        return f"modular_pipelines.{self.spec.package}"

    @property
    def blocks(self) -> dict[str, str]:
        """The classes that the package of blocks offers, each with its module."""
        if self.spec.blocks is None:
            return {}
        title = self.spec.blocks.title
        return {
            f"{title}Blocks": f"{self.modular}.modular_blocks_{self.spec.package}",
            f"{title}ModularPipeline": f"{self.modular}.modular_pipeline",
        }

    @property
    def modules(self) -> tuple[str, ...]:
        """The modules that the library offers classes of, each once."""
        return tuple(dict.fromkeys((self.model, *self.pipelines.values(), *self.blocks.values())))

    @property
    def modular_tests(self) -> str:
        """The folder of the blocks' tests."""
        return f"tests/modular_pipelines/{self.spec.package}"

    @property
    def pipeline_page(self) -> str:
        """The pipeline's page."""
        return f"api/pipelines/{self.spec.package}"

    @property
    def pipeline_tests(self) -> str:
        """The folder of the pipeline's tests."""
        return f"tests/pipelines/{self.spec.package}"


def file_of(module: str) -> str:
    """The file of a module that is named relative to the library."""
    return f"src/{LIBRARY}/{module.replace('.', '/')}.py"


def page_of(name: str) -> str:
    """The file of a page."""
    return f"docs/source/en/{name}.md"
