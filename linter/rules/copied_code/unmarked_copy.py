"""CPY006 unmarked-copy."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

from linter.copies import Marker, Rename, is_literal, without_dead_renames
from linter.facts import FunctionFacts, Span
from linter.findings import Edit, Finding, Safety, Severity
from linter.project import Function, Module
from linter.rules.base import Rule
from linter.rules.copied_code import GUIDE, claims, marker_of, source_of


class UnmarkedCopy(Rule):
    """A function equals one in a file that this file copies from, and has no marker.

    ## What it does
    Compares the functions and methods of some length that have no `# Copied from` marker with those of the same name
    in the files that the other markers name. The name of the class does not count, nor do the renames that those
    markers make.

    ## Why is this bad?
    The marked copies are kept in line, this one is not: the next fix of the source reaches all of them but one.

    ## Fix safety
    Unsafe: the marker is added above the definition. From then on the code may not differ, which only its author can
    want.

    ## Exceptions
    `__init__` and properties, and files that no marker names: two files that merely have something alike may each be
    the first.
    """

    code = "CPY006"
    name = "unmarked-copy"
    severity = Severity.WARNING
    guide = GUIDE
    fixes = Safety.UNSAFE
    bad = {
        "tinylib/__init__.py": "",
        "tinylib/origin.py": """
            def scale_noise(sample):
                return sample * 2


            class TinyPipeline:
                def prepare(self, latents, batch_size):
                    if latents is None:
                        latents = self.draw(batch_size)
                    elif latents.shape[0] != batch_size:
                        raise ValueError("The batch sizes differ.")
                    return latents * self.sigma
        """,
        "tinylib/copy.py": """
            # Copied from tinylib.origin.scale_noise
            def scale_noise(sample):
                return sample * 2


            class SmallPipeline:
                def prepare(self, latents, batch_size):  #!
                    if latents is None:
                        latents = self.draw(batch_size)
                    elif latents.shape[0] != batch_size:
                        raise ValueError("The batch sizes differ.")
                    return latents * self.sigma
        """,
    }
    good = {
        "tinylib/__init__.py": "",
        "tinylib/origin.py": """
            def scale_noise(sample):
                return sample * 2


            class TinyPipeline:
                def prepare(self, latents, batch_size):
                    if latents is None:
                        latents = self.draw(batch_size)
                    elif latents.shape[0] != batch_size:
                        raise ValueError("The batch sizes differ.")
                    return latents * self.sigma
        """,
        "tinylib/copy.py": """
            # Copied from tinylib.origin.scale_noise
            def scale_noise(sample):
                return sample * 2


            class SmallPipeline:
                # Copied from tinylib.origin.TinyPipeline.prepare
                def prepare(self, latents, batch_size):
                    if latents is None:
                        latents = self.draw(batch_size)
                    elif latents.shape[0] != batch_size:
                        raise ValueError("The batch sizes differ.")
                    return latents * self.sigma
        """,
    }

    def check(self, module: Module) -> Iterator[Finding]:
        linked = _linked(module)
        covered = {comment.qualname for comment in module.facts.copied}
        for copy in _functions(module) if linked else ():
            sources = linked.get(copy.name)
            if sources is None or copy.qualname in covered or (copy.cls is not None and copy.cls.qualname in covered):
                continue
            if not _is_long(copy):
                continue
            if any(source is copy for source, _ in sources):
                # Others are copied from it: it is an origin.
                continue
            true = (marker for source, renames in sources for marker in _markers(copy, source, renames))
            marker = next(true, None)
            if marker is not None:
                message = f"`{copy.qualname}` equals `{marker.source}` and has no marker"
                line = copy.facts.span.line
                indent = module.source.lines[line - 1][: copy.facts.span.column]
                edit = Edit(str(module.path), Span(line, 0, line, 0), f"{indent}{marker}\n")
                yield self.finding(module, copy.facts.header, message, copy, (edit,))


def _linked(module: Module) -> dict[str, list[tuple[Function, tuple[Rename, ...]]]]:
    """What may be the source of an unmarked copy, by name, with the renames that markers make there.

    Of the other files that a file's markers name that is every function, of its own those that they name.
    """
    renames: dict[Module, dict[Rename, None]] = {}
    found: dict[str, list[tuple[Function, tuple[Rename, ...]]]] = defaultdict(list)
    for claim in claims(module):
        source, made = claim.source, claim.marker.renames
        if source.module is not module:
            renames.setdefault(source.module, {}).update(dict.fromkeys(made))
        elif isinstance(source, Function):
            found[source.name].append((source, made))
    for other, all_made in renames.items():
        together = tuple(all_made)
        for function in _functions(other):
            found[function.name].append((function, together))
    return found


def _functions(module: Module) -> Iterator[Function]:
    return (item for item in module.definitions.values() if isinstance(item, Function))


def _is_long(function: Function) -> bool:
    """Whether a function does enough to be worth a marker: what only declares or stores something does not."""
    facts = function.facts
    if function.name == "__init__" or any(item.path == "property" for item in facts.decorators):
        return False
    lines = facts.span.end_line - facts.span.line + 1
    return lines >= 6 and sum(_sizes(facts)) >= (4 if lines < 16 else 2)


def _sizes(facts: FunctionFacts) -> tuple[int, ...]:
    return len(facts.calls), len(facts.writes), len(facts.returns), len(facts.conditions)


def _markers(copy: Function, source: Function, renames: tuple[Rename, ...]) -> Iterator[Marker]:
    """The markers that would be true of a function, each naming the origin."""
    if not _may_be_equal(copy, source) or (copy.cls is not None and source.cls in copy.cls.ancestors):
        return
    origin, way = source, Marker(f"{source.module.name}.{source.qualname}", ())
    if (onward := marker_of(source)) is not None and isinstance(found := source_of(source.module, onward), Function):
        origin, way = found, onward
    # Of two files that copy from each other only one may be told to, or each would become the other's source.
    is_mutual = any(claim.source.module is copy.module for claim in claims(origin.module))
    if origin is copy or (copy.module.name < origin.module.name and is_mutual):
        return
    own = (Rename(source.cls.name, copy.cls.name),) if copy.cls is not None and source.cls is not None else ()
    for marker in dict.fromkeys(
        without_dead_renames(origin, Marker(way.source, (*way.renames, *more))) for more in ((), own, renames)
    ):
        if is_literal(copy, origin, marker):
            yield marker


def _may_be_equal(copy: Function, source: Function) -> bool:
    """Whether the facts of two functions leave open that they are equal but for names: quicker than their texts."""
    one, other = copy.facts, source.facts
    if (copy.cls is None) != (source.cls is None) or one.is_async != other.is_async:
        return False
    if _signature(one) != _signature(other):
        return False
    if [item.path for item in one.decorators] != [item.path for item in other.decorators]:
        return False
    return _sizes(one) == _sizes(other)


def _signature(facts: FunctionFacts) -> list[tuple[str, str, str]]:
    return [(item.name, item.kind, item.default) for item in facts.parameters]
