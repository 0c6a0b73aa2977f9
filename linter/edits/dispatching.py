"""Edits that hand a direct call of scaled dot product attention to the dispatcher, whose layout is another."""

from __future__ import annotations

import ast
import re

from linter.edits.declaring import with_attributes
from linter.edits.importing import with_import, without_unused_import
from linter.facts import Call, Span
from linter.findings import Edit
from linter.project import Class, Function
from linter.project.head_layout import heads_come_first


_DISPATCHER = "diffusers.models.attention_dispatch.dispatch_attention_fn"
_POSITIONAL = ("query", "key", "value", "attn_mask", "dropout_p", "is_causal")
"""The arguments of `scaled_dot_product_attention` by place; the dispatcher has the same, and all others by name."""
_SWAP = ".transpose(1, 2)"
_LONGEST_LINE = 119
_HELD = {"backend": "_attention_backend", "parallel_config": "_parallel_config"}
"""What the dispatcher is passed, by the attribute of the processor that holds it."""


def with_dispatch(processor: Class, function: Function, call: Call) -> tuple[Edit, ...]:
    """The edits after which a processor attends through the dispatcher.

    Where the heads come first, as the kernel takes them, they change places with the tokens on the way in and out.
    Where they do not, the kernel attended over heads, and the dispatcher sets it right.

    Args:
        processor: The class whose attributes hold what the dispatcher is passed.
        function: The method of it that calls the kernel.
        call: The call.

    Returns:
        The edits; none where the layout of query, key and value is not sure.
    """
    module = function.module
    path, source = str(module.path), module.source
    node = ast.parse(source.between(call.span), mode="eval").body
    if not isinstance(node, ast.Call) or any(isinstance(item, ast.Starred) for item in node.args):
        return ()
    given = dict(zip(_POSITIONAL, node.args, strict=False))
    given |= {str(keyword.arg): keyword.value for keyword in node.keywords if keyword.arg}
    orders = [_heads_first(function, given.get(name), call) for name in _POSITIONAL[:3]]
    if len(given) < len(node.args) + len(node.keywords) or None in orders or len(set(orders)) != 1:
        return ()
    swaps = orders[0] is True
    texts = [_swapped(value) if swaps else ast.unparse(value) for value in list(given.values())[:3]]
    names = list(given)[:3]
    texts = [texts[names.index(name)] for name in _POSITIONAL[:3]]
    texts += [f"{name}={ast.unparse(value)}" for name, value in given.items() if name not in _POSITIONAL[:3]]
    texts += [f"{name}=self.{attribute}" for name, attribute in _HELD.items()]
    span, after = _taking_back(function, call) if swaps else (call.span, ())
    suffix = _SWAP if swaps and span == call.span and not after else ""
    edits = (Edit(path, span, _spelled(source.lines[call.span.line - 1], call.span, texts, suffix)), *after)
    imported = with_import(module, _DISPATCHER)
    if not imported and _DISPATCHER.rpartition(".")[2] not in module.facts.bindings:
        return ()
    missing = tuple(f"{name} = None" for name in _HELD.values() if processor.attribute(name) is None)
    declared = with_attributes(processor, missing) if missing else ()
    unused = without_unused_import(module, call.path.partition(".")[0], (*edits, *imported))
    return (*edits, *imported, *declared, *unused) if declared or not missing else ()


def _heads_first(function: Function, node: ast.expr | None, call: Call) -> bool | None:
    """Whether what the kernel is given has its heads before its tokens; None where that is not sure."""
    if isinstance(node, ast.Name):
        return heads_come_first(function, node.id, call)
    inner = _without_swap(node)
    if isinstance(inner, ast.Name):
        order = heads_come_first(function, inner.id, call)
        return None if order is None else not order
    return None


def _without_swap(node: ast.expr | None) -> ast.expr | None:
    """What `.transpose(1, 2)` is called on; None where a node is no such call."""
    if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute):
        return None
    inner = node.func.value
    return inner if ast.unparse(node) == ast.unparse(inner) + _SWAP else None


def _swapped(node: ast.expr) -> str:
    inner = _without_swap(node)
    return ast.unparse(inner) if inner is not None else ast.unparse(node) + _SWAP


def _taking_back(function: Function, call: Call) -> tuple[Span, tuple[Edit, ...]]:
    """The place to replace, and edits elsewhere, so that a swap of the result that stands there already goes.

    It stands right behind the call, or is the first thing that the next statement does.
    """
    source, span = function.module.source, call.span
    rest = source.lines[span.end_line - 1][span.end_column :]
    if rest.startswith(_SWAP):
        return Span(span.line, span.column, span.end_line, span.end_column + len(_SWAP)), ()
    line = span.end_line + 1
    while line <= len(source.lines) and not source.lines[line - 1].strip():
        line += 1
    name, text = call.assigned, source.lines[line - 1] if line <= len(source.lines) else ""
    own = source.lines[span.line - 1]
    begins_own = own[: span.column].strip() == f"{name} ="
    match = re.match(rf"(\s*){re.escape(name)} = {re.escape(name)}({re.escape(_SWAP)})", text)
    if not name.isidentifier() or not begins_own or rest.strip() or not match:
        return span, ()
    if len(match[1]) != len(own) - len(own.lstrip()):
        return span, ()
    if not text[match.end() :].strip():
        # Nothing else is done there.
        return span, (Edit(str(function.module.path), Span(line, 0, line + 1, 0), ""),)
    return span, (Edit(str(function.module.path), Span(line, match.start(2), line, match.end(2)), ""),)


def _spelled(line: str, span: Span, texts: list[str], suffix: str) -> str:
    """The new call: on one line where it fits, else with its arguments on lines of their own."""
    name = _DISPATCHER.rpartition(".")[2]
    flat = f"{name}({', '.join(texts)}){suffix}"
    if span.column + len(flat) <= _LONGEST_LINE:
        return flat
    indent = line[: len(line) - len(line.lstrip())]
    return f"{name}(\n" + "".join(f"{indent}    {text},\n" for text in texts) + f"{indent}){suffix}"
