"""REG013 block-registry."""

from __future__ import annotations

from collections.abc import Iterator

from linter.findings import Finding, Severity
from linter.project import Module
from linter.project.hook_tables import BLOCK_REGISTRY, block_lists_of, hook_tables
from linter.project.profiles import LIBRARIES
from linter.rules.base import Rule
from linter.rules.registration import BLOCK_FILE, GUIDE, HOOKED_LIBRARY


class BlockRegistry(Rule):
    """A model that offers caches repeats a block that the library's hooks do not know.

    ## What it does
    For a model with `CacheMixin`, looks the classes of its block lists up in `TransformerBlockRegistry`, which goes by
    the exact class.

    ## Why is this bad?
    First-block cache, MagCache and layer skip raise a `ValueError` when they are first used; nothing says so before.

    ## Exceptions
    Lists under names that the hooks do not look at (REG016), and libraries without such a registry.
    """

    code = "REG013"
    name = "block-registry"
    severity = Severity.WARNING
    guide = GUIDE
    profiles = LIBRARIES
    bad = {
        **HOOKED_LIBRARY,
        "tinylib/models/tiny.py": BLOCK_FILE.replace("[TinyBlock()", "[OtherBlock()").replace(
            "class TinyModel(ModelMixin, CacheMixin):",
            "class OtherBlock(TinyBlock):\n                pass\n\n\n"
            "            class TinyModel(ModelMixin, CacheMixin):  #!",
        ),
    }
    good = HOOKED_LIBRARY

    def check(self, module: Module) -> Iterator[Finding]:
        tables = hook_tables(module)
        if tables is None or not tables.blocks:
            return
        for cls in module.classes.values():
            if not (cls.is_model and cls.inherits("CacheMixin")):
                continue
            lists = block_lists_of(cls)
            blocks = [block for name, (_, found) in lists.items() if name in tables.block_lists for block in found]
            missing = [
                block.name for block in dict.fromkeys(blocks) if not any(item.names(block) for item in tables.blocks)
            ]
            if missing:
                names = " and ".join(f"`{name}`" for name in missing)
                message = f"`{cls.name}` offers caches, and the hooks' `{BLOCK_REGISTRY}` does not know {names}"
                yield self.finding(module, cls.facts.header, message, cls)
