"""The mutants of a module of rules: every place where its code could be another, and what would stand there."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any


_TURNED: Mapping[type[ast.AST], type[ast.AST]] = {
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
    ast.Lt: ast.GtE,
    ast.LtE: ast.Gt,
    ast.Gt: ast.LtE,
    ast.GtE: ast.Lt,
}


@dataclass(frozen=True)
class Mutant:
    """One change of a syntax tree: what stands at a place, and what stands there instead."""

    line: int
    change: str
    holder: ast.AST
    field: str
    index: int | None
    new: Any

    @contextmanager
    def applied(self) -> Iterator[None]:
        """The tree is changed for as long as this lasts."""
        old = getattr(self.holder, self.field)
        if self.index is None:
            setattr(self.holder, self.field, self.new)
        else:
            setattr(self.holder, self.field, [*old[: self.index], *self.new, *old[self.index + 1 :]])
        try:
            yield
        finally:
            setattr(self.holder, self.field, old)


def mutants_of(tree: ast.Module) -> list[Mutant]:
    """Every mutant of a module's functions and of the constants that they read."""
    in_functions = {
        name.id
        for function in ast.walk(tree)
        if isinstance(function, ast.FunctionDef)
        for name in ast.walk(function)
        if isinstance(name, ast.Name)
    }
    found: list[Mutant] = []
    for statement in tree.body:
        if isinstance(statement, ast.ClassDef):
            for part in statement.body:
                if isinstance(part, ast.FunctionDef):
                    found += _of_function(part)
        elif isinstance(statement, ast.FunctionDef) and not _makes_examples(statement, tree):
            found += _of_function(statement)
        elif isinstance(statement, ast.Assign | ast.AnnAssign) and statement.value is not None:
            targets = statement.targets if isinstance(statement, ast.Assign) else [statement.target]
            if any(isinstance(target, ast.Name) and target.id in in_functions for target in targets):
                found += _within(statement, "value", None, statement.value)
    return found


def _makes_examples(function: ast.FunctionDef, tree: ast.Module) -> bool:
    """Whether only the examples of a rule call a function."""
    classes = [statement for statement in tree.body if isinstance(statement, ast.ClassDef)]
    attributes = [part for cls in classes for part in cls.body if isinstance(part, ast.Assign)]
    return any(
        isinstance(node, ast.Name) and node.id == function.name for part in attributes for node in ast.walk(part)
    )


def _of_function(function: ast.FunctionDef) -> list[Mutant]:
    found: list[Mutant] = []
    for index, statement in enumerate(function.body):
        is_docstring = index == 0 and isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)
        if not is_docstring:
            is_last = index == len(function.body) - 1
            found += _of_statement(function, "body", index, statement, is_last)
    return found


def _of_statement(holder: ast.AST, name: str, index: int, node: ast.stmt, is_last: bool) -> Iterator[Mutant]:
    place = (holder, name, index)
    is_yield = isinstance(node, ast.Expr) and isinstance(node.value, ast.Yield | ast.YieldFrom)
    if is_yield or isinstance(node, ast.Continue | ast.Break) or (isinstance(node, ast.Return) and not is_last):
        # A generator must stay one, whatever becomes of its only `yield`.
        gone = ast.parse("if False:\n    yield").body if is_yield else [ast.Pass()]
        yield Mutant(node.lineno, f"`{_text(node)}` goes", *place, gone)
    if isinstance(node, ast.FunctionDef):
        yield from _of_function(node)
        return
    for field_name, value in ast.iter_fields(node):
        if field_name in ("annotation", "target", "targets"):
            continue
        for position, child in enumerate(value) if isinstance(value, list) else [(None, value)]:
            if isinstance(child, ast.stmt) and position is not None:
                yield from _of_statement(node, field_name, position, child, is_last=False)
            elif isinstance(child, ast.expr):
                yield from _within(node, field_name, position, child)


