"""Loading a model from one original file: the converter, and the table of the classes that have one."""

from __future__ import annotations

from linter.edits.registering import extended_import
from linter.facts import Span
from linter.findings import Edit
from linter.project import Module
from linter.project.single_file import SINGLE_FILE_TABLE, single_file_table
from scaffold.checkout.rendering import format_python, render_texts
from scaffold.checkout.tree import Checkout, NotFound
from scaffold.spec import Spec


_CONVERTERS = "loaders.single_file_utils"
_TABLE = "loaders.single_file_model"
_MARK = "# The converter."


def register(checkout: Checkout, spec: Spec) -> None:
    """Have the library load a model's original checkpoints.

    Raises:
        NotFound: the library keeps its converters, or the table of them, in another way.
    """
    if spec.weights is None:
        return
    converter = f"convert_{spec.package}_transformer_checkpoint_to_diffusers"
    home = checkout.module(_CONVERTERS)
    if converter not in home.functions:
        text = home.source.text.rstrip("\n") + _converter(spec, converter)
        end = Span(1, 0, len(home.source.lines), len(home.source.lines[-1]))
        checkout.edit(home, (Edit(str(home.path), end, text),), converter)
    _import(checkout, converter)
    _list(checkout, spec.model, converter)


def _converter(spec: Spec, name: str) -> str:
    """The converter with the tables that it reads, as it stands behind others."""
    texts = render_texts(spec, {"converter.py": "converter.py.j2"}, converter=name)
    # The formatter takes unknown names for a fault, so it sees what the module imports already.
    text = format_python({"converter.py": f"import re\n\nimport torch\n\n\n{_MARK}\n{texts['converter.py']}"})
    return "\n\n\n" + text["converter.py"].partition(_MARK)[2].lstrip("\n")


def _import(checkout: Checkout, converter: str) -> None:
    module = checkout.module(_TABLE)
    imports = [item for item in module.facts.imports if item.target.startswith(".single_file_utils.")]
    if any(item.name == converter for item in imports):
        return
    text = extended_import(module.source.between(imports[0].statement), converter) if imports else None
    if text is None:
        raise NotFound(f"import from .single_file_utils in {module.name}")
    checkout.edit(module, (Edit(str(module.path), imports[0].statement, text),), converter)


def _list(checkout: Checkout, model: str, converter: str) -> None:
    module: Module = checkout.module(_TABLE)
    table = single_file_table(module)
    if table is None:
        raise NotFound(f"table {SINGLE_FILE_TABLE} in {module.name}")
    if model in table.names:
        return
    line = table.attribute.span.end_line
    entry = (
        f'    "{model}": {{\n'
        f'        "checkpoint_mapping_fn": {converter},\n'
        f'        "default_subfolder": "transformer",\n'
        f"    }},\n"
    )
    checkout.edit(module, (Edit(str(module.path), Span(line, 0, line, 0), entry),), model)
