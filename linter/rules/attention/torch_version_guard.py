"""ATT017 torch-version-guard."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator
from itertools import takewhile

from linter.facts import Condition, Span
from linter.facts.statements import statement_at
from linter.findings import Edit, Finding, Safety, Severity
from linter.project import Function, Module
from linter.rules.attention import GUIDE
from linter.rules.base import Rule


class TorchVersionGuard(Rule):
    """A processor checks for `scaled_dot_product_attention` or for a torch version that is long gone.

    ## What it does
    Finds conditions in processors that ask whether torch has `scaled_dot_product_attention`, or whether it is older or
    newer than 2.0 or 2.1.

    ## Why is this bad?
    Every torch that the library supports has it, and the dispatcher checks what a backend needs. The guard is read,
    copied and never true.

    ## Fix safety
    Safe: a guard that only raises is taken out, with the `__init__` that it leaves empty. Other conditions stay for a
    person.
    """

    code = "ATT017"
    name = "torch-version-guard"
    severity = Severity.WARNING
    guide = GUIDE
    fixes = Safety.SAFE
    bad = """
        import torch.nn.functional as F


        class TinyAttnProcessor:
            _attention_backend = None
            _parallel_config = None

            def __init__(self):
                if not hasattr(F, "scaled_dot_product_attention"):  #!
                    raise ImportError("TinyAttnProcessor needs PyTorch 2.0.")

            def __call__(self, attn, hidden_states):
                return attn.to_v(hidden_states)
    """
    good = """
        class TinyAttnProcessor:
            _attention_backend = None
            _parallel_config = None

            def __call__(self, attn, hidden_states):
                return attn.to_v(hidden_states)
    """

    _HAS_SDPA = r"""hasattr\([\w.]+,\s*["']scaled_dot_product_attention["']\)"""
    _OLD = r"""["'](?:1\.[\d.]+|2\.[01](?:\.\d+)?)["']"""
    _ASKED = rf"""(?:\w+\.)*is_torch_version\(["'][<>=]+["'],\s*{_OLD}\)"""
    _COMPARED = rf"""(?:[\w.]*parse\()?torch\.__version__\)?\s*[<>=]+\s*(?:[\w.]*parse\()?{_OLD}\)?"""
    _PART = rf"(?:not\s+)?(?:{_HAS_SDPA}|{_ASKED}|{_COMPARED})"
    _GUARD = re.compile(rf"{_PART}(?:\s+(?:and|or)\s+{_PART})*")

    def check(self, module: Module) -> Iterator[Finding]:
        for cls in module.classes.values():
            for function in cls.own_methods.values() if cls.is_processor else ():
                for condition in function.facts.conditions:
                    if self._GUARD.fullmatch(condition.text):
                        message = "every torch that is supported has `scaled_dot_product_attention`"
                        edits = _without_guard(module, function, condition)
                        yield self.finding(module, condition.span, message, function, edits)


def _without_guard(module: Module, function: Function, condition: Condition) -> tuple[Edit, ...]:
    """The edit that takes out the `if` of a condition that only raises; with its function, if nothing else is left."""
    lines, span = module.source.lines, function.facts.span
    tree = statement_at(lines, span)
    body = tree.body if isinstance(tree, ast.FunctionDef) else []
    line = condition.span.line
    guard = next((node for node in body if isinstance(node, ast.If) and node.test.lineno == line), None)
    if guard is None or guard.orelse or not all(isinstance(node, ast.Raise) for node in guard.body):
        return ()
    first, last = guard.lineno, guard.end_lineno or guard.lineno
    if len(body) == 1:
        has_bases = function.cls is None or function.cls.facts.bases
        if function.name != "__init__" or len(function.facts.parameters) > 1 or function.facts.decorators or has_bases:
            return ()
        first, last = span.line, span.end_line
        while lines[first - 2].lstrip().startswith("#"):
            first -= 1
    behind, before = _blank(lines[last:]), _blank(reversed(lines[: first - 1]))
    if lines[first - 2].rstrip().endswith(":"):
        last += behind
    elif behind:
        # Those behind serve for both.
        first -= before
    return (Edit(str(module.path), Span(first, 0, last + 1, 0), ""),)


def _blank(lines: Iterable[str]) -> int:
    """How many lines are blank before another one comes."""
    return len(list(takewhile(lambda line: not line.strip(), lines)))
