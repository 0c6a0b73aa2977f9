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
    """

    spec: Spec

    @property
    def model(self) -> str:
        """The model's module, relative to the library."""
        return f"models.transformers.transformer_{self.spec.package}"

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
    def pipeline_package(self) -> str:
        """The package that the pipeline lies in."""
        return f"pipelines.{self.spec.package}.__init__"

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
