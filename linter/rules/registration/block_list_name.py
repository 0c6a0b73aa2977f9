"""REG016 block-list-name."""

from __future__ import annotations

from collections.abc import Iterator

from linter.findings import Finding, Severity
from linter.project import Module
from linter.project.hook_tables import block_lists_of, hook_tables, is_block
from linter.project.profiles import LIBRARIES
from linter.rules.base import Rule
from linter.rules.registration import BLOCK_FILE, GUIDE, HOOKED_LIBRARY


class BlockListName(Rule):
    """A model keeps its blocks under a name that the library's hooks do not look for.

    ## What it does
    Compares the names of a transformer's block lists with those in `hooks/_common.py`. A model none of whose block
    lists has such a name is reported, at the list.

    ## Why is this bad?
    Caches, layer skip and the guiders built on them find no block: they raise on an empty list or do nothing.

    ## Exceptions
    Lists beside one that the hooks do find, and modules that do not take `hidden_states`: they are parts of blocks.
    """

    code = "REG016"
    name = "block-list-name"
    severity = Severity.WARNING
    guide = GUIDE
    profiles = LIBRARIES
    bad = {
        **HOOKED_LIBRARY,
        "tinylib/models/tiny.py": BLOCK_FILE.replace("self.transformer_blocks", "self.double_stack").replace(
            "range(2)])", "range(2)])  #!"
        ),
    }
    good = HOOKED_LIBRARY

    def check(self, module: Module) -> Iterator[Finding]:
        tables = hook_tables(module)
        if tables is None or not tables.block_lists:
            return
        known = ", ".join(f"`{name}`" for name in sorted(tables.block_lists))
        for cls in module.classes.values():
            if not (cls.is_model and (cls.inherits("CacheMixin") or "Transformer" in cls.name)):
                continue
            lists = block_lists_of(cls)
            if any(name in tables.block_lists for name in lists):
                continue
            for name, (call, blocks) in lists.items():
                if any("Block" in block.name and is_block(block) for block in blocks):
                    message = f"the hooks do not look for blocks in `{name}` of `{cls.name}`, but in {known}"
                    yield self.finding(module, call.span, message, cls)
