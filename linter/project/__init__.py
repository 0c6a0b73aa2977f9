"""The project: joins the facts of the files that a question reaches, and no others."""

from linter.project.index import Files, Project
from linter.project.views import Class, Function, Module


__all__ = ["Class", "Files", "Function", "Module", "Project"]
