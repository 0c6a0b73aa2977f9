"""Lines of a pipeline's call as steps on their own: what each reads and leaves, and its source in a block's class.

The parts of a pipeline bring lines that stand in a method of the pipeline, whose names they share. A block of a
modular pipeline has the same lines: it fetches the names that they read from its state first, and hands back those
that later steps read. What is `self` in a pipeline is `components` in a block.
"""

from __future__ import annotations

import ast
import re
import textwrap
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Stretch:
    """A stretch of a call.

    Attributes:
        name: what it is called among the steps.
        lines: the lines, as they stand in a method.
        methods: the methods of the pipeline that they call, as they stand in its class.
        inputs: the names that it reads, of those that are given or that an earlier step leaves.
        handed: those of them that an earlier step leaves.
        outputs: the names that it leaves for later steps.
        owned: the attributes of the pipeline that lines and methods read.
    """

    name: str
    lines: str
    methods: str
    inputs: tuple[str, ...]
    handed: tuple[str, ...]
    outputs: tuple[str, ...]
    owned: tuple[str, ...]

    @property
    def body(self) -> str:
        """The lines in a block."""
        return textwrap.indent(textwrap.dedent(_with_components(self.lines, self.methods)), " " * 8)

    @property
    def members(self) -> str:
        """The methods in a block."""
        return _with_components(self.methods, self.methods)


def cut(
    stretches: Iterable[Sequence[str]],
    given: Collection[str],
    handed: Collection[str],
    wanted: str,
    repeated: Collection[str],
    prelude: str,
) -> dict[str, Stretch]:
    """Steps from the stretches of a call, by name, in order; a stretch without lines is none.

    Args:
        stretches: name, lines and methods of each.
        given: the names that a user gives.
        handed: the names that are handed on from the first stretch, beside what it sets.
        wanted: the name for which it is all done.
        repeated: the stretches that run again and again, so that each comes before the others too.
        prelude: lines that set names which every stretch may read; a step begins with those that it reads.
    """
    parsed = []
    for name, lines, methods in stretches:
        if lines.strip():
            lines = _without_embeddings(lines)
            lines = _needed(prelude, lines) + lines
            parsed.append((name, lines, _without_embeddings(methods), _Names.of(lines)))
    steps: dict[str, Stretch] = {}
    left = set(handed)
    for index, (name, lines, methods, names) in enumerate(parsed):
        others = [each for other, *_, each in parsed if name in repeated and other in repeated]
        following = [each for *_, each in parsed[index + 1 :]]
        later = {wanted, *(read for each in (*others, *following) for read in each.read)}
        steps[name] = Stretch(
            name,
            lines,
            methods,
            inputs=tuple(each for each in names.read if each in left or each in given),
            handed=tuple(each for each in names.read if each in left),
            outputs=tuple(each for each in names.written if each in later),
            owned=tuple(dict.fromkeys(re.findall(r"\bself\.(\w+)", lines + methods))),
        )
        left |= set(names.written)
    return steps


class _Names(ast.NodeVisitor):
    """The names that statements read before they have set them for certain, and those that they set."""

    def __init__(self) -> None:
        self.read: dict[str, None] = {}
        self.written: dict[str, None] = {}
        self.certain: set[str] = set()

    @classmethod
    def of(cls, lines: str) -> _Names:
        names = cls()
        for statement in _parse(lines).body:
            names.visit(statement)
        return names

    def visit_Assign(self, node: ast.Assign) -> None:
        """The value is read before the target is set."""
        self.visit(node.value)
        for target in node.targets:
            self.visit(target)

    def visit_For(self, node: ast.For) -> None:
        """The body may never run."""
        self.visit(node.iter)
        self._perhaps([node.target, *node.body])

    def visit_If(self, node: ast.If) -> None:
        """Only what both branches set is certain."""
        self.visit(node.test)
        before, certain = set(self.certain), []
        for branch in (node.body, node.orelse):
            self.certain = set(before)
            for each in branch:
                self.visit(each)
            certain.append(self.certain)
        self.certain = certain[0] & certain[1]

    def visit_GeneratorExp(self, node: ast.GeneratorExp | ast.ListComp) -> None:
        """What a comprehension sets stays in it."""
        own = {each.id for part in node.generators for each in ast.walk(part.target) if isinstance(each, ast.Name)}
        for each in ast.walk(node):
            if isinstance(each, ast.Name) and each.id not in own | self.certain:
                self.read[each.id] = None

    visit_ListComp = visit_GeneratorExp

    def visit_Name(self, node: ast.Name) -> None:
        if isinstance(node.ctx, ast.Store):
            self.written[node.id] = None
            self.certain.add(node.id)
        elif node.id not in self.certain:
            self.read[node.id] = None

    def _perhaps(self, nodes: Iterable[ast.AST]) -> None:
        before = set(self.certain)
        for each in nodes:
            self.visit(each)
        self.certain = before


def _parse(lines: str) -> ast.Module:
    return ast.parse(textwrap.dedent(lines))


def _needed(prelude: str, lines: str) -> str:
    """Those lines of the prelude that set a name which the others read."""
    read = _Names.of(lines).read
    return "".join(line for line in prelude.splitlines(keepends=True) if line.partition("=")[0].strip() in read)


def _without_embeddings(lines: str) -> str:
    """The same where no embeddings are given in place of prompts, which is a question that a block need not ask."""
    found = re.search(r"^( *)if prompt_embeds is None:\n((?:\1 +.*\n|\n)+)", lines, re.MULTILINE)
    if found is None:
        return lines
    return lines[: found.start()] + textwrap.indent(textwrap.dedent(found[2]), found[1]) + lines[found.end() :]


def _with_components(source: str, methods: str) -> str:
    """Python of a pipeline's method in a block: of `self` it has the methods, of `components` all else."""
    static = set(re.findall(r"@staticmethod\s+def (\w+)", methods))
    own = set(re.findall(r"^    def (\w+)", methods, re.MULTILINE))

    def replaced(found: re.Match[str]) -> str:
        name, called = found[1], found[2]
        if name in static:
            return found[0]
        if name in own:
            return f"self.{name}(components, "
        if name.startswith("vae_scale_factor"):
            return f"{name}(components){called}"
        return f"components.{name}{called}"

    source = re.sub(r"(def \w+\(\s*self,)", r"\1 components: ModularPipeline,", source)
    return re.sub(r"\bself\.(\w+)(\(?)", replaced, source)
