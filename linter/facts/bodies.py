"""What a function's body does: its calls, reads, writes, returns and the conditions that they stand under."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable

import msgspec

from linter.facts.paths import Places, path_of
from linter.facts.signatures import decorators_of, imports_of, parameters_of
from linter.facts.values import (
    Argument,
    Body,
    Call,
    Condition,
    FunctionFacts,
    Import,
    Read,
    Return,
    Write,
    packed,
)


FunctionNode = ast.FunctionDef | ast.AsyncFunctionDef
_MOST_GUARDS = 100


def _is_empty(body: list[ast.stmt]) -> bool:
    for statement in body:
        if isinstance(statement, ast.Pass) or (
            isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)
        ):
            continue
        if isinstance(statement, ast.Raise) and path_of(statement.exc).startswith("NotImplementedError"):
            continue
        return False
    return True


def function_facts(node: FunctionNode, prefix: str, places: Places) -> FunctionFacts:
    """The facts of a function. `prefix` is the qualified name of what it stands in, with its dot."""
    qualname = prefix + node.name
    body = _Body(places)
    parameters = parameters_of(node.args, places)
    body.local_names.update(parameter.name for parameter in parameters)
    body.run(node.body)
    first = node.body[0]
    facts = FunctionFacts(
        name=node.name,
        qualname=qualname,
        parameters=parameters,
        decorators=decorators_of(node.decorator_list, places),
        span=places.span(node),
        header=places.name(node),
        body_line=min([first.lineno, *(d.lineno for d in getattr(first, "decorator_list", ()))]),
        is_async=isinstance(node, ast.AsyncFunctionDef),
        is_empty=_is_empty(node.body),
        packed=packed(found := body.result()),
    )
    # The rules run next in the same process: they need not unpack what was just packed.
    facts.__dict__["body"] = found
    return facts


def _paired(target: ast.expr, value: ast.expr) -> list[tuple[ast.expr, ast.expr]]:
    """The targets and values of a tuple that is assigned to a tuple, where they stand one to one."""
    if not isinstance(target, ast.Tuple) or not isinstance(value, ast.Tuple) or len(target.elts) != len(value.elts):
        return []
    if any(isinstance(node, ast.Starred) for node in (*target.elts, *value.elts)):
        return []
    return list(zip(target.elts, value.elts, strict=True))


class _Body:
    """Walks statements and expressions once, keeping what it is under: conditions, the call, the assignment."""

    def __init__(self, places: Places) -> None:
        self._places = places
        self.conditions: list[Condition] = []
        self.calls: list[Call] = []
        self.reads: list[Read] = []
        self.writes: list[Write] = []
        self.returns: list[Return] = []
        self.names: set[str] = set()
        self.local_names: set[str] = set()
        self.imports: list[Import] = []
        self._guards: tuple[int, ...] = ()
        self._assigned = ""
        self._call = -1
        self._test = -1
        self._inside_function = 0
        self._trying = 0

    def result(self) -> Body:
        """What was found."""
        return Body(
            conditions=tuple(self.conditions),
            calls=tuple(self.calls),
            reads=tuple(self.reads),
            writes=tuple(self.writes),
            returns=tuple(self.returns),
            names=frozenset(self.names),
            local_names=frozenset(self.local_names),
            imports=tuple(self.imports),
        )

    # Statements

    def run(self, body: Iterable[ast.stmt]) -> None:
        for statement in body:
            handler = _STATEMENTS.get(statement.__class__)
            if handler is not None:
                handler(self, statement)
            else:
                self._children(statement)

    def _children(self, node: ast.AST) -> None:
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.expr):
                self.expression(child)
            elif isinstance(child, ast.stmt):
                self.run((child,))
            else:
                self._children(child)

    def _assign(self, node: ast.Assign) -> None:
        if len(node.targets) == 1 and (pairs := _paired(node.targets[0], node.value)):
            self._assign_each(pairs)
            return
        previous, self._assigned = self._assigned, path_of(node.targets[0])
        self.expression(node.value)
        self._assigned = previous
        for target in node.targets:
            self._target(target, path_of(node.value), "=")

    def _assign_each(self, pairs: list[tuple[ast.expr, ast.expr]]) -> None:
        """`a, b = c, d`: each name is assigned its own value, after all values are worked out."""
        previous = self._assigned
        for target, value in pairs:
            self._assigned = path_of(target)
            self.expression(value)
        self._assigned = previous
        for target, value in pairs:
            self._target(target, path_of(value), "=")

    def _annotated(self, node: ast.AnnAssign) -> None:
        if node.value is not None:
            previous, self._assigned = self._assigned, path_of(node.target)
            self.expression(node.value)
            self._assigned = previous
            self._target(node.target, path_of(node.value), "=")

    def _augmented(self, node: ast.AugAssign) -> None:
        self.expression(node.value)
        if isinstance(node.target, ast.Name):
            self.names.add(node.target.id)
        self._target(node.target, path_of(node.value), "+=")

    def _target(self, node: ast.expr, value: str, kind: str) -> None:
        if isinstance(node, (ast.Tuple, ast.List)):
            for element in node.elts:
                self._target(element, "?", kind)
            return
        if isinstance(node, ast.Starred):
            self._target(node.value, "?", kind)
            return
        if isinstance(node, ast.Name):
            self.local_names.add(node.id)
        elif isinstance(node, ast.Attribute):
            self.expression(node.value)
        elif isinstance(node, ast.Subscript):
            self.expression(node.value)
            self.expression(node.slice)
        self.writes.append(Write(path_of(node), value, kind, self._places.span(node), self._guards))

    def _condition(self, kind: str, test: ast.expr) -> int:
        span = self._places.span(test)
        index = len(self.conditions)
        self.conditions.append(Condition(kind, self._places.text(span), span))
        previous, self._test = self._test, index
        self.expression(test)
        self._test = previous
        return index

    def _and(self, guard: int) -> tuple[int, ...]:
        """The conditions that hold here and one more. Of very many only the nearest are kept with each expression."""
        return (*self._guards[-_MOST_GUARDS:], guard)

    def _under(self, guard: int, body: Iterable[ast.stmt]) -> None:
        previous, self._guards = self._guards, self._and(guard)
        self.run(body)
        self._guards = previous

    def _if(self, node: ast.If) -> None:
        previous = self._guards
        index = self._condition("if", node.test)
        self._under(index, node.body)
        # A chain of `elif`s may be longer than calls may be nested.
        while len(node.orelse) == 1 and isinstance(node.orelse[0], ast.If):
            self._guards = self._and(~index)
            node = node.orelse[0]
            index = self._condition("if", node.test)
            self._under(index, node.body)
        self._under(~index, node.orelse)
        self._guards = previous

    def _while(self, node: ast.While) -> None:
        index = self._condition("while", node.test)
        self._under(index, node.body)
        self.run(node.orelse)

    def _assert(self, node: ast.Assert) -> None:
        self._condition("assert", node.test)
        if node.msg is not None:
            self.expression(node.msg)

    def _for(self, node: ast.For | ast.AsyncFor) -> None:
        self.expression(node.iter)
        self._target(node.target, path_of(node.iter), "for")
        self.run(node.body)
        self.run(node.orelse)

    def _with(self, node: ast.With | ast.AsyncWith) -> None:
        for item in node.items:
            self.expression(item.context_expr)
            if item.optional_vars is not None:
                self._target(item.optional_vars, path_of(item.context_expr), "with")
        self.run(node.body)

    def _delete(self, node: ast.Delete) -> None:
        for target in node.targets:
            self._target(target, "", "del")

    def _global(self, node: ast.Global) -> None:
        place = self._places.span(node)
        self.writes.extend(Write(name, "", "global", place, self._guards) for name in node.names)

    def _return(self, node: ast.Return) -> None:
        is_tuple = isinstance(node.value, ast.Tuple)
        elements = node.value.elts if isinstance(node.value, ast.Tuple) else [node.value] if node.value else []
        if not self._inside_function:
            paths = tuple(path_of(element) for element in elements)
            self.returns.append(Return(paths, is_tuple, self._places.span(node), self._guards))
        if node.value is not None:
            self.expression(node.value)

    def _import(self, node: ast.Import | ast.ImportFrom) -> None:
        conditional = bool(self._guards or self._trying)
        self.imports.extend(
            msgspec.structs.replace(found, conditional=conditional) for found in imports_of(node, self._places)
        )

    def _function(self, node: FunctionNode) -> None:
        self.local_names.add(node.name)
        for decorator in node.decorator_list:
            self.expression(decorator)
        self._inside_function += 1
        self.local_names.update(parameter.name for parameter in parameters_of(node.args, self._places))
        self.run(node.body)
        self._inside_function -= 1

    def _class(self, node: ast.ClassDef) -> None:
        self.local_names.add(node.name)
        for base in node.bases:
            self.expression(base)
        self._inside_function += 1
        self.run(node.body)
        self._inside_function -= 1

    def _handler(self, node: ast.ExceptHandler) -> None:
        if node.name:
            self.local_names.add(node.name)
        if node.type is not None:
            self.expression(node.type)
        self.run(node.body)

    def _try(self, node: ast.Try) -> None:
        self._trying += 1
        self.run(node.body)
        self._trying -= 1
        for handler in node.handlers:
            self._handler(handler)
        self.run(node.orelse)
        self.run(node.finalbody)

    def _expression_statement(self, node: ast.Expr) -> None:
        if node.value.__class__ is not ast.Constant:
            self.expression(node.value)

    # Expressions

    def expression(self, node: ast.expr) -> None:
        handler = _EXPRESSIONS.get(node.__class__)
        if handler is not None:
            handler(self, node)
        elif node.__class__ is not ast.Constant:
            self._children(node)

    def _name(self, node: ast.Name) -> None:
        self.names.add(node.id)

    def _attribute(self, node: ast.Attribute) -> None:
        self.reads.append(Read(path_of(node), self._places.span(node), self._guards, self._test, self._call))
        self._chain(node.value)

    def _chain(self, node: ast.expr) -> None:
        """What stands before the last name of a chain: its inner calls and its root count, its inner attributes do
        not.
        """
        while node.__class__ is ast.Attribute:
            node = node.value
        if node.__class__ is ast.Subscript:
            self._chain(node.value)
            self.expression(node.slice)
        else:
            self.expression(node)

    def _subscript(self, node: ast.Subscript) -> None:
        if node.value.__class__ is ast.Attribute:
            self._attribute(node.value)
        else:
            self.expression(node.value)
        self.expression(node.slice)

    def _calling(self, node: ast.Call) -> None:
        index = len(self.calls)
        arguments = [Argument("*" if a.__class__ is ast.Starred else "", path_of(a)) for a in node.args]
        arguments += [Argument(keyword.arg or "**", path_of(keyword.value)) for keyword in node.keywords]
        self.calls.append(
            Call(
                path_of(node.func),
                tuple(arguments),
                self._places.span(node),
                self._guards,
                self._assigned,
                self._call,
                self._test,
            )
        )
        # What a method is called on is not an argument: `x.float().item()` nests no call in another.
        if node.func.__class__ is ast.Attribute:
            self._chain(node.func.value)
        else:
            self.expression(node.func)
        previous, self._call = self._call, index
        for argument in node.args:
            self.expression(argument)
        for keyword in node.keywords:
            self.expression(keyword.value)
        self._call = previous

    def _either(self, node: ast.IfExp) -> None:
        index = self._condition("ifexp", node.test)
        previous = self._guards
        self._guards = self._and(index)
        self.expression(node.body)
        self._guards = previous
        self._guards = self._and(~index)
        self.expression(node.orelse)
        self._guards = previous

    def _comprehension(self, node: ast.ListComp | ast.SetComp | ast.GeneratorExp | ast.DictComp) -> None:
        previous = self._guards
        for generator in node.generators:
            self.expression(generator.iter)
            self._target(generator.target, path_of(generator.iter), "for")
            for test in generator.ifs:
                self._guards = self._and(self._condition("comprehension", test))
        if isinstance(node, ast.DictComp):
            self.expression(node.key)
            self.expression(node.value)
        else:
            self.expression(node.elt)
        self._guards = previous

    def _lambda(self, node: ast.Lambda) -> None:
        self.local_names.update(parameter.name for parameter in parameters_of(node.args, self._places))
        for default in (*node.args.defaults, *(d for d in node.args.kw_defaults if d)):
            self.expression(default)
        self.expression(node.body)

    def _binary(self, node: ast.BinOp) -> None:
        # A sum may have more terms than calls may be nested.
        rights = [node.right]
        while isinstance(node.left, ast.BinOp):
            node = node.left
            rights.append(node.right)
        self.expression(node.left)
        for right in reversed(rights):
            self.expression(right)

    def _comparison(self, node: ast.Compare) -> None:
        self.expression(node.left)
        for part in node.comparators:
            self.expression(part)

    def _values(self, node: ast.BoolOp | ast.JoinedStr) -> None:
        for part in node.values:
            self.expression(part)

    def _elements(self, node: ast.Tuple | ast.List | ast.Set) -> None:
        for part in node.elts:
            self.expression(part)

    def _operand(self, node: ast.UnaryOp) -> None:
        self.expression(node.operand)

    def _inner(self, node: ast.FormattedValue | ast.Starred | ast.Await) -> None:
        self.expression(node.value)

    def _walrus(self, node: ast.NamedExpr) -> None:
        self.expression(node.value)
        self._target(node.target, path_of(node.value), "=")


_STATEMENTS: dict[type, Callable[..., None]] = {
    ast.Assign: _Body._assign,
    ast.AnnAssign: _Body._annotated,
    ast.AugAssign: _Body._augmented,
    ast.If: _Body._if,
    ast.While: _Body._while,
    ast.Assert: _Body._assert,
    ast.For: _Body._for,
    ast.AsyncFor: _Body._for,
    ast.With: _Body._with,
    ast.AsyncWith: _Body._with,
    ast.Delete: _Body._delete,
    ast.Global: _Body._global,
    ast.Return: _Body._return,
    ast.Import: _Body._import,
    ast.ImportFrom: _Body._import,
    ast.FunctionDef: _Body._function,
    ast.AsyncFunctionDef: _Body._function,
    ast.ClassDef: _Body._class,
    ast.Try: _Body._try,
    ast.Expr: _Body._expression_statement,
}

_EXPRESSIONS: dict[type, Callable[..., None]] = {
    ast.Name: _Body._name,
    ast.Attribute: _Body._attribute,
    ast.Subscript: _Body._subscript,
    ast.Call: _Body._calling,
    ast.IfExp: _Body._either,
    ast.ListComp: _Body._comprehension,
    ast.SetComp: _Body._comprehension,
    ast.GeneratorExp: _Body._comprehension,
    ast.DictComp: _Body._comprehension,
    ast.Lambda: _Body._lambda,
    ast.NamedExpr: _Body._walrus,
    ast.BinOp: _Body._binary,
    ast.Compare: _Body._comparison,
    ast.BoolOp: _Body._values,
    ast.JoinedStr: _Body._values,
    ast.Tuple: _Body._elements,
    ast.List: _Body._elements,
    ast.Set: _Body._elements,
    ast.UnaryOp: _Body._operand,
    ast.FormattedValue: _Body._inner,
    ast.Starred: _Body._inner,
    ast.Await: _Body._inner,
}
