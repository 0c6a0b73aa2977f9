"""How many dimensions an argument surely has, as its shape is used before the name stands for something else."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass

from linter.facts.statements import statement_at
from linter.project.views import Function


_OPEN = (ast.IfExp, ast.BoolOp, ast.Lambda, ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)
"""What may leave a part of a statement out."""
_SHAPE = re.compile(r"\bshape `?\(([^()]+)\)")
_SIZE = re.compile(r"[\w *+/.]+")


@dataclass(frozen=True)
class Rank:
    """What one use of a tensor's shape says, or its documentation: `exact` dimensions, or at least so many."""

    exact: int | None
    least: int
    text: str

    def allows(self, dims: int) -> bool:
        """Whether a tensor with so many dimensions can be used so."""
        return dims == self.exact if self.exact is not None else dims >= self.least


def rank_of(function: Function, name: str) -> Rank | None:
    """What is certain of an argument's dimensions; None where nothing is.

    Only what always runs counts, and only up to where the name may stand for something else.
    """
    definition = statement_at(function.module.source.lines, function.facts.span)
    assert isinstance(definition, (ast.FunctionDef, ast.AsyncFunctionDef)), "the span is a function's"
    found: Rank | None = None
    for statement in definition.body:
        nodes = list(ast.walk(statement))
        if not hasattr(statement, "body") and not any(isinstance(node, _OPEN) for node in nodes):
            for rank in _said(nodes, name):
                found = rank if found is None or (found.exact is None and rank.exact is not None) else found
        leaves = hasattr(statement, "body") and any(isinstance(node, ast.Return) for node in nodes)
        if leaves or any(_binds(node, name) for node in nodes):
            break
    if found is None or found.exact is None:
        found = _documented(ast.get_docstring(definition) or "", name) or found
    return found


def _documented(docstring: str, name: str) -> Rank | None:
    """What a docstring says, as in `name (torch.Tensor of shape (batch_size, tokens, width))`."""
    match = re.search(rf"^\s*{name} \((.*)\):?$", docstring, re.MULTILINE)
    shapes = _SHAPE.findall(match[1]) if match else []
    if len(shapes) != 1 or not all(_SIZE.fullmatch(size.strip()) for size in shapes[0].split(",")):
        return None
    dims = len(shapes[0].split(","))
    return Rank(dims, dims, f"({shapes[0]})")


def _said(nodes: list[ast.AST], name: str) -> Iterator[Rank]:
    for node in nodes:
        if isinstance(node, ast.Assign) and len(node.targets) == 1 and _is_shape(node.value, name):
            target = node.targets[0]
            if isinstance(target, ast.Tuple) and not any(isinstance(item, ast.Starred) for item in target.elts):
                yield Rank(len(target.elts), len(target.elts), ast.unparse(node))
        elif isinstance(node, ast.Subscript) and _is_shape(node.value, name):
            yield from _at_least(node.slice, node)
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and _is(node.func.value, name):
            if node.func.attr == "size" and len(node.args) == 1:
                yield from _at_least(node.args[0], node)
            elif node.func.attr == "permute" and all(isinstance(item, ast.Constant) for item in node.args):
                yield Rank(len(node.args), len(node.args), ast.unparse(node))


def _at_least(index: ast.expr, node: ast.expr) -> Iterator[Rank]:
    if isinstance(index, ast.Constant) and isinstance(index.value, int):
        yield Rank(None, index.value + 1, ast.unparse(node))


def _is_shape(node: ast.expr, name: str) -> bool:
    """Whether an expression is the whole shape of a tensor."""
    if isinstance(node, ast.Call) and not node.args and not node.keywords:
        return isinstance(node.func, ast.Attribute) and node.func.attr == "size" and _is(node.func.value, name)
    return isinstance(node, ast.Attribute) and node.attr == "shape" and _is(node.value, name)


def _is(node: ast.expr, name: str) -> bool:
    return isinstance(node, ast.Name) and node.id == name


def _binds(node: ast.AST, name: str) -> bool:
    return isinstance(node, ast.Name) and node.id == name and not isinstance(node.ctx, ast.Load)
