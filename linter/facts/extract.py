"""The pass that makes a file's facts: module and class bodies here, functions in `linter.facts.bodies`."""

from __future__ import annotations

import ast
from collections.abc import Iterable

from linter.facts.bodies import FunctionNode, function_facts
from linter.facts.comments import comments
from linter.facts.lazy_tables import LazyTable, backends_of
from linter.facts.paths import Places, path_of
from linter.facts.signatures import decorators_of, imports_of
from linter.facts.values import Attribute, Call, ClassFacts, FileFacts, FunctionFacts, Import, Value
from linter.source import Source


def extract_facts(source: Source, tree: ast.Module) -> FileFacts:
    """The facts of one file.

    Args:
        source: The file's text.
        tree: Its syntax tree.
    """
    places = Places(source.lines, source.text.isascii())
    file = _File(places)
    file.statements(tree.body)
    copied, suppressions = comments(source.lines, tree)
    return FileFacts(
        imports=tuple(file.imports),
        classes=tuple(file.classes),
        functions=tuple(file.functions),
        attributes=tuple(file.attributes),
        bindings=frozenset(file.bindings),
        words=frozenset(file.words),
        lazy_entries=tuple(file.lazy.entries),
        lazy_is_complete=file.lazy.is_complete,
        copied=copied,
        suppressions=suppressions,
        calls=tuple(file.calls),
    )


def value_of(node: ast.expr) -> Value:
    """The declared value that an expression is."""
    if isinstance(node, ast.Constant):
        kinds = {type(None): "none", bool: "bool", int: "number", float: "number", str: "string"}
        return Value(kinds.get(type(node.value), "other"), path_of(node))
    if isinstance(node, (ast.List, ast.Tuple, ast.Set)):
        complete = not any(isinstance(element, ast.Starred) for element in node.elts)
        return Value("sequence", "", tuple(path_of(element) for element in node.elts), complete)
    if isinstance(node, ast.Dict):
        return Value("dict", "", tuple(path_of(key) for key in node.keys if key), None not in node.keys)
    if isinstance(node, ast.Call):
        return Value("call", path_of(node), tuple(path_of(argument) for argument in node.args))
    if isinstance(node, (ast.Name, ast.Attribute)):
        return Value("name", path_of(node))
    return Value("other", path_of(node), (), False)


