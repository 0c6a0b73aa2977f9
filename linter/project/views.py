"""What a file, a class and a function are in their project: views that answer in the domain's words."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from linter.facts import Attribute, Call, ClassFacts, FileFacts, FunctionFacts, Value
from linter.project.queries import query
from linter.source import Source


if TYPE_CHECKING:
    from linter.project.index import Project


_BUILTINS = frozenset(dir(__builtins__) if not isinstance(__builtins__, dict) else __builtins__)


class Module:
    """One file, seen in its project."""

    def __init__(self, project: Project, path: Path, root: Path, name: str, facts: FileFacts) -> None:
        self.project = project
        self.path = path
        self.root = root
        self.name = name
        self.facts = facts
        self.is_package = path.name == "__init__.py"

    @property
    def package(self) -> str:
        """The name of the package that relative imports start from."""
        return self.name if self.is_package else self.name.rpartition(".")[0]

    @property
    def source(self) -> Source:
        """The file's text."""
        source = self.project.files.source(self.path)
        assert source is not None, "a module exists only for a file that could be read"
        return source

    @query
    def imports(self) -> Mapping[str, str]:
        """What each imported name stands for, absolute.

        A later import of a name wins, one for type checking only never over another.
        """
        found: dict[str, str] = {}
        ordered = sorted(self.facts.imports, key=lambda item: not item.type_checking)
        for item in ordered:
            if item.name != "*":
                found[item.name] = self.absolute(item.target)
        return found

    @query
    def classes(self) -> Mapping[str, Class]:
        """The classes of the file by qualified name, nested ones too."""
        found: dict[str, Class] = {}

        def add(facts: ClassFacts) -> None:
            found.setdefault(facts.qualname, Class(self, facts))
            for nested in facts.nested:
                add(nested)

        for facts in self.facts.classes:
            add(facts)
        return found

    @query
    def functions(self) -> Mapping[str, Function]:
        """The functions of the file's top level."""
        return {facts.name: Function(self, facts, None) for facts in self.facts.functions}

    @query
    def definitions(self) -> Mapping[str, Class | Function]:
        """Classes, functions and methods by qualified name."""
        methods = {
            f"{cls.qualname}.{name}": method
            for cls in self.classes.values()
            for name, method in cls.own_methods.items()
        }
        return {**methods, **self.functions, **self.classes}

    @query
    def attribute_names(self) -> frozenset[str]:
        """Every name that a function of the file reads an attribute by, calls a method by, or passes as a string."""
        paths: set[str] = set()
        words: set[str] = set()
        for definition in self.definitions.values():
            if isinstance(definition, Class):
                continue
            for call in definition.facts.calls:
                paths.add(call.path)
                words.update(argument.path[1:-1] for argument in call.arguments if argument.path[:1] in "'\"")
            paths.update(read.path for read in definition.facts.reads)
        for path in paths:
            words.update(path.replace("()", "").replace("[]", "").split(".")[1:])
        return frozenset(words)

    def absolute(self, target: str) -> str:
        """An import's target with its leading dots resolved."""
        if not target.startswith("."):
            return target
        dots = len(target) - len(target.lstrip("."))
        package = self.package.split(".") if self.package else []
        kept = package[: len(package) - (dots - 1)] if dots > 1 else package
        return ".".join([*kept, target.lstrip(".")]).strip(".")

    def resolve(self, path: str, function: FunctionFacts | None = None) -> str:
        """The absolute dotted name that a path in this file means; empty for a local variable or an expression.

        Args:
            path: A path of facts, such as `F.scaled_dot_product_attention`.
            function: The function that it stands in, whose own names and imports come first.
        """
        head, dot, rest = path.partition(".")
        if not head.isidentifier():
            return ""
        if function is not None:
            for item in function.imports:
                if item.name == head:
                    return self.absolute(item.target) + dot + rest
            if head in function.local_names:
                return ""
        # A definition under the name of an import (a stand-in for a missing backend) is what the file means by it.
        imported = None if head in self.classes else self.imports.get(head)
        if imported is not None:
            return imported + dot + rest
        if head in self.facts.bindings:
            return f"{self.name}.{path}" if self.name else path
        return path if head in _BUILTINS else ""

    def reexport(self, name: str) -> str | None:
        """Where this module takes a name from that it does not define: an import, a star import, or its lazy table."""
        if name in self.imports:
            return self.imports[name]
        for entry in self.facts.lazy_entries:
            if entry.name == name and not entry.fallback:
                return f"{self.name}.{entry.submodule}.{name}"
        for item in self.facts.imports:
            if item.name == "*" and not item.fallback:
                package = self.absolute(item.target).removesuffix(".*")
                source = (
                    self.project.module(package, self.root) if top_level(package) == top_level(self.name) else None
                )
                if source is not None and source is not self and name in source.facts.bindings:
                    return f"{source.name}.{name}"
        return None

    def find(self, path: str, function: FunctionFacts | None = None) -> Class | Function | Module | None:
        """The definition in this project that a path in this file means."""
        return self.follow(self.resolve(path, function))

    def follow(self, target: str) -> Class | Function | Module | None:
        """The definition in this project that an absolute name means."""
        if not target:
            return None
        is_ours = top_level(target) == top_level(self.name) or not self.package
        return self.project.definition(target, self.root) if is_ours else None


