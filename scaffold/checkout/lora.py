"""Loading LoRAs: a loader mixin of a family's own, the conversion of its trainers' files, and the page of them all."""

from __future__ import annotations

import re

from linter.edits.registering import extended_import
from linter.facts import Span
from linter.findings import Edit
from linter.project import Module
from scaffold.checkout import lazy_imports
from scaffold.checkout.copying import copied_method, method_of
from scaffold.checkout.rendering import format_python, render_texts
from scaffold.checkout.tree import LIBRARY, Checkout, NotFound
from scaffold.spec import Spec


_HOME = "loaders.lora_pipeline"
_CONVERSIONS = "loaders.lora_conversion_utils"
_NAMES = "loaders.single_file_utils"
_PAGE = "docs/source/en/api/loaders/lora.md"
# A loader that knows a transformer and nothing else; others in the library copy its methods, too.
_PLAIN = "CogVideoXLoraLoaderMixin"
_READING = "lora_state_dict"
_METHODS = ("load_lora_weights", "load_lora_into_transformer", "save_lora_weights", "fuse_lora", "unfuse_lora")
_RETURN = "        out = (state_dict, metadata) if return_lora_metadata else state_dict\n"
_CLASS = '''\
class {name}(LoraBaseMixin):
    r"""
    Load LoRA layers into [`{model}`]. Specific to [`{pipeline}`].
    """

    _lora_loadable_modules = ["transformer"]
    transformer_name = TRANSFORMER_NAME

{methods}
'''
_MARK = "# The conversion."


def register(checkout: Checkout, spec: Spec) -> None:
    """Give a family its loader.

    Raises:
        NotFound: the library keeps its loaders in another way.
    """
    if spec.pipeline is None or spec.pipeline.lora_loader is None:
        return
    loader = spec.pipeline.lora_loader
    if spec.lora is not None:
        converter = f"_convert_non_diffusers_{spec.package}_lora_to_diffusers"
        _add_conversion(checkout, spec, converter)
        _add_loader(checkout, spec, loader, converter)
        _add_to_page(checkout, spec, loader)
    lazy_imports.offer(checkout, "loaders", _HOME.rpartition(".")[2], loader)


def loader_of_another(checkout: Checkout, spec: Spec) -> str | None:
    """The loader, where the library has one of that name which is about another model."""
    module = checkout.find_module(f"{LIBRARY}.{_HOME}")
    loader = spec.pipeline.lora_loader if spec.pipeline else None
    if spec.lora is None or module is None or loader is None or loader not in module.classes:
        return None
    text = module.source.between(module.classes[loader].facts.span)
    return None if f"[`{spec.model}`]" in text else loader


def _add_loader(checkout: Checkout, spec: Spec, loader: str, converter: str) -> None:
    """The class, behind the last loader."""
    module = checkout.module(_HOME)
    if loader in module.classes:
        return
    reading = method_of(module, _PLAIN, _READING)
    if reading.count(_RETURN) != 1:
        raise NotFound(f"line {_RETURN.strip()!r} in {_PLAIN}.{_READING} of {module.name}")
    reading = reading.replace(_RETURN, f"        state_dict = {converter}(state_dict)\n\n{_RETURN}")
    methods = [reading, *(copied_method(module, _PLAIN, name) for name in _METHODS)]
    pipeline = spec.pipeline.name if spec.pipeline else ""
    text = _CLASS.format(name=loader, model=spec.model, pipeline=pipeline, methods="\n\n".join(methods))
    line = max(cls.facts.span.end_line for cls in module.classes.values() if "LoraBaseMixin" in cls.facts.bases) + 1
    edits = [Edit(str(module.path), Span(line, 0, line, 0), f"\n\n{text}")]
    checkout.edit(module, (*edits, *_with_import(module, "lora_conversion_utils", converter)), loader)


def _add_conversion(checkout: Checkout, spec: Spec, converter: str) -> None:
    """The function that converts, with the names from where the original checkpoint's are."""
    module = checkout.module(_CONVERSIONS)
    if converter in module.functions:
        return
    prefix = spec.prefix.upper()
    names = [f"{prefix}_KEY_MAP", *([f"split_{spec.package}_tensor"] if spec.weights and spec.weights.cuts else [])]
    missing = set(names) - checkout.module(_NAMES).facts.bindings
    if missing:
        raise NotFound(f"{' and no '.join(sorted(missing))} in {LIBRARY}.{_NAMES}")
    texts = render_texts(spec, {"converter.py": "lora_converter.py.j2"}, converter=converter)
    imports = f"import re\n\nfrom .single_file_utils import {', '.join(names)}\n"
    text = format_python({"converter.py": f"{imports}\n\n{_MARK}\n{texts['converter.py']}"})["converter.py"]
    text = f"{module.source.text.rstrip()}\n\n\n{text.partition(_MARK)[2].lstrip()}"
    end = Span(1, 0, len(module.source.lines), len(module.source.lines[-1]))
    checkout.edit(module, (Edit(str(module.path), end, text),), converter)
    for name in names:
        module = checkout.module(_CONVERSIONS)
        checkout.edit(module, _with_import(module, "single_file_utils", name), name)


def _with_import(module: Module, home: str, name: str) -> tuple[Edit, ...]:
    """The import of a name from a module beside; behind the last import of the kind if there is none from it yet."""
    beside = [item for item in module.facts.imports if item.target.startswith(".")]
    same = next((item for item in beside if item.target.rpartition(".")[0] == f".{home}"), None)
    if same is not None:
        text = extended_import(module.source.between(same.statement), name)
        return (Edit(str(module.path), same.statement, text),) if text else ()
    if not beside:
        raise NotFound(f"import of a module beside {module.name}")
    line = beside[-1].statement.end_line + 1
    return (Edit(str(module.path), Span(line, 0, line, 0), f"from .{home} import {name}\n"),)


def _add_to_page(checkout: Checkout, spec: Spec, loader: str) -> None:
    """The loader in the list of the page, and its own section."""
    text = checkout.text(_PAGE)
    if f"loaders.lora_pipeline.{loader}\n" in text:
        return
    items = list(re.finditer(r"^- \[`\w+LoraLoaderMixin`\].*\n", text, re.MULTILINE))
    sections = list(re.finditer(r"^\[\[autodoc\]\] loaders\.lora_pipeline\.\w+\n", text, re.MULTILINE))
    if not items or not sections:
        raise NotFound(f"list of loaders with a section each in {_PAGE}")
    page = f"https://huggingface.co/docs/diffusers/main/en/api/pipelines/{spec.package}"
    item = f"- [`{loader}`] provides similar functions for [{spec.title}]({page}).\n"
    section = f"\n## {loader}\n\n[[autodoc]] loaders.lora_pipeline.{loader}\n"
    listed, described = items[-1].end(), sections[-1].end()
    checkout.write(_PAGE, text[:listed] + item + text[listed:described] + section + text[described:])
