"""REG014 block-return-order."""

from __future__ import annotations

from collections.abc import Iterator

from linter.facts import Return
from linter.findings import Finding
from linter.project import Module
from linter.project.hook_tables import Registration, hook_tables
from linter.project.profiles import LIBRARIES
from linter.rules.base import Rule
from linter.rules.registration import GUIDE, HOOK_TABLES, HOOKED_LIBRARY


_STREAMS = ("hidden_states", "encoder_hidden_states")


class BlockReturnOrder(Rule):
    """The hooks' registry contradicts what a block's `forward` takes or returns.

    ## What it does
    Compares `return_hidden_states_index` and `return_encoder_hidden_states_index` with the tuples that the block
    returns, by the names in them and their length, and the argument names with the parameters of `forward`.

    ## Why is this bad?
    A cache or a skipped layer hands the text stream on where the image stream belongs. The result has another length
    or is noise, and no error says why.

    ## Exceptions
    Returns whose values have no telling names. Where `forward` returns in several ways, one that agrees is enough.
    """

    code = "REG014"
    name = "block-return-order"
    guide = GUIDE
    profiles = LIBRARIES
    bad = {
        **HOOKED_LIBRARY,
        "tinylib/hooks/_helpers.py": HOOK_TABLES.replace("hidden_states_index=1", "hidden_states_index=9")
        .replace("hidden_states_index=0", "hidden_states_index=1")
        .replace("hidden_states_index=9", "hidden_states_index=0")
        .replace("metadata=TransformerBlockMetadata(", "metadata=TransformerBlockMetadata(  #!"),
    }
    good = HOOKED_LIBRARY

    def check(self, module: Module) -> Iterator[Finding]:
        tables = hook_tables(module)
        for item in tables.blocks if tables and tables.module is module else ():
            cls = item.cls
            forward = cls.method("forward") if cls else None
            if cls is None or forward is None or item.metadata is None:
                continue
            place = item.metadata.span
            returns = [ret for ret in forward.facts.returns if ret.paths]
            wrong = [text for ret in returns if (text := _contradiction(item, ret))]
            if returns and len(wrong) == len(returns):
                yield self.finding(module, place, f"`{cls.name}` {wrong[0]}", cls.name)
            taken = {parameter.name for parameter in forward.facts.parameters}
            given = item.metadata.argument("hidden_states_argument_name") or "'hidden_states'"
            if given[:1] in "'\"" and given[1:-1] not in taken and "kwargs" not in taken:
                message = f"`{cls.name}.forward` takes no `{given[1:-1]}`, which the registration says it does"
                yield self.finding(module, place, message, cls.name)


def _contradiction(item: Registration, ret: Return) -> str:
    """In which way one return is not as registered; empty where it may be."""
    for name in _STREAMS:
        index = item.index(f"return_{name}_index")
        other = next(stream for stream in _STREAMS if stream != name)
        if index is None:
            continue
        if not ret.is_tuple:
            # A variable may hold a tuple; one that is named after a stream is that stream.
            if index > 0 and ret.paths[0] in _STREAMS:
                return f"returns `{ret.paths[0]}` alone, and is registered to return `{name}` at {index}"
        elif index >= len(ret.paths):
            return f"returns {len(ret.paths)} values, and is registered to return `{name}` at {index}"
        elif ret.paths[index] == other:
            return f"returns `{', '.join(ret.paths)}`, and is registered to return `{name}` at {index}"
    return ""
