"""What a library's hooks know of its models: the registered blocks and processors, and the names of block lists."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from linter.facts import Call
from linter.project import Class, Module
from linter.project.queries import kept_query


BLOCK_REGISTRY = "TransformerBlockRegistry"
PROCESSOR_REGISTRY = "AttentionProcessorRegistry"
_BLOCK_LISTS = "_TRANSFORMER_BLOCK_IDENTIFIERS"


@dataclass(frozen=True)
class Registration:
    """One `Registry.register(...)`: the class's absolute name, the call, and the call that makes its metadata.

    The name is read where it is registered. The class is looked up only when it is asked for: who wants to know
    whether a class is registered need not rest on the files of all the others.
    """

    home: Module
    target: str
    call: Call
    metadata: Call | None

    @property
    def cls(self) -> Class | None:
        """The class; None where it is not of this project."""
        found = self.home.project.definition(self.target, self.home.root)
        return found if isinstance(found, Class) else None

    def names(self, cls: Class) -> bool:
        """Whether it is this class that is registered."""
        whole = f"{cls.module.name}.{cls.qualname}"
        return self.target == whole or (self.target.rpartition(".")[2] == cls.name and self.cls is cls)

    def index(self, name: str) -> int | None:
        """A return position that the metadata give; None where they give none."""
        text = self.metadata.argument(name) if self.metadata else None
        return int(text) if text is not None and text.isdigit() else None


class HookTables:
    """The tables of one library; `None` of `hook_tables` is a library without them."""

    def __init__(self, module: Module) -> None:
        self.module = module
        self.blocks = tuple(_registered(module, BLOCK_REGISTRY))
        self.processors = tuple(_registered(module, PROCESSOR_REGISTRY))
        lists = module.project.module(f"{module.package}._common", module.root)
        names = lists.facts.attributes if lists else ()
        self.block_lists = frozenset(
            text for item in names if item.name.endswith(_BLOCK_LISTS) for text in item.value.strings
        )


_tables_of = kept_query(HookTables)


def hook_tables(module: Module) -> HookTables | None:
    """The tables of the library that a file lies in."""
    top = module.name.partition(".")[0]
    home = module.project.module(f"{top}.hooks._helpers", module.root) if top else None
    return _tables_of(home) if home else None


def block_lists_of(cls: Class) -> dict[str, tuple[Call, tuple[Class, ...]]]:
    """The module lists that a model fills with modules of the project: attribute, call, and the modules' classes."""
    found: dict[str, tuple[Call, tuple[Class, ...]]] = {}
    for ancestor in cls.ancestors:
        init = ancestor.own_methods.get("__init__") if isinstance(ancestor, Class) else None
        calls = init.facts.calls if init else ()
        for number, call in enumerate(calls):
            if init is None or call.method != "ModuleList" or not call.assigned.startswith("self."):
                continue
            inside = [init.module.find(part.path, init.facts) for part in calls if part.parent == number]
            blocks = tuple(part for part in inside if isinstance(part, Class) and part.is_module)
            if blocks:
                found.setdefault(call.assigned[5:], (call, blocks))
    return found


def is_block(cls: Class) -> bool:
    """Whether a module takes and returns the hidden states, as the hooks expect of a block, rather than being a part
    of one.
    """
    forward = cls.method("forward")
    return forward is not None and any(parameter.name == "hidden_states" for parameter in forward.facts.parameters)


def _registered(module: Module, registry: str) -> Iterator[Registration]:
    for function in module.functions.values():
        calls = function.facts.calls
        for number, call in enumerate(calls):
            if call.path != f"{registry}.register":
                continue
            path = call.argument("model_class") or next((item.path for item in call.arguments if not item.name), "")
            target = module.resolve(path, function.facts)
            if target:
                metadata = next((part for part in calls if part.parent == number), None)
                yield Registration(module, target, call, metadata)