class _File:
    """Walks the statements of the module and of its classes, through `if`, `try` and `with`."""

    def __init__(self, places: Places) -> None:
        self._places = places
        self.imports: list[Import] = []
        self.classes: list[ClassFacts] = []
        self.functions: list[FunctionFacts] = []
        self.attributes: list[Attribute] = []
        self.bindings: set[str] = set()
        self.words: set[str] = set()
        self.calls: list[Call] = []
        self.lazy = LazyTable(places)
        self._backends: tuple[str, ...] = ()
        self._type_checking = False
        self._fallback = False
        self._conditional = False

    def statements(self, body: Iterable[ast.stmt]) -> None:
        for node in body:
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
                self.functions.append(function_facts(node, "", self._places, self.words))
                self.bindings.add(node.name)
            elif isinstance(node, ast.ClassDef):
                self.classes.append(self._class(node, ""))
                self.bindings.add(node.name)
            elif isinstance(node, (ast.Import, ast.ImportFrom)):
                for found in imports_of(node, self._places):
                    self.bindings.add(found.name)
                    self.words.update(found.target.split("."))
                    guarded = Import(
                        found.name,
                        found.target,
                        found.span,
                        found.statement,
                        self._type_checking,
                        self._backends,
                        self._fallback,
                        self._conditional,
                    )
                    self.imports.append(guarded)
            elif isinstance(node, (ast.Assign, ast.AnnAssign, ast.AugAssign)):
                self._assignment(node)
            elif isinstance(node, ast.Expr):
                self.lazy.call(node.value, self._backends, self._fallback)
                if isinstance(node.value, ast.Call):
                    place = self._places.span(node.value)
                    path = path_of(node.value.func)
                    self.words.update(path.split("."))
                    self.calls.append(Call(path, (), place, (), "", -1, -1))
            elif isinstance(node, ast.If):
                self._if(node)
            elif isinstance(node, ast.Try):
                self._try(node)
            elif isinstance(node, (ast.With, ast.For, ast.While)):
                if isinstance(node, ast.For):
                    self._bind(node.target)
                self.statements(node.body)

    def _assignment(self, node: ast.Assign | ast.AnnAssign | ast.AugAssign) -> None:
        targets = node.targets if isinstance(node, ast.Assign) else [node.target]
        for target in targets:
            self._bind(target)
            if node.value is None:
                continue
            self.lazy.assignment(target, node.value, self._backends, self._fallback)
            if isinstance(target, ast.Name) and not isinstance(node, ast.AugAssign):
                self.attributes.append(Attribute(target.id, value_of(node.value), self._places.span(node)))

    def _bind(self, target: ast.expr) -> None:
        if isinstance(target, ast.Name):
            self.bindings.add(target.id)
        elif isinstance(target, (ast.Tuple, ast.List)):
            for element in target.elts:
                self._bind(element)

    def _if(self, node: ast.If) -> None:
        before, self._conditional = self._conditional, True
        self._branch(node)
        # A chain of `elif`s may be longer than calls may be nested.
        rest = node.orelse
        while len(rest) == 1 and isinstance(rest[0], ast.If):
            self._branch(rest[0])
            rest = rest[0].orelse
        self.statements(rest)
        self._conditional = before

    def _branch(self, node: ast.If) -> None:
        """What stands under the test of an `if`, without its `else`."""
        before = self._type_checking, self._backends
        text = [path_of(part) for part in ast.walk(node.test) if isinstance(part, (ast.Name, ast.Attribute))]
        self._type_checking = self._type_checking or any(path.endswith("TYPE_CHECKING") for path in text)
        self._backends = (*self._backends, *backends_of(node.test))
        self.statements(node.body)
        self._type_checking, self._backends = before

    def _try(self, node: ast.Try) -> None:
        before = self._backends, self._fallback, self._conditional
        self._conditional = True
        guarded = backends_of(node)
        self.statements(node.body)
        self._backends = (*self._backends, *guarded)
        self.statements(node.orelse)
        self._fallback = self._fallback or bool(guarded)
        for handler in node.handlers:
            self.statements(handler.body)
        self._backends, self._fallback, self._conditional = before
        self.statements(node.finalbody)

    def _class(self, node: ast.ClassDef, prefix: str) -> ClassFacts:
        qualname = prefix + node.name
        attributes: list[Attribute] = []
        methods: list[FunctionFacts] = []
        nested: list[ClassFacts] = []
        self._class_body(node.body, qualname, attributes, methods, nested)
        bases = [base for base in node.bases if not isinstance(base, ast.Starred)]
        first = node.body[0]
        return ClassFacts(
            name=node.name,
            qualname=qualname,
            bases=tuple(path_of(base) for base in bases),
            base_spans=tuple(self._places.span(base) for base in bases),
            keywords=tuple(keyword.arg or "**" for keyword in node.keywords),
            decorators=decorators_of(node.decorator_list, self._places),
            attributes=tuple(attributes),
            methods=tuple(methods),
            nested=tuple(nested),
            span=self._places.span(node),
            header=self._places.name(node),
            body_line=min([first.lineno, *(d.lineno for d in getattr(first, "decorator_list", ()))]),
        )

    def _class_body(
        self,
        body: Iterable[ast.stmt],
        qualname: str,
        attributes: list[Attribute],
        methods: list[FunctionFacts],
        nested: list[ClassFacts],
    ) -> None:
        for node in body:
            if isinstance(node, FunctionNode):
                methods.append(function_facts(node, f"{qualname}.", self._places, self.words))
            elif isinstance(node, ast.ClassDef):
                nested.append(self._class(node, f"{qualname}."))
            elif isinstance(node, ast.Assign):
                for target in node.targets:
                    if isinstance(target, ast.Name):
                        attributes.append(Attribute(target.id, value_of(node.value), self._places.span(node)))
            elif isinstance(node, ast.AnnAssign) and node.value is not None and isinstance(node.target, ast.Name):
                attributes.append(Attribute(node.target.id, value_of(node.value), self._places.span(node)))
            elif isinstance(node, ast.If):
                self._class_body([*node.body, *node.orelse], qualname, attributes, methods, nested)
