"""The values that facts are made of. Expressions appear in them as *paths*: short texts that keep what rules ask
about.

A path is the dotted text of an expression with its details left out: `self.blocks[].norm`, `torch.randn()`,
`x.float().item`, a constant as its `repr`, and `?` where nothing nameable stands.

Most refer to nothing that could refer back to them, so that the garbage collector need not know of them (`gc=False`).
"""

from __future__ import annotations

from functools import cached_property

import msgspec


class Span(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A place in a file: lines from 1, columns from 0 in characters, the end exclusive."""

    line: int
    column: int
    end_line: int
    end_column: int


class Value(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """The right-hand side of a declaration.

    `kind` is one of `none`, `bool`, `number`, `string`, `name`, `sequence`, `dict`, `call`, `other`; `text` is its
    path; `items` are the paths of a sequence's elements or a dict's keys; `complete` is false where an element could
    not be read (a comprehension, a star).
    """

    kind: str
    text: str
    items: tuple[str, ...] = ()
    complete: bool = True

    @property
    def strings(self) -> tuple[str, ...]:
        """The string constants among the items, or the one string that this value is."""
        texts = (self.text,) if self.kind == "string" else self.items
        return tuple(text[1:-1] for text in texts if text[:1] in "'\"" and len(text) >= 2)


class Import(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """One name that an import binds.

    `target` is absolute or starts with the dots of a relative import; `*` as name is a star import.
    """

    name: str
    target: str
    span: Span
    statement: Span
    type_checking: bool = False
    backends: tuple[str, ...] = ()
    fallback: bool = False
    """It stands where the guard's backend is missing (the `except` of a lazy `__init__`)."""
    conditional: bool = False
    """It stands under a condition or in a `try`, whatever is asked there."""


class Decorator(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """One decorator. `arguments` are the paths of what it was called with; `called` tells `@a` from `@a()`."""

    path: str
    called: bool
    arguments: tuple[str, ...]
    span: Span


class Argument(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """One argument of a call: `name` is the keyword, empty for a positional one, `*` or `**` for an unpacking."""

    name: str
    path: str


class Parameter(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """One parameter.

    `kind` is `positional`, `keyword`, `*` or `**`; `default` and `annotation` are paths, empty where absent.
    """

    name: str
    kind: str
    annotation: str
    default: str
    span: Span


class Condition(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """The test of an `if`, `while`, conditional expression, `assert` or comprehension, with its source text on one
    line.
    """

    kind: str
    text: str
    span: Span


class Call(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """One call. `guards` index the function's conditions that hold here (`~i`: the condition `i` does not hold)."""

    path: str
    arguments: tuple[Argument, ...]
    span: Span
    guards: tuple[int, ...]
    assigned: str
    """The path that the statement assigns to, empty where it assigns nothing."""
    parent: int
    """The index of the call among whose arguments this one stands, or -1."""
    test: int
    """The index of the condition whose test this call is part of, or -1."""

    def argument(self, name: str) -> str | None:
        """The path passed for a keyword, or None."""
        return next((argument.path for argument in self.arguments if argument.name == name), None)

    @property
    def method(self) -> str:
        """The last name of the path: `item` for `x.float().item`."""
        return self.path.rpartition(".")[2]

    @property
    def receiver(self) -> str:
        """The path before the last name, empty for a plain function."""
        return self.path.rpartition(".")[0]


class Read(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """An attribute chain that is read (`self.config.patch_size`, `torch.float64`), outermost only."""

    path: str
    span: Span
    guards: tuple[int, ...]
    test: int
    call: int
    """The index of the call among whose arguments it stands, or -1."""


class Write(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """An assignment to a name, an attribute or an element.

    `kind` is `=`, `+=` for any augmented one, `for`, `with`, `del`, or `global` for the statement that opens a name of
    the module to assignments.
    """

    target: str
    value: str
    kind: str
    span: Span
    guards: tuple[int, ...]


class Return(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A return: the paths of the tuple's elements, or of the one value."""

    paths: tuple[str, ...]
    is_tuple: bool
    span: Span
    guards: tuple[int, ...]


class Body(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """What a function's body does; what nested functions do counts as done by it."""

    conditions: tuple[Condition, ...]
    calls: tuple[Call, ...]
    reads: tuple[Read, ...]
    writes: tuple[Write, ...]
    returns: tuple[Return, ...]
    names: frozenset[str]
    """The bare names that it reads."""
    local_names: frozenset[str]
    """The names that it binds: parameters, assignments, loop variables, nested functions."""


_decode_body = msgspec.msgpack.Decoder(Body).decode
_encode_body = msgspec.msgpack.Encoder().encode


class FunctionFacts(msgspec.Struct, frozen=True, array_like=True, dict=True):
    """A function or method.

    Its body is kept packed: most files are consulted for what they define, not for what it does.
    """

    name: str
    qualname: str
    parameters: tuple[Parameter, ...]
    decorators: tuple[Decorator, ...]
    span: Span
    """From the `def` (not the decorators) to the end of the body."""
    header: Span
    """The name in the `def` line."""
    body_line: int
    is_async: bool
    is_empty: bool
    """Nothing but a docstring, `pass`, `...` or `raise NotImplementedError`."""
    imports: tuple[Import, ...]
    """The imports in its body."""
    packed: msgspec.Raw

    @cached_property
    def body(self) -> Body:
        """What the body does."""
        return _decode_body(self.packed)

    def mentions(self, text: str) -> bool:
        """Whether a text stands in any path of the body. It is looked for without unpacking the body."""
        return text.encode() in bytes(self.packed)

    def taker(self, given: Call | Read) -> Call | None:
        """The call among whose arguments a call or an attribute stands; None where it stands in none."""
        place = given.parent if isinstance(given, Call) else given.call
        return self.calls[place] if place >= 0 else None

    @property
    def conditions(self) -> tuple[Condition, ...]:
        """The tests that things in the body stand under."""
        return self.body.conditions

    @property
    def calls(self) -> tuple[Call, ...]:
        """The calls, in source order of their beginnings."""
        return self.body.calls

    @property
    def reads(self) -> tuple[Read, ...]:
        """The attribute chains that are read."""
        return self.body.reads

    @property
    def writes(self) -> tuple[Write, ...]:
        """The assignments."""
        return self.body.writes

    @property
    def returns(self) -> tuple[Return, ...]:
        """The returns of the function itself, not of nested ones."""
        return self.body.returns

    @property
    def local_names(self) -> frozenset[str]:
        """The names that it binds."""
        return self.body.local_names


def packed(body: Body) -> msgspec.Raw:
    """A body as it is kept."""
    return msgspec.Raw(_encode_body(body))


class Attribute(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """An assignment in the body of a class or of the module."""

    name: str
    value: Value
    span: Span


class ClassFacts(msgspec.Struct, frozen=True, array_like=True):
    """A class: its bases and keywords as paths, its attributes, its methods, its nested classes."""

    name: str
    qualname: str
    bases: tuple[str, ...]
    base_spans: tuple[Span, ...]
    keywords: tuple[str, ...]
    decorators: tuple[Decorator, ...]
    attributes: tuple[Attribute, ...]
    methods: tuple[FunctionFacts, ...]
    nested: tuple[ClassFacts, ...]
    span: Span
    header: Span
    body_line: int


class LazyEntry(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """One name of a lazy `__init__`'s table: `_import_structure["submodule"] = ["name"]`, in any of its spellings."""

    submodule: str
    name: str
    span: Span
    container: Span
    """The list that holds the name."""
    backends: tuple[str, ...]
    fallback: bool


class Copied(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A comment that claims to be a `# Copied from` marker, well formed or not."""

    text: str
    span: Span
    qualname: str
    """The definition that it stands above, empty where there is none."""
    line: int
    """The line of that definition's `def` or `class`: a property and its setter have one name."""


class Suppression(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A `# lint: ignore[CODE, ...] reason` comment.

    `first` and `last` are the lines that it covers; `last` is 0 for the whole file.
    """

    codes: tuple[str, ...]
    reason: str
    span: Span
    first: int
    last: int


class FileFacts(msgspec.Struct, frozen=True, array_like=True):
    """All that one file declares."""

    imports: tuple[Import, ...]
    classes: tuple[ClassFacts, ...]
    functions: tuple[FunctionFacts, ...]
    attributes: tuple[Attribute, ...]
    bindings: frozenset[str]
    """Every name that the module binds at its top level, in any branch."""
    words: frozenset[str]
    """Every name that its functions, or the calls that are statements of its own, use: of variables, attributes and
    keywords, and each part of what is imported. What is not among them no path of theirs holds, strings excepted.
    """
    lazy_entries: tuple[LazyEntry, ...]
    lazy_is_complete: bool
    """False where the lazy table takes entries that cannot be read."""
    copied: tuple[Copied, ...]
    suppressions: tuple[Suppression, ...]
    calls: tuple[Call, ...] = ()
    """The calls that are statements of the module itself."""
