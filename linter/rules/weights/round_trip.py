"""WGT001 round-trip."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Sequence

from linter.facts import Attribute
from linter.findings import Finding
from linter.project import Class, Module
from linter.rules.base import Rule
from linter.rules.weights import GUIDE, Conversion, conversions, places_of, strings, tables_of, value_of


_TURNED_ROUND = (
    re.compile(r"[{(]\s*\(?(\w+)\s*[:,]\s*(\w+)\)?\s+for\s+\2\s*,\s*\1\s+in\s+(?:\w+\.)*(\w+)\.items\(\)"),
    re.compile(r"()()zip\(\s*(?:\w+\.)*(\w+)\.values\(\)\s*,\s*(?:\w+\.)*\3(?:\.keys\(\))?\s*\)"),
    re.compile(r"()()map\(\s*reversed\s*,\s*(?:\w+\.)*(\w+)\.items\(\)"),
)
_Name = tuple[str, ast.expr]
_BOTH_WAYS = ("map_to_diffusers", "map_from_diffusers")


class RoundTrip(Rule):
    """The way back of a mapping of key names is not the inverse of the way there.

    ## What it does
    Looks at three forms of mappings. A table that the file turns round (`{new: old for old, new in TABLE.items()}` and
    its other spellings): values that occur twice. A table whose names a conversion puts back by
    `key.replace(new, old)` one after the other: a name that holds one which is replaced before it. A sequence of rules
    (`Rule("original", ("diffusers", ...))`) beside `map_to_diffusers` and `map_from_diffusers`: a name that two rules
    share.

    ## Why is this bad?
    Of two names that become one, the way back knows only the last: the weights of the other are lost, or renamed to
    what they never were.

    ## Exceptions
    Tables that are read in one direction alone.
    """

    code = "WGT001"
    name = "round-trip"
    guide = GUIDE
    bad = """
        NAMES = {
            "img_in.": "x_embedder.",
            "txt_in.": "context_embedder.",
            "vector_in.": "context_embedder.",  #!
        }
        BACK = {new: old for old, new in NAMES.items()}

        BLOCKS = {
            "double_blocks.": "transformer_blocks.",
            "single_blocks.": "single_transformer_blocks.",  #!
        }


        def convert_from_diffusers(state_dict):
            converted = {}
            for key, value in state_dict.items():
                for old, new in BLOCKS.items():
                    key = key.replace(new, old)
                converted[key] = value
            return converted
    """
    good = """
        NAMES = {
            "img_in.": "x_embedder.",
            "txt_in.": "context_embedder.",
            "vector_in.": "time_text_embed.",
        }
        BACK = {new: old for old, new in NAMES.items()}

        BLOCKS = {
            "single_blocks.": "single_transformer_blocks.",
            "double_blocks.": "transformer_blocks.",
        }


        def convert_from_diffusers(state_dict):
            converted = {}
            for key, value in state_dict.items():
                for old, new in BLOCKS.items():
                    key = key.replace(new, old)
                converted[key] = value
            return converted
    """

    def check(self, module: Module) -> Iterator[Finding]:
        for name, node, message in _losses(module):
            yield self.finding(module, places_of(module).span(node), message, name)


def _losses(module: Module) -> Iterator[tuple[str, ast.expr, str]]:
    """Where a mapping of a file loses something on its way back: its name, the place, and what happens."""
    tables = [item for item in tables_of(module) if item.value.kind == "dict"]
    text = module.source.text if tables else ""
    is_read = any(f"{table.name}.{how}()" in text for table in tables for how in ("items", "values"))
    turned = {match[3] for way in _TURNED_ROUND for match in way.finditer(text)} if is_read else set()
    read = [f"{table.name}.items" for table in tables]
    replaced = {name for item in conversions(module, *read) for name in _put_back(item)}
    for table in tables:
        value = value_of(module, table) if table.name in turned | replaced else None
        names = [name for item in value.values for name in strings(item)] if isinstance(value, ast.Dict) else []
        for text, node in _repeated(names):
            message = f"`{text}` is already the name of another key: the inverse of `{table.name}` loses one"
            yield table.name, node, message
        for earlier, text, node in _held(names) if table.name in replaced else ():
            yield table.name, node, f"`{text}` holds `{earlier}`, which the way back replaces in it first"
    for table in _rules(module):
        for side in _sides(value_of(module, table)):
            for text, node in _repeated(side):
                yield table.name, node, f"`{text}` stands in another rule too: one way of `{table.name}` loses one"


def _repeated(names: Sequence[_Name]) -> Iterator[_Name]:
    seen: set[str] = set()
    for text, node in names:
        if text in seen:
            yield text, node
        seen.add(text)


def _held(names: Sequence[_Name]) -> Iterator[tuple[str, str, ast.expr]]:
    """The names that hold an earlier one, each behind that."""
    for number, (text, node) in enumerate(names):
        held = [earlier for earlier, _ in names[:number] if earlier in text and earlier != text]
        yield from ((earlier, text, node) for earlier in held[:1])


def _put_back(conversion: Conversion) -> Iterator[str]:
    """The tables whose new names a conversion replaces by their old ones."""
    for loop in ast.walk(conversion.tree):
        if not isinstance(loop, ast.For) or not isinstance(loop.target, ast.Tuple):
            continue
        match = re.fullmatch(r"(?:\w+\.)*(\w+)\.items\(\)", ast.unparse(loop.iter))
        if match is None:
            continue
        back = [ast.unparse(item) for item in reversed(loop.target.elts)]
        calls = [call for call in ast.walk(loop) if isinstance(call, ast.Call)]
        puts_back = any(
            isinstance(call.func, ast.Attribute)
            and call.func.attr == "replace"
            and [ast.unparse(item) for item in call.args] == back
            for call in calls
        )
        if puts_back:
            yield match[1]


def _rules(module: Module) -> Iterator[Attribute]:
    """The sequences of rules in a file that maps names both ways."""
    classes = [cls for cls in module.classes.values() if all(name in cls.own_methods for name in _BOTH_WAYS)]
    for item in module.facts.attributes if classes else ():
        makers = {path.removesuffix("()") for path in item.value.items if path.endswith("()")}
        if len(makers) == 1 and isinstance(module.find(makers.pop()), Class):
            yield item


def _sides(value: ast.expr | None) -> tuple[list[_Name], list[_Name]]:
    """The names on either side of the rules of a sequence."""
    rules = [item for item in getattr(value, "elts", ()) if isinstance(item, ast.Call) and len(item.args) > 1]
    first, second = ([name for rule in rules for name in strings(rule.args[side])] for side in (0, 1))
    return first, second
