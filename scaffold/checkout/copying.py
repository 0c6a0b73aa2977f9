"""Methods of the library's classes as text, to be copied the way that the library copies its own code."""

from __future__ import annotations

import ast

from linter.project import Module
from scaffold.checkout.tree import NotFound


def method_of(module: Module, owner: str, name: str) -> str:
    """The source of a method with its decorators, without what it says to be copied from.

    Raises:
        NotFound: there is no such class, or it has no such method.
    """
    for cls in ast.parse(module.source.text).body:
        if isinstance(cls, ast.ClassDef) and cls.name == owner:
            for method in cls.body:
                if isinstance(method, ast.FunctionDef) and method.name == name:
                    first = min([method.lineno, *(each.lineno for each in method.decorator_list)])
                    lines = module.source.lines[first - 1 : method.end_lineno]
                    return "\n".join(line for line in lines if not line.lstrip().startswith("# Copied from"))
    raise NotFound(f"class {owner} with a method {name} in {module.name}")


def copied_method(module: Module, owner: str, name: str) -> str:
    """The same, with the comment by which the library's own script holds it to the original.

    Raises:
        NotFound: there is no such class, or it has no such method.
    """
    lines = method_of(module, owner, name).split("\n")
    begin = next(number for number, line in enumerate(lines) if line.lstrip().startswith("def "))
    indent = lines[begin][: -len(lines[begin].lstrip())]
    return "\n".join([*lines[:begin], f"{indent}# Copied from {module.name}.{owner}.{name}", *lines[begin:]])
