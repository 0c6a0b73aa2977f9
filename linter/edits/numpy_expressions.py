"""NumPy expressions written with torch, where each function in them has an exact counterpart."""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from linter.facts.paths import path_of


WRAPPERS = ("torch.from_numpy", "torch.tensor", "torch.as_tensor", "torch.asarray")
"""What makes a tensor of an array, and nothing else of a tensor."""
_PREFIX = "numpy."

_MAKERS = {
    "arange": "arange",
    "array": "tensor",
    "asarray": "tensor",
    "eye": "eye",
    "full": "full",
    "linspace": "linspace",
    "ones": "ones",
    "zeros": "zeros",
}
_OF_ONE = {
    **{name: name for name in ("abs", "ceil", "cos", "cosh", "exp", "exp2", "floor", "isfinite", "isinf", "isnan")},
    **{name: name for name in ("log", "log10", "log1p", "log2", "round", "sign", "sin", "sinh", "sqrt", "square")},
    **{name: name for name in ("tan", "tanh", "ones_like", "zeros_like")},
    "absolute": "abs",
    "arccos": "acos",
    "arcsin": "asin",
    "arctan": "atan",
}
_OF_TWO = {name: name for name in ("maximum", "minimum", "matmul", "outer")}
_OF_ONE_AND_NUMBERS = {"clip": "clamp", "power": "pow", "full_like": "full_like"}
_ALONG = {"cumsum": "cumsum", "expand_dims": "unsqueeze", "max": "amax", "mean": "mean", "min": "amin", "sum": "sum"}
_OF_SEVERAL = {"concatenate": "cat", "stack": "stack"}
_METHODS = {"astype": "to", "copy": "clone", "reshape": "reshape"}
_CONSTANTS = {
    **{name: name for name in ("e", "inf", "nan", "pi")},
    **{name: name for name in ("bool", "float16", "float32", "float64", "complex64", "complex128")},
    **{name: name for name in ("int8", "int16", "int32", "int64", "uint8")},
    "bool_": "bool",
    "double": "float64",
    "half": "float16",
    "single": "float32",
}


class _NoCounterpart(Exception):
    """Something in the expression cannot be said exactly in torch."""


def in_torch(text: str, torch: str, target: Callable[[str], str], is_tensor: Callable[[str], bool]) -> str | None:
    """The source of a call in terms of torch.

    Args:
        text: The source of a call of NumPy, or of one of `WRAPPERS` around it.
        torch: The name that the file has for torch.
        target: Gives the absolute name of a path.
        is_tensor: Whether a path is surely a tensor.

    Returns:
        The new source. None where a function has no exact counterpart, or where an array is made that the code around
        the call would go on to use as one.
    """
    call = ast.parse(text, mode="eval").body
    writer = _Writer(torch, target, is_tensor)
    try:
        if not isinstance(call, ast.Call) or not writer.is_array(call):
            return None
        is_wrapped = target(path_of(call.func)) in WRAPPERS
        if not is_wrapped and any(writer.numpy_name(node) in _MAKERS for node in ast.walk(call)):
            return None
        return ast.unparse(writer.visit(call))
    except _NoCounterpart:
        return None


