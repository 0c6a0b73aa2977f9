"""WGT002 ambiguous-format."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from linter.facts import Attribute
from linter.findings import Finding
from linter.project import Module
from linter.rules.base import Rule
from linter.rules.weights import GUIDE, conversions, places_of, strings, tables_of, value_of


_FORMATS = re.compile(r"(format|marker)s?$", re.IGNORECASE)


class AmbiguousFormat(Rule):
    """A checkpoint of one format has the marker of another that is asked for first.

    ## What it does
    Follows the tests of the form `any("marker" in key for key in state_dict)` in functions that convert weights, where
    the earlier test leaves the function or its branch shuts the later one out, and reads tables of markers
    (`...FORMATS`, `...MARKERS`). A later marker that holds an earlier one is reported.

    ## Why is this bad?
    The later format is never recognised: its keys are converted by the rules of the other, and most are dropped or
    keep names that nothing loads.

    ## Exceptions
    Tests of several markers at once, and of keys that are renamed in between.
    """

    code = "WGT002"
    name = "ambiguous-format"
    guide = GUIDE
    bad = """
        def convert_tiny_lora_to_diffusers(state_dict):
            if any("lora_A" in key for key in state_dict):
                return state_dict
            is_native = any("img_attn.lora_A" in key for key in state_dict)  #!
            if is_native:
                return {key.replace("img_attn", "attn"): value for key, value in state_dict.items()}
            raise ValueError("unknown format")
    """
    good = """
        def convert_tiny_lora_to_diffusers(state_dict):
            is_native = any("img_attn.lora_A" in key for key in state_dict)
            if is_native:
                return {key.replace("img_attn", "attn"): value for key, value in state_dict.items()}
            if any("lora_A" in key for key in state_dict):
                return state_dict
            raise ValueError("unknown format")
    """

    def check(self, module: Module) -> Iterator[Finding]:
        for conversion in conversions(module, "any"):
            for first, second in _shut_out(conversion.tree.body, {}, []):
                yield self.finding(module, conversion.span(second.node), _said(first, second), conversion.function)
        for table in tables_of(module):
            if _FORMATS.search(table.name):
                for first, second in _alike(module, table):
                    yield self.finding(module, places_of(module).span(second.node), _said(first, second), table.name)


@dataclass(frozen=True)
class _Marker:
    """What tells one format: a text in a key, or at its beginning or end."""

    how: str
    text: str
    where: str
    """The name of what is searched."""
    node: ast.expr

    def covers(self, other: _Marker) -> bool:
        """Whether every key that has the other's marker has this one."""
        if self.where != other.where:
            return False
        if self.how == "in":
            return self.text in other.text
        return self.how == other.how and getattr(other.text, self.how)(self.text)


def _said(first: _Marker, second: _Marker) -> str:
    return f"a checkpoint with `{second.text}` has `{first.text}` too, and is taken for that format first"


def _shut_out(
    body: Sequence[ast.stmt], flags: dict[str, _Marker], left: list[_Marker]
) -> Iterator[tuple[_Marker, _Marker]]:
    """The markers that are never met, each behind the one that is met in its place.

    Args:
        body: Statements that follow one another.
        flags: The names that tests were given.
        left: What has left the function by the time that the statements run.
    """
    left = list(left)
    for statement in body:
        if isinstance(statement, ast.If):
            yield from _chain(statement, flags, left)
        # As long as nothing is known of any key there is nothing to forget.
        nodes = ast.walk(statement) if left or flags else ()
        stored = {node.id for node in nodes if isinstance(node, ast.Name) and _is_stored(node)}
        # What was found out about keys that are other ones now counts no more.
        left = [item for item in left if item.where not in stored]
        marker = _marker(statement.value, flags) if isinstance(statement, ast.Assign) else None
        flags = {name: item for name, item in flags.items() if not {name, item.where} & stored}
        if isinstance(statement, ast.Assign) and isinstance(statement.targets[0], ast.Name) and marker:
            flags[statement.targets[0].id] = marker


def _chain(statement: ast.If, flags: dict[str, _Marker], left: list[_Marker]) -> Iterator[tuple[_Marker, _Marker]]:
    """Goes through `if` and its `elif`s; what leaves the function is added to `left`."""
    before = list(left)
    branch: ast.If | None = statement
    while branch is not None:
        marker = _marker(branch.test, flags)
        if marker is not None:
            yield from ((first, marker) for first in before if first.covers(marker))
        yield from _shut_out(branch.body, flags, before)
        if marker is not None:
            before.append(marker)
            if isinstance(branch.body[-1], (ast.Return, ast.Raise)):
                left.append(marker)
        following = branch.orelse
        branch = following[0] if len(following) == 1 and isinstance(following[0], ast.If) else None
        if branch is None:
            yield from _shut_out(following, flags, before)


def _marker(node: ast.expr, flags: dict[str, _Marker]) -> _Marker | None:
    """What `any("marker" in key for key in state_dict)` asks for, or a name that stands for it."""
    if isinstance(node, ast.Name):
        return flags.get(node.id)
    if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "any" and node.args):
        return None
    generator = node.args[0]
    if not isinstance(generator, (ast.GeneratorExp, ast.ListComp)):
        return None
    source, test = generator.generators[0], generator.elt
    where = source.iter.func.value if _is_keys(source.iter) else source.iter  # type: ignore[attr-defined]
    if source.ifs or not isinstance(source.target, ast.Name) or not isinstance(where, ast.Name):
        return None
    key = source.target.id
    if isinstance(test, ast.Compare) and len(test.ops) == 1 and isinstance(test.ops[0], ast.In):
        texts = strings(test.left) if _is_name(test.comparators[0], key) else []
        return _Marker("in", texts[0][0], where.id, node) if len(texts) == 1 else None
    if isinstance(test, ast.Call) and isinstance(test.func, ast.Attribute) and _is_name(test.func.value, key):
        texts = strings(test.args[0]) if len(test.args) == 1 else []
        if test.func.attr in ("startswith", "endswith") and len(texts) == 1:
            return _Marker(test.func.attr, texts[0][0], where.id, node)
    return None


def _is_stored(node: ast.Name) -> bool:
    return isinstance(node.ctx, (ast.Store, ast.Del))


def _is_keys(node: ast.expr) -> bool:
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "keys"


def _is_name(node: ast.expr, name: str) -> bool:
    return isinstance(node, ast.Name) and node.id == name


def _alike(module: Module, table: Attribute) -> Iterator[tuple[_Marker, _Marker]]:
    """The markers of a table of formats that hold one of an earlier format, each behind that."""
    value = value_of(module, table)
    before: list[_Marker] = []
    for markers in value.values if isinstance(value, ast.Dict) else ():
        own = [_Marker("in", text, table.name, item) for text, item in strings(markers)]
        for marker in own:
            yield from [(item, marker) for item in before if item.covers(marker)][:1]
        before += own
