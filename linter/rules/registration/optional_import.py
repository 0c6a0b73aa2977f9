"""REG009 optional-import."""

from __future__ import annotations

from collections.abc import Iterator

from linter.edits.guarding import with_guard
from linter.findings import Finding, Safety
from linter.project import Module
from linter.project.dependencies import needed_backends
from linter.project.lazy_packages import lazy, library, packages_above
from linter.project.profiles import LIBRARIES
from linter.rules.base import Rule
from linter.rules.registration import GUIDE


class OptionalImport(Rule):
    """An optional dependency is imported without its `is_..._available()` guard.

    ## What it does
    Looks at the imports at the top of a file for packages that the library asks for by `is_..._available()`, and that
    none of the library's lazy tables asks for on the file's behalf.

    ## Why is this bad?
    The file, and all that imports it, raises an `ImportError` for everybody who does not have the package.

    ## Fix safety
    Moves the imports of the package behind the others, under the library's own question whether it is there; for those
    who have it nothing changes. Left to a person where the file uses the package as soon as it is loaded.

    ## Exceptions
    Required packages, imports under a condition or in a `try`, and packages that the tables ask for (REG006).
    """

    code = "REG009"
    name = "optional-import"
    guide = GUIDE
    profiles = LIBRARIES
    fixes = Safety.SAFE
    bad = {
        "tinylib/__init__.py": """
            from .utils import OptionalDependencyNotAvailable, is_torch_available

            _import_structure = {"utils": []}

            try:
                if not is_torch_available():
                    raise OptionalDependencyNotAvailable()
            except OptionalDependencyNotAvailable:
                pass
            else:
                _import_structure["model"] = ["TinyModel"]
        """,
        "tinylib/utils.py": """
            class OptionalDependencyNotAvailable(Exception):
                pass


            def is_torch_available():
                return True


            def is_xformers_available():
                return True
        """,
        "tinylib/model.py": """
            import torch
            import xformers.ops  #!


            class TinyModel:
                dtype = torch.float32

                def attend(self, query, key, value):
                    return xformers.ops.memory_efficient_attention(query, key, value)
        """,
    }
    good = {
        **bad,
        "tinylib/model.py": """
            import torch

            from .utils import is_xformers_available

            if is_xformers_available():
                import xformers.ops


            class TinyModel:
                dtype = torch.float32

                def attend(self, query, key, value):
                    return xformers.ops.memory_efficient_attention(query, key, value)
        """,
    }

    def check(self, module: Module) -> Iterator[Finding]:
        top = library(module)
        if top is None or lazy(module) is not None:
            return
        tables = [top, *(table for package in packages_above(module) if (table := lazy(package)) is not None)]
        for backend, item in needed_backends(module).items():
            if not any(backend in entry.backends for table in tables for entry in table.entries):
                message = (
                    f"`{item.target}` needs `{backend}`, which is optional: import it under `is_{backend}_available()`"
                )
                question = f"{top.module.name}.utils.is_{backend}_available"
                edits = with_guard(module, module.absolute(item.target).partition(".")[0], question)
                yield self.finding(module, item.statement, message, backend, edits)
