"""What a `_cp_plan` says: which inputs of which submodules are split over devices, and which outputs are gathered."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass

from linter.facts import Attribute, Span
from linter.facts.paths import Places, path_of
from linter.project.views import Module


PLAN = "_cp_plan"
_INPUT, _OUTPUT = "ContextParallelInput", "ContextParallelOutput"
_ORDER = {_INPUT: ("split_dim", "expected_dims", "split_output"), _OUTPUT: ("gather_dim", "expected_dims")}


@dataclass(frozen=True)
class Shard:
    """One tensor that is split or gathered, with the numbers that are literal.

    `key` names the argument, or the place among the outputs; it is None for what is gathered.
    """

    key: str | int | None
    key_span: Span
    span: Span
    dim: int | None
    expected_dims: int | None
    of_output: bool | None
    """Whether a split is one of what the module returns; None where that cannot be read."""


@dataclass(frozen=True)
class Part:
    """What a plan says of one submodule.

    `shards` are in order; `gathers` tells outputs from inputs; `complete` is false where some cannot be read.
    """

    name: str
    span: Span
    shards: tuple[Shard, ...]
    gathers: bool
    complete: bool


def plan_of(module: Module, attribute: Attribute) -> tuple[Part, ...]:
    """The parts of a plan that is written as a dictionary. An index in an f-string is read as `0`."""
    if attribute.value.kind != "dict":
        return ()
    source = module.source
    statement = ast.parse(source.between(attribute.span)).body[0]
    value = getattr(statement, "value", None)
    reader = _Reader(module, attribute.span, Places(source.between(attribute.span).split("\n"), source.text.isascii()))
    return tuple(reader.parts(value)) if isinstance(value, ast.Dict) else ()


class _Reader:
    """Reads the syntax of a plan; places are those of the file that it stands in."""

    def __init__(self, module: Module, whole: Span, places: Places) -> None:
        self._module = module
        self._whole = whole
        self._places = places

    def parts(self, plan: ast.Dict) -> Iterator[Part]:
        for key, value in zip(plan.keys, plan.values, strict=True):
            if key is None and isinstance(value, ast.DictComp):
                key, value = value.key, value.value
            elif key is None and isinstance(value, ast.Dict):
                yield from self.parts(value)
                continue
            name = _name_in(key)
            if key is not None and name is not None:
                yield self._part(name, key, value)

    def _part(self, name: str, key: ast.expr, value: ast.expr) -> Part:
        if isinstance(value, ast.Dict):
            pairs = list(zip(value.keys, value.values, strict=True))
            shards = [self._shard(of, each, _INPUT) for of, each in pairs if of is not None]
            gathers = False
        else:
            each = value.elts if isinstance(value, (ast.List, ast.Tuple)) else [value]
            shards = [self._shard(None, item, _OUTPUT) for item in each]
            pairs, gathers = [(None, item) for item in each], True
        known = tuple(shard for shard in shards if shard is not None)
        return Part(name, self._span(key), known, gathers, len(known) == len(pairs))

    def _shard(self, key: ast.expr | None, value: ast.expr, kind: str) -> Shard | None:
        """One split or gather; None where its key or its call cannot be read."""
        name = key.value if isinstance(key, ast.Constant) else None
        if key is not None and (not isinstance(name, (str, int)) or isinstance(name, bool)):
            return None
        if not isinstance(value, ast.Call) or self._class_of(value) != kind:
            # A list of splits is one for each tensor of a list; its key can be read all the same.
            if key is None or not isinstance(value, (ast.List, ast.Tuple)):
                return None
            return Shard(name, self._span(key), self._span(value), None, None, False)  # type: ignore[arg-type]
        given = dict(zip(_ORDER[kind], value.args, strict=False))
        given |= {keyword.arg: keyword.value for keyword in value.keywords if keyword.arg}
        flag = given.get("split_output")
        of_output = False if flag is None else flag.value if isinstance(flag, ast.Constant) else None
        return Shard(
            name,  # type: ignore[arg-type]
            self._span(key or value),
            self._span(value),
            _number(given.get(_ORDER[kind][0])),
            _number(given.get("expected_dims")),
            bool(of_output) if of_output is not None else None,
        )

    def _class_of(self, call: ast.Call) -> str:
        path = path_of(call.func)
        return (self._module.resolve(path) or path).rpartition(".")[2]

    def _span(self, node: ast.expr) -> Span:
        inner = self._places.span(node)
        begin = self._whole.column if inner.line == 1 else 0
        end = self._whole.column if inner.end_line == 1 else 0
        above = self._whole.line - 1
        return Span(inner.line + above, inner.column + begin, inner.end_line + above, inner.end_column + end)


def _name_in(key: ast.expr | None) -> str | None:
    """The submodule's name in a key; None where it is neither a text nor a text with indices in it."""
    if isinstance(key, ast.Constant) and isinstance(key.value, str):
        return key.value
    if isinstance(key, ast.JoinedStr):
        return "".join(str(part.value) if isinstance(part, ast.Constant) else "0" for part in key.values)
    return None


def _number(node: ast.expr | None) -> int | None:
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub) and isinstance(node.operand, ast.Constant):
        return -node.operand.value if isinstance(node.operand.value, int) else None
    if isinstance(node, ast.Constant) and isinstance(node.value, int) and not isinstance(node.value, bool):
        return node.value
    return None