def _within(holder: ast.AST, name: str, index: int | None, node: ast.expr) -> Iterator[Mutant]:
    """The mutants of an expression and of what it is made of."""
    if isinstance(node, ast.JoinedStr):
        return
    for text, new in _instead_of(node, is_test=name in ("test", "ifs")):
        yield Mutant(node.lineno, f"`{_text(node)}` becomes `{text}`", holder, name, index, _fit(new, index))
    yield from _shorter(node)
    listed = isinstance(node, ast.Set | ast.Tuple | ast.List) and len(node.elts) > 1
    for field_name, value in ast.iter_fields(node):
        for position, child in enumerate(value) if isinstance(value, list) else [(None, value)]:
            if isinstance(child, ast.expr):
                # An element that can be left out need not be changed too.
                if not (listed and isinstance(child, ast.Constant)):
                    yield from _within(node, field_name, position, child)
            elif isinstance(child, ast.comprehension):
                yield from _within(child, "iter", None, child.iter)
                for number, test in enumerate(child.ifs):
                    yield from _within(child, "ifs", number, test)
            elif isinstance(child, ast.keyword):
                yield from _within(child, "value", None, child.value)


def _fit(new: ast.expr, index: int | None) -> Any:
    return new if index is None else [new]


def _instead_of(node: ast.expr, is_test: bool) -> Iterator[tuple[str, ast.expr]]:
    """What may stand in the place of an expression."""
    options: list[ast.expr] = []
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
        options.append(node.operand)
    elif is_test and not isinstance(node, ast.Compare):
        options.append(ast.UnaryOp(ast.Not(), node))
    if isinstance(node, ast.BoolOp):
        # Whoever notices that neither part can go notices an `and` for an `or` too.
        for left_out in range(len(node.values)):
            rest = [value for number, value in enumerate(node.values) if number != left_out]
            options.append(rest[0] if len(rest) == 1 else ast.BoolOp(node.op, rest))
    elif isinstance(node, ast.Compare) and len(node.ops) == 1:
        options.append(ast.Compare(node.left, [_TURNED[type(node.ops[0])]()], node.comparators))  # type: ignore[list-item]
        if isinstance(node.ops[0], ast.Lt | ast.LtE | ast.Gt | ast.GtE):
            touching = {ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt}[type(node.ops[0])]
            options.append(ast.Compare(node.left, [touching()], node.comparators))
    elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in ("any", "all"):
        other = "all" if node.func.id == "any" else "any"
        options.append(ast.Call(ast.Name(other, ast.Load()), node.args, node.keywords))
    elif isinstance(node, ast.Constant):
        if isinstance(node.value, bool):
            options.append(ast.Constant(not node.value))
        elif isinstance(node.value, int):
            options.append(ast.Constant(node.value + 1))
        elif isinstance(node.value, str) and " " not in node.value:
            # Words are a message's; names and signs are what the rule looks for.
            options.append(ast.Constant("XX"))
    yield from ((_text(option), option) for option in options)


def _shorter(node: ast.expr) -> Iterator[Mutant]:
    """A literal without one of its elements."""
    if isinstance(node, ast.Set | ast.Tuple | ast.List) and len(node.elts) > 1:
        for index, element in enumerate(node.elts):
            if isinstance(element, ast.Constant):
                yield Mutant(element.lineno, f"`{_text(element)}` goes from `{_text(node)}`", node, "elts", index, [])
    elif isinstance(node, ast.Dict) and len(node.keys) > 1:
        for index, key in enumerate(node.keys):
            if isinstance(key, ast.Constant):
                new = ast.Constant("XX")
                yield Mutant(key.lineno, f"`{_text(key)}` goes from the mapping", node, "keys", index, [new])


def _text(node: ast.AST) -> str:
    text = " ".join(ast.unparse(node).split())
    return text if len(text) <= 160 else f"{text[:159]}…"
