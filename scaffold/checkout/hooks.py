"""What the library's hooks have to know of a model: what its blocks return, and what its processors do."""

from __future__ import annotations

import re

from linter.edits.registering import extended_import
from linter.facts import Import, Span
from linter.findings import Edit
from linter.project import Class, Function, Module
from linter.project.hook_tables import BLOCK_REGISTRY, PROCESSOR_REGISTRY, Registration, block_lists_of, hook_tables
from scaffold.checkout.tree import Checkout, NotFound


_HELPERS = "hooks._helpers"
_BLOCK = """\
    {registry}.register(
        model_class={name},
        metadata=TransformerBlockMetadata(
            return_hidden_states_index={hidden},
            return_encoder_hidden_states_index={text},
        ),
    )
"""
_PROCESSOR = """\
    {registry}.register(
        model_class={name},
        metadata=AttentionProcessorMetadata(
            skip_processor_output_fn=_skip_proc_output_fn_Attention_{name},
        ),
    )
"""


def register(checkout: Checkout, submodule: str) -> None:
    """Register the blocks and the default processors of the models that a module defines.

    Args:
        checkout: the checkout, which holds the module already.
        submodule: the module, relative to the library.

    Raises:
        NotFound: the hooks have no such registry.
    """
    module = checkout.module(submodule)
    for block in _blocks_of(module):
        _add(checkout, BLOCK_REGISTRY, block, _metadata_of(block))
    for processor in _processors_of(module):
        _add(checkout, PROCESSOR_REGISTRY, processor, _PROCESSOR)
        _add_skipped_output(checkout, processor)


def _blocks_of(module: Module) -> list[Class]:
    """The blocks of the lists that the hooks look at."""
    tables = hook_tables(module)
    known = tables.block_lists if tables else frozenset()
    models = [cls for cls in module.classes.values() if cls.is_model]
    lists = [found for model in models for found in block_lists_of(model).items()]
    return list(dict.fromkeys(block for name, (_, blocks) in lists if name in known for block in blocks))


def _processors_of(module: Module) -> list[Class]:
    defaults = [cls.own_attributes.get("_default_processor_cls") for cls in module.classes.values()]
    found = [module.find(default.value.text) for default in defaults if default]
    return [processor for processor in dict.fromkeys(found) if isinstance(processor, Class)]


def _metadata_of(block: Class) -> str:
    """The registration of a block, by what its forward returns: one stream, or both, the text first."""
    pairs = [ret.paths for ret in block.own_methods["forward"].facts.returns if ret.is_tuple]
    hidden, text = (1, 0) if pairs else (0, None)
    if any(paths[0] == "hidden_states" for paths in pairs):
        hidden, text = 0, 1
    return _BLOCK.replace("{hidden}", str(hidden)).replace("{text}", str(text))


def _add(checkout: Checkout, registry: str, cls: Class, template: str) -> None:
    """The call that registers a class, behind the last one, and the import that it needs."""
    home = checkout.module(_HELPERS)
    tables = hook_tables(home)
    registered = (tables.blocks if registry == BLOCK_REGISTRY else tables.processors) if tables else ()
    if not registered:
        raise NotFound(f"{registry} with classes in {home.name}")
    if any(item.names(cls) for item in registered):
        return
    last = max(registered, key=lambda item: item.call.span.end_line)
    function = _function_with(home, last)
    line = last.call.span.end_line + 1
    call = template.format(registry=registry, name=cls.name)
    edits = (_with_import(home, function, cls), Edit(str(home.path), Span(line, 0, line, 0), f"\n{call}"))
    checkout.edit(home, edits, cls.name)


def _function_with(home: Module, item: Registration) -> Function:
    return next(function for function in home.functions.values() if item.call in function.facts.calls)


def _with_import(home: Module, function: Function, cls: Class) -> Edit:
    """The import of a class among those of a function, which are ordered by module."""
    target = _relative_to_hooks(cls)
    imports = [item for item in function.facts.imports if item.target.startswith(".")]
    same = next((item for item in imports if item.target.rpartition(".")[0] == target), None)
    if same is not None:
        text = extended_import(home.source.between(same.statement), cls.name)
        if text:
            return Edit(str(home.path), same.statement, text)
    if not imports:
        raise NotFound(f"import of a block or a processor in {function.name} of {home.name}")
    before = [item for item in imports if item.target.rpartition(".")[0] < target]
    neighbour: Import = before[-1] if before else imports[0]
    line = neighbour.statement.end_line + 1 if before else neighbour.statement.line
    return Edit(str(home.path), Span(line, 0, line, 0), f"    from {target} import {cls.name}\n")


def _relative_to_hooks(cls: Class) -> str:
    return f"..{cls.module.name.partition('.')[2]}"


def _add_skipped_output(checkout: Checkout, processor: Class) -> None:
    """What stands for a skipped attention: what came in, one stream or both."""
    home = checkout.module(_HELPERS)
    text = home.source.text
    name = f"_skip_proc_output_fn_Attention_{processor.name}"
    if re.search(rf"^{name} = ", text, re.MULTILINE):
        return
    returns = processor.own_methods["__call__"].facts.returns
    streams = "hidden_states"
    if any(ret.is_tuple and len(ret.paths) > 1 for ret in returns):
        streams = "hidden_states___encoder_hidden_states"
    function = checkout.function(home, f"_skip_attention___ret___{streams}").name
    places = [line for line, each in enumerate(home.source.lines, 1) if each.startswith("_skip_proc_output_fn_")]
    if not places:
        raise NotFound(f"assignment of a _skip_proc_output_fn_... in {home.name}")
    line = places[-1] + 1
    checkout.edit(home, (Edit(str(home.path), Span(line, 0, line, 0), f"{name} = {function}\n"),), name)