@dataclass
class _Writer(ast.NodeTransformer):
    """Rewrites a syntax tree from the top down."""

    torch: str
    target: Callable[[str], str]
    is_tensor: Callable[[str], bool]

    def numpy_name(self, node: ast.AST) -> str:
        """The name that NumPy has for what a node calls or names; empty for what is not NumPy's."""
        named = node.func if isinstance(node, ast.Call) else node
        target = self.target(path_of(named)) if isinstance(named, (ast.Attribute, ast.Name)) else ""
        return target.removeprefix(_PREFIX) if target.startswith(_PREFIX) and "()" not in target else ""

    def is_array(self, node: ast.expr) -> bool:
        """Whether an expression surely gives an array or a tensor."""
        if isinstance(node, ast.Call):
            if self.numpy_name(node) in _FUNCTIONS or self.target(path_of(node.func)) in WRAPPERS:
                return True
            return self._is_method(node) or self.is_tensor(path_of(node))
        if isinstance(node, ast.BinOp):
            return self.is_array(node.left) or self.is_array(node.right)
        if isinstance(node, ast.UnaryOp):
            return self.is_array(node.operand)
        if isinstance(node, ast.Subscript):
            return self.is_array(node.value)
        return isinstance(node, (ast.Name, ast.Attribute)) and self.is_tensor(path_of(node))

    def visit_Call(self, node: ast.Call) -> ast.expr:
        name = self.numpy_name(node)
        if name:
            return self._function(name, node)
        if self.target(path_of(node.func)) in WRAPPERS:
            return self._unwrapped(node)
        if self._is_method(node) and isinstance(node.func, ast.Attribute):
            if node.keywords or (node.func.attr == "copy" and node.args):
                raise _NoCounterpart
            method = ast.Attribute(self.visit(node.func.value), _METHODS[node.func.attr])
            return ast.Call(method, [self.visit(item) for item in node.args], [])
        return self._rest(node)

    def visit_Attribute(self, node: ast.Attribute) -> ast.expr:
        return self._constant(node)

    def visit_Name(self, node: ast.Name) -> ast.expr:
        return self._constant(node)

    def _constant(self, node: ast.Attribute | ast.Name) -> ast.expr:
        name = self.numpy_name(node)
        if name in _CONSTANTS:
            return self._of_torch(_CONSTANTS[name])
        if name or self.target(path_of(node)) == _PREFIX[:-1]:
            raise _NoCounterpart
        return self._rest(node)

    def _rest(self, node: ast.expr) -> ast.expr:
        visited = self.generic_visit(node)
        assert isinstance(visited, ast.expr), "an expression stays one"
        return visited

    def _of_torch(self, name: str) -> ast.expr:
        return ast.Attribute(ast.Name(self.torch), name)

    def _is_method(self, node: ast.Call) -> bool:
        """Whether a method of an array is called that tensors have too. Those of tensors are let be."""
        func = node.func
        if not isinstance(func, ast.Attribute) or func.attr not in _METHODS or not self.is_array(func.value):
            return False
        return any(self.numpy_name(part) for part in ast.walk(func.value))

    def _unwrapped(self, node: ast.Call) -> ast.expr:
        """What is made into a tensor is one already; a dtype and a device are asked of it."""
        keywords = {keyword.arg for keyword in node.keywords}
        if len(node.args) != 1 or not self.is_array(node.args[0]) or not keywords <= {"dtype", "device"}:
            raise _NoCounterpart
        inner = self.visit(node.args[0])
        if not keywords:
            return inner  # type: ignore[no-any-return]
        return ast.Call(ast.Attribute(inner, "to"), [], [self.visit(keyword) for keyword in node.keywords])

    def _function(self, name: str, node: ast.Call) -> ast.expr:
        if name not in _FUNCTIONS or any(isinstance(item, ast.Starred) for item in node.args):
            raise _NoCounterpart
        given = {keyword.arg: keyword.value for keyword in node.keywords}
        self._agree(name, node.args, given)
        spelled = {"axis": "dim", "keepdims": "keepdim", "num": "steps"}
        keywords = [ast.keyword(spelled.get(str(key), key), self.visit(value)) for key, value in given.items()]
        return ast.Call(self._of_torch(_FUNCTIONS[name]), [self.visit(item) for item in node.args], keywords)

    def _agree(self, name: str, args: list[ast.expr], given: Mapping[str | None, ast.expr]) -> None:
        """Sees to it that torch takes the arguments that NumPy was given, and means the same by them.

        Raises:
            _NoCounterpart: it does not.
        """
        arrays, allowed, counts = 0, set[str](), range(1, 3)
        if name in _MAKERS:
            allowed = {"dtype"} | ({"num"} if name == "linspace" else set())
            counts = range(1, 4) if name == "arange" else range(2, 4) if name in ("full", "linspace") else range(1, 2)
            if name == "linspace" and len(args) + len(given.keys() & {"num"}) != 3:
                raise _NoCounterpart
            if name in ("array", "asarray") and not isinstance(args[0] if args else None, (ast.List, ast.Tuple)):
                raise _NoCounterpart
            if name == "full" and len(args) != 2:
                raise _NoCounterpart
        elif name in _OF_SEVERAL:
            allowed = {"axis"}
            if not args or not isinstance(args[0], (ast.List, ast.Tuple)) or not all(map(self.is_array, args[0].elts)):
                raise _NoCounterpart
        elif name in _ALONG:
            arrays, allowed = 1, {"axis", "keepdims"} if name in ("max", "mean", "min", "sum") else {"axis"}
            # Without one NumPy adds up all dimensions, where torch wants to be told; of the ends it takes a tuple.
            if len(args) < 2 and "axis" not in given and name not in ("mean", "sum"):
                raise _NoCounterpart
        elif name in _OF_ONE_AND_NUMBERS:
            arrays, counts = 1, range(3, 4) if name == "clip" else range(2, 3)
        else:
            arrays = 2 if name in _OF_TWO else 1
            counts = range(arrays, arrays + 1)
        if len(args) not in counts or not set(given) <= allowed or not all(map(self.is_array, args[:arrays])):
            raise _NoCounterpart


_FUNCTIONS = {**_MAKERS, **_OF_ONE, **_OF_TWO, **_OF_ONE_AND_NUMBERS, **_ALONG, **_OF_SEVERAL}
