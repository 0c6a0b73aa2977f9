"""What a file declares, as small frozen values: made in one pass over its syntax tree, read by every rule, cached by
content.
"""

from linter.facts.extract import extract_facts
from linter.facts.values import (
    Argument,
    Attribute,
    Call,
    ClassFacts,
    Condition,
    Copied,
    Decorator,
    FileFacts,
    FunctionFacts,
    Import,
    LazyEntry,
    Parameter,
    Read,
    Return,
    Span,
    Suppression,
    Value,
    Write,
)


__all__ = [
    "Argument",
    "Attribute",
    "Call",
    "ClassFacts",
    "Condition",
    "Copied",
    "Decorator",
    "FileFacts",
    "FunctionFacts",
    "Import",
    "LazyEntry",
    "Parameter",
    "Read",
    "Return",
    "Span",
    "Suppression",
    "Value",
    "Write",
    "extract_facts",
]
