"""What a function's body does: its calls, reads, writes, returns and the conditions that they stand under."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable

import msgspec

from linter.facts.paths import Places, path_of, path_of_constant
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
    Span,
    Write,
    packed,
)


FunctionNode = ast.FunctionDef | ast.AsyncFunctionDef
_UNFINISHED = Call("", (), Span(0, 0, 0, 0), (), "", -1, -1)
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


def function_facts(node: FunctionNode, prefix: str, places: Places, words: set[str]) -> FunctionFacts:
    """The facts of a function.

    Args:
        node: Its syntax.
        prefix: The qualified name of what it stands in, with its dot.
        places: Where things stand in the file.
        words: The names that the file uses, to which those of the function are added.
    """
    qualname = prefix + node.name
    body = _Body(places, words)
    parameters = parameters_of(node.args, places)
    body.local_names.update(parameter.name for parameter in parameters)
    body.run(node.body)
    words |= body.names
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
        imports=tuple(body.imports),
        packed=packed(found := body.result()),
    )
    # The rules run next in the same process: they need not unpack what was just packed.
    facts.__dict__["body"] = found
    return facts


def _paired(node: ast.Assign) -> list[tuple[ast.expr, ast.expr]]:
    """The targets and values of a tuple that is assigned to a tuple, where they stand one to one."""
    target, value = node.targets[0], node.value
    if not isinstance(target, ast.Tuple) or not isinstance(value, ast.Tuple) or len(target.elts) != len(value.elts):
        return []
    if any(isinstance(node, ast.Starred) for node in (*target.elts, *value.elts)):
        return []
    return list(zip(target.elts, value.elts, strict=True))


class _Body:
    """Walks statements and expressions once, keeping what it is under: conditions, the call, the assignment."""

    def __init__(self, places: Places, words: set[str]) -> None:
        self._places = places
        self._words = words
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
        if isinstance(node.value, ast.Tuple) and len(node.targets) == 1 and (pairs := _paired(node)):
            self._assign_each(pairs)
            return
        value = self._value(node.targets[0], node.value)
        for target in node.targets:
            self._target(target, value, "=")

    def _assign_each(self, pairs: list[tuple[ast.expr, ast.expr]]) -> None:
        """`a, b = c, d`: each name is assigned its own value, after all values are worked out."""
        values = [self._value(target, value) for target, value in pairs]
        for (target, _), value in zip(pairs, values, strict=True):
            self._target(target, value, "=")

    def _value(self, target: ast.expr, value: ast.expr) -> str:
        """The path of a value, visited as what is assigned to a target."""
        previous, self._assigned = self._assigned, path_of(target)
        path = self.expression(value)
        self._assigned = previous
        return path

    def _annotated(self, node: ast.AnnAssign) -> None:
        if node.value is not None:
            self._target(node.target, self._value(node.target, node.value), "=")

    def _augmented(self, node: ast.AugAssign) -> None:
        value = self.expression(node.value)
        if isinstance(node.target, ast.Name):
            self.names.add(node.target.id)
        self._target(node.target, value, "+=")

    def _target(self, node: ast.expr, value: str, kind: str) -> None:
        if isinstance(node, (ast.Tuple, ast.List)):
            for element in node.elts:
                self._target(element, "?", kind)
            return
        if isinstance(node, ast.Starred):
            self._target(node.value, "?", kind)
            return
        if isinstance(node, ast.Name):
            target = node.id
            self.local_names.add(target)
        elif isinstance(node, ast.Attribute):
            self._words.add(node.attr)
            target = f"{self.expression(node.value)}.{node.attr}"
        elif isinstance(node, ast.Subscript):
            target = f"{self.expression(node.value)}[]"
            self.expression(node.slice)
        else:
            target = path_of(node)
        self.writes.append(Write(target, value, kind, self._places.span(node), self._guards))

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
        self._target(node.target, self.expression(node.iter), "for")
        self.run(node.body)
        self.run(node.orelse)

    def _with(self, node: ast.With | ast.AsyncWith) -> None:
        for item in node.items:
            context = self.expression(item.context_expr)
            if item.optional_vars is not None:
                self._target(item.optional_vars, context, "with")
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
        paths = tuple([self.expression(element) for element in elements])
        if not self._inside_function:
            self.returns.append(Return(paths, is_tuple, self._places.span(node), self._guards))

    def _import(self, node: ast.Import | ast.ImportFrom) -> None:
        conditional = bool(self._guards or self._trying)
        for found in imports_of(node, self._places):
            self._words.update(found.target.split("."))
            self.imports.append(msgspec.structs.replace(found, conditional=conditional))

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

    # Expressions. Each visit gives the expression's path: it is put together from those of its parts on the way up,
    # where `path_of` would go down again from every call and argument.

    def expression(self, node: ast.expr) -> str:
        kind = node.__class__
        if kind is ast.Name:
            self.names.add(node.id)  # type: ignore[attr-defined]
            return node.id  # type: ignore[attr-defined,no-any-return]
        if kind is ast.Constant:
            return path_of_constant(node.value)  # type: ignore[attr-defined]
        handler = _EXPRESSIONS.get(kind)
        if handler is not None:
            return handler(self, node) or "?"
        self._children(node)
        return "?"

    def _attribute(self, node: ast.Attribute) -> str:
        index = len(self.reads)
        path = f"{self._chain(node.value)}.{node.attr}"
        self._words.add(node.attr)
        # Before what its subscripts read.
        self.reads.insert(index, Read(path, self._places.span(node), self._guards, self._test, self._call))
        return path

    def _chain(self, node: ast.expr) -> str:
        """What stands before the last name of a chain: its inner calls and its root count, its inner attributes do
        not.
        """
        kind = node.__class__
        if kind is ast.Attribute:
            self._words.add(node.attr)  # type: ignore[attr-defined]
            return f"{self._chain(node.value)}.{node.attr}"  # type: ignore[attr-defined]
        if kind is ast.Subscript:
            path = f"{self._chain(node.value)}[]"  # type: ignore[attr-defined]
            self.expression(node.slice)  # type: ignore[attr-defined]
            return path
        return self.expression(node)

    def _subscript(self, node: ast.Subscript) -> str:
        path = f"{self.expression(node.value)}[]"
        self.expression(node.slice)
        return path

    def _calling(self, node: ast.Call) -> str:
        index = len(self.calls)
        # The calls among its arguments name it by its place.
        self.calls.append(_UNFINISHED)
        # What a method is called on is not an argument: `x.float().item()` nests no call in another.
        function = self._chain(node.func) if node.func.__class__ is ast.Attribute else self.expression(node.func)
        previous, self._call = self._call, index
        arguments = [
            Argument("*" if argument.__class__ is ast.Starred else "", self.expression(argument))
            for argument in node.args
        ]
        for keyword in node.keywords:
            name = keyword.arg or "**"
            self._words.add(name)
            arguments.append(Argument(name, self.expression(keyword.value)))
        self._call = previous
        self.calls[index] = Call(
            function,
            tuple(arguments),
            self._places.span(node),
            self._guards,
            self._assigned,
            previous,
            self._test,
        )
        return f"{function}()"

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
            self._target(generator.target, self.expression(generator.iter), "for")
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

    def _values(self, node: ast.BoolOp) -> None:
        for part in node.values:
            self.expression(part)

    def _interpolated(self, node: ast.JoinedStr) -> None:
        for part in node.values:
            if isinstance(part, ast.FormattedValue):
                self.expression(part.value)

    def _elements(self, node: ast.Tuple | ast.List | ast.Set) -> None:
        for part in node.elts:
            self.expression(part)

    def _pairs(self, node: ast.Dict) -> None:
        for part in (*node.keys, *node.values):
            if part is not None:
                self.expression(part)

    def _bounds(self, node: ast.Slice) -> None:
        for part in (node.lower, node.upper, node.step):
            if part is not None:
                self.expression(part)

    def _operand(self, node: ast.UnaryOp) -> str:
        self.expression(node.operand)
        return path_of(node)

    def _inner(self, node: ast.Starred | ast.Await) -> str:
        return self.expression(node.value)

    def _walrus(self, node: ast.NamedExpr) -> str:
        value = self.expression(node.value)
        self._target(node.target, value, "=")
        return value


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

_EXPRESSIONS: dict[type, Callable[..., str | None]] = {
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
    ast.JoinedStr: _Body._interpolated,
    ast.Tuple: _Body._elements,
    ast.List: _Body._elements,
    ast.Set: _Body._elements,
    ast.UnaryOp: _Body._operand,
    ast.Dict: _Body._pairs,
    ast.Slice: _Body._bounds,
    ast.Starred: _Body._inner,
    ast.Await: _Body._inner,
}
