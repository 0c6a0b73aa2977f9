"""REG021 registration-place."""

from __future__ import annotations

from collections.abc import Iterator

from linter.facts import Call
from linter.findings import Finding
from linter.project import Function, Module
from linter.project.hook_tables import BLOCK_REGISTRY, PROCESSOR_REGISTRY, hook_tables
from linter.project.profiles import LIBRARIES
from linter.rules.base import Rule
from linter.rules.registration import BLOCK_FILE, GUIDE, HOOKED_LIBRARY


class RegistrationPlace(Rule):
    """A file of the library registers hook metadata itself, outside the one place that holds them.

    ## What it does
    Finds calls of `TransformerBlockRegistry.register` and `AttentionProcessorRegistry.register` in files other than
    the one that defines the registries.

    ## Why is this bad?
    The model's file imports the hooks, which import models: a circle. And who looks for what the hooks know has two
    places to look in.

    ## Exceptions
    Folders outside the library, which have no other place.
    """

    code = "REG021"
    name = "registration-place"
    guide = GUIDE
    profiles = LIBRARIES
    bad = {
        **HOOKED_LIBRARY,
        "tinylib/models/tiny.py": BLOCK_FILE.replace(
            "from .modeling_utils import",
            "from ..hooks._helpers import TransformerBlockRegistry\n            from .modeling_utils import",
        )
        + "\n\n            TransformerBlockRegistry.register(TinyBlock, None)  #!\n",
    }
    good = HOOKED_LIBRARY

    words = frozenset({BLOCK_REGISTRY, PROCESSOR_REGISTRY})

    def check(self, module: Module) -> Iterator[Finding]:
        tables = hook_tables(module)
        if tables is None or module is tables.module:
            return
        for call, function in _calls(module):
            registry = call.receiver.rpartition(".")[2]
            if call.method != "register" or registry not in (BLOCK_REGISTRY, PROCESSOR_REGISTRY):
                continue
            target = module.resolve(call.receiver, function.facts if function else None)
            if target == f"{tables.module.name}.{registry}" or module.find(call.receiver) is not None:
                message = f"hook metadata belongs into `{tables.module.name}`, with those of the other models"
                yield self.finding(module, call.span, message, registry)


def _calls(module: Module) -> Iterator[tuple[Call, Function | None]]:
    yield from ((call, None) for call in module.facts.calls)
    for definition in module.definitions.values():
        if isinstance(definition, Function):
            yield from ((call, definition) for call in definition.facts.calls)