class Class:
    """A class, with what it inherits."""

    def __init__(self, module: Module, facts: ClassFacts) -> None:
        self.module = module
        self.facts = facts
        self.name = facts.name
        self.qualname = facts.qualname

    @query
    def own_methods(self) -> Mapping[str, Function]:
        """The methods of its own body. Of several with one name (a property and its setter) the first."""
        found: dict[str, Function] = {}
        for facts in self.facts.methods:
            found.setdefault(facts.name, Function(self.module, facts, self))
        return found

    @query
    def own_attributes(self) -> Mapping[str, Attribute]:
        """The assignments of its own body."""
        return {attribute.name: attribute for attribute in self.facts.attributes}

    @query
    def ancestors(self) -> tuple[Class | str, ...]:
        """Itself and what it inherits, nearest first; a base that is not of this project as its absolute name."""
        found: list[Class | str] = [self]
        self._collect(self, found, depth=0)
        return tuple(found)

    def _collect(self, cls: Class, found: list[Class | str], depth: int) -> None:
        for path in cls.facts.bases:
            base = cls.module.find(path)
            if isinstance(base, Class):
                if base not in found and depth < 40:
                    found.append(base)
                    self._collect(base, found, depth + 1)
            else:
                found.append(cls.module.resolve(path) or path)

    def inherits(self, *names: str) -> bool:
        """Whether one of its ancestors, itself excepted, has one of these last names."""
        return not self._inherited_names.isdisjoint(names)

    @query
    def _inherited_names(self) -> frozenset[str]:
        return frozenset(map(_last, self.ancestors[1:]))

    @query
    def is_module(self) -> bool:
        """Whether it is an `nn.Module`."""
        return any(
            _last(ancestor) == "ModelMixin"
            or (_is_of_torch(ancestor) and _last(ancestor) not in ("Parameter", "Buffer"))
            for ancestor in self.ancestors[1:]
        )

    @query
    def is_model(self) -> bool:
        """Whether it is a model that is saved and loaded with a config."""
        return self.inherits("ModelMixin") and self.name != "ModelMixin"

    @query
    def is_processor(self) -> bool:
        """Whether it computes attention for an attention class: its `__call__` takes such a layer as `attn`."""
        call = self.method("__call__")
        return call is not None and len(call.facts.parameters) > 1 and call.facts.parameters[1].name == "attn"

    @query
    def is_shim(self) -> bool:
        """Whether making one gives an instance of another class: a deprecated name kept alive by `__new__`."""
        new = self.own_methods.get("__new__")
        return new is not None and any(
            ret.paths and ret.paths[0].endswith("()") and not ret.paths[0].startswith("super()")
            for ret in new.facts.returns
        )

    @query
    def has_unknown_base(self) -> bool:
        """Whether a base is of another project, so that more may be inherited than can be seen."""
        return any(isinstance(ancestor, str) and ancestor not in _KNOWN_BASES for ancestor in self.ancestors)

    @query
    def has_unknown_base_class(self) -> bool:
        """Whether a base of another project, other than the mixins, may bring attributes and methods that cannot be
        seen.
        """
        return any(
            isinstance(ancestor, str) and ancestor not in _KNOWN_BASES and not ancestor.endswith("Mixin")
            for ancestor in self.ancestors
        )

    def attribute(self, name: str) -> Value | None:
        """The class attribute's value, its own or the nearest inherited one; None where nothing declares it."""
        for ancestor in self.ancestors:
            if isinstance(ancestor, Class) and name in ancestor.own_attributes:
                return ancestor.own_attributes[name].value
        return None

    def method(self, name: str) -> Function | None:
        """The method, its own or the nearest inherited one in this project."""
        for ancestor in self.ancestors:
            if isinstance(ancestor, Class) and name in ancestor.own_methods:
                return ancestor.own_methods[name]
        return None

    @query
    def members(self) -> Mapping[str, tuple[Call, ...]]:
        """The instance attributes that its methods build, with the calls that build each:

        `self.norm` gives `norm` and `nn.LayerNorm()`.
        """
        found: dict[str, list[Call]] = {}
        for ancestor in reversed(self.ancestors):
            if isinstance(ancestor, Class):
                for method in ancestor.own_methods.values():
                    for call in method.facts.calls:
                        if call.assigned.startswith("self."):
                            found.setdefault(call.assigned[5:].removesuffix("[]"), []).append(call)
        return {name: tuple(calls) for name, calls in found.items()}

    @query
    def assigned(self) -> frozenset[str]:
        """The names of all instance attributes that its methods, inherited ones too, assign."""
        return frozenset(
            write.target[5:].partition(".")[0].removesuffix("[]")
            for ancestor in self.ancestors
            if isinstance(ancestor, Class)
            for method in ancestor.own_methods.values()
            for write in method.facts.writes
            if write.target.startswith("self.")
        )

    def parts(self) -> Iterator[Class]:
        """The project's classes that its `__init__` builds, directly, in containers, or through methods of its own."""
        seen: set[int] = set()
        for ancestor in self.ancestors:
            if not isinstance(ancestor, Class) or (init := ancestor.own_methods.get("__init__")) is None:
                continue
            building = [init]
            for method in building:
                for call in method.facts.calls:
                    if call.receiver == "self":
                        helper = self.method(call.method)
                        if helper is not None and helper not in building:
                            building.append(helper)
                        continue
                    part = method.module.find(call.path, method.facts)
                    if isinstance(part, Class) and id(part) not in seen:
                        seen.add(id(part))
                        yield part

    def all_parts(self) -> tuple[Class, ...]:
        """The classes of all modules below it, itself included."""
        found: list[Class] = [self]
        for cls in found:
            found.extend(part for part in cls.parts() if part not in found)
        return tuple(found)


