"""WGT003 dropped-keys."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from linter.findings import Finding
from linter.project import Module
from linter.rules.base import Rule
from linter.rules.weights import GUIDE, Conversion, conversions


_WEIGHTS = re.compile(r"state_dict|checkpoint|weights|tensors", re.IGNORECASE)
_SAYS_SO = re.compile(r"remove|drop|discard|skip|ignore|filter")


class DroppedKeys(Rule):
    """A conversion of weights drops keys and says neither to the user nor to the reader why.

    ## What it does
    In functions that convert weights, finds keys that are popped without anybody reading the value, and keys that a
    loop over a state dict passes by with `continue` alone. A comment beside it, above it, or above the block that it
    stands in accounts for it, and so does a warning or an error in the same block.

    ## Why is this bad?
    A key that is left out in silence is a part of the model that keeps its random weights, or a LoRA that does half of
    what it should. Whoever meets the next checkpoint cannot tell what was meant from what was forgotten.

    ## Exceptions
    Functions whose name says that they remove or skip, values that are read under the same key elsewhere in the
    function, and tests that pick out a part (`if not key.startswith(...)`).
    """

    code = "WGT003"
    name = "dropped-keys"
    guide = GUIDE
    bad = """
        def convert_tiny_to_diffusers(state_dict):
            converted = {}
            state_dict.pop("logvar")  #!
            for key, value in state_dict.items():
                if "pos_encoder" in key:  #!
                    continue
                converted[key.replace("img_in", "x_embedder")] = value
            return converted
    """
    good = """
        def convert_tiny_to_diffusers(state_dict):
            converted = {}
            # Only the training loss reads it.
            state_dict.pop("logvar")
            for key, value in state_dict.items():
                if "pos_encoder" in key:
                    # Computed from the position at each call.
                    continue
                converted[key.replace("img_in", "x_embedder")] = value
            return converted
    """

    def check(self, module: Module) -> Iterator[Finding]:
        for conversion in conversions(module, ".pop", ".items"):
            for node, enclosing, what in _dropped(conversion):
                if not any(_accounts(conversion, block) for block in (node, *enclosing)):
                    message = f"{what}, and nothing says why"
                    yield self.finding(module, conversion.span(node), message, conversion.function)


def _dropped(conversion: Conversion) -> Iterator[tuple[ast.stmt | ast.expr, tuple[ast.stmt, ...], str]]:
    """What drops keys, each with the statements that it stands in and what is to be said of it."""
    for statement, enclosing in _statements(conversion.tree.body, ()):
        within = [conversion.function.name, *(item.name for item in enclosing if isinstance(item, ast.FunctionDef))]
        if any(_SAYS_SO.search(name.lower()) for name in within):
            continue
        call = statement.value if isinstance(statement, ast.Expr) else None
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute) and call.func.attr == "pop":
            if call.args and _is_weights(call.func.value) and not _is_read(conversion, call.func.value, call.args[0]):
                yield statement, enclosing, f"`{ast.unparse(call)}` drops the value that it takes out"
        elif isinstance(statement, ast.If) and isinstance(statement.body[0], ast.Continue):
            loop = enclosing[-1] if enclosing else None
            if isinstance(loop, ast.For) and _goes_through_weights(loop) and not _picks_out(statement.test):
                yield statement.test, enclosing[-1:], "the loop over the weights passes these keys by"


def _is_read(conversion: Conversion, weights: ast.expr, key: ast.expr) -> bool:
    """Whether the value under a key is read elsewhere in the conversion."""
    read = ast.unparse(ast.Subscript(weights, key, ast.Load()))
    return any(isinstance(node, ast.Subscript) and ast.unparse(node) == read for node in ast.walk(conversion.tree))


def _statements(
    body: list[ast.stmt], enclosing: tuple[ast.stmt, ...]
) -> Iterator[tuple[ast.stmt, tuple[ast.stmt, ...]]]:
    for statement in body:
        yield statement, enclosing
        for name in ("body", "orelse", "finalbody"):
            yield from _statements(getattr(statement, name, []), (*enclosing, statement))


def _is_weights(node: ast.expr) -> bool:
    return isinstance(node, ast.Name) and bool(_WEIGHTS.search(node.id))


def _goes_through_weights(loop: ast.For) -> bool:
    """Whether a loop takes each key of a state dict with its value."""
    call = loop.iter
    return (
        isinstance(call, ast.Call)
        and isinstance(call.func, ast.Attribute)
        and call.func.attr == "items"
        and _is_weights(call.func.value)
        and isinstance(loop.target, ast.Tuple)
    )


def _picks_out(test: ast.expr) -> bool:
    """Whether a test is for what is to be converted, not for what is to be left out."""
    return any(isinstance(node, (ast.Not, ast.NotIn, ast.NotEq, ast.Is, ast.IsNot)) for node in ast.walk(test))


def _accounts(conversion: Conversion, node: ast.stmt | ast.expr) -> bool:
    """Whether a comment stands beside something or directly above it, or what it is in warns or raises."""
    lines = conversion.function.module.source.lines
    first, last = node.lineno, node.lineno + 1 if isinstance(node, ast.expr) else node.lineno
    beside = [lines[first - 2], *lines[first - 1 : last]]
    if beside[0].lstrip().startswith("#") or any("#" in line for line in beside[1:]):
        return True
    calls = [item for item in ast.walk(node) if isinstance(item, ast.Call) and isinstance(node, ast.If)]
    return any(isinstance(call.func, ast.Attribute) and call.func.attr.startswith("warn") for call in calls)