class Function:
    """A function or method, with what it calls."""

    def __init__(self, module: Module, facts: FunctionFacts, cls: Class | None) -> None:
        self.module = module
        self.facts = facts
        self.cls = cls
        self.name = facts.name
        self.qualname = facts.qualname
        self._targets: dict[str, str] = {}

    def target(self, path: str) -> str:
        """The absolute name that a path in its body means; empty for what is local."""
        # Most rules ask this of the same calls, and no other file has a say in it.
        target = self._targets.get(path)
        if target is None:
            target = self._targets[path] = self.module.resolve(path, self.facts)
        return target

    def callee(self, call: Call) -> Class | Function | None:
        """The project's definition that a call runs: a function, a class, or a method of its own class."""
        if call.receiver == "self" and self.cls is not None:
            return self.cls.method(call.method)
        found = self.module.follow(self.target(call.path))
        return None if isinstance(found, Module) else found

    @query
    def reached(self) -> tuple[Function, ...]:
        """Itself and the project's functions that run when it runs: helpers and own methods, not other modules'
        forwards.
        """
        found: list[Function] = [self]
        for function in found:
            for call in function.facts.calls:
                callee = function.callee(call)
                if isinstance(callee, Function) and callee not in found:
                    found.append(callee)
        return tuple(found)


_KNOWN_BASES = frozenset({"object", "torch.nn.Module", "nn.Module", "typing.Protocol", "abc.ABC", "enum.Enum"})


def top_level(name: str) -> str:
    """The first part of a dotted name: the package that it lies in."""
    return name.partition(".")[0]


def _is_of_torch(ancestor: Class | str) -> bool:
    return isinstance(ancestor, str) and ancestor.startswith(("torch.nn.", "nn."))


def _last(ancestor: Class | str) -> str:
    return ancestor.rpartition(".")[2] if isinstance(ancestor, str) else ancestor.name
