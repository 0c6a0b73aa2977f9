"""Rendering: every template under `templates/folder/` becomes one file of the folder, at the same path without `.j2`.

A template that comes out empty makes no file.

What a template sees, beside Jinja's own:
    spec: the `scaffold.spec.Spec`.
    python: a filter that writes a value as Python source (`[4, 4] | python("tuple[int, ...]")` gives `(4, 4)`).
    literals: a filter that writes prose as a Python string, a long one in pieces.
    read_from, drawn, written: filters that write a formula of a spec for another place than the constructor.
    wrapped: a filter that breaks prose for a docstring or comment (`text | wrapped(4)` stands at column 4 and goes on
        there; a second number is where the further lines begin; a third what they begin with).
A template may include any other by its path under `templates/`; undefined names are errors. `model.py` puts together
`layouts/<layout>` and `components/`, where an operation of the block programs is a folder: `processor` and, for models
with a cache for reference tokens, `kv_processor`; `classes`; `build`, its line in a block's `__init__`; `call`, its
line in a block's `forward`. Python files pass through ruff afterwards, which sorts and prunes imports and lays out the
code, so a template minds what it says and not how it is wrapped.
"""

from __future__ import annotations

import ast
import re
import subprocess
import tempfile
import textwrap
from collections.abc import Sequence
from pathlib import Path
from types import CodeType
from typing import Any

from jinja2 import ChoiceLoader, Environment, FileSystemLoader, PrefixLoader, StrictUndefined, TemplateError
from jinja2.bccache import Bucket, BytecodeCache
from jinja2.sandbox import ImmutableSandboxedEnvironment
from ruff import find_ruff_bin  # type: ignore[import-untyped]

from scaffold.errors import ScaffoldError
from scaffold.expressions import Expression, short_exponents
from scaffold.resources import templates_root
from scaffold.spec import Spec


_LINE_LENGTH = 119
_RUFF_OPTIONS = ("--isolated", "--quiet", "--no-cache", f"--line-length={_LINE_LENGTH}", "--target-version=py310")
_RULES = (
    # Imports, the order of what a package exports, and what an empty part of a template leaves after a docstring.
    "--select=I,F401,F821,RUF022,D202",
    "--config=lint.isort.lines-after-imports=2",
    # A template lists the names that any model may need, one a line; those that are left need not stay so.
    "--config=lint.isort.split-on-trailing-comma=false",
)
# Nor need the arguments of a call, which a template has one a line as well.
_COMMANDS = (
    ("check", "--fix", "--output-format=concise", *_RULES),
    ("format", "--config=format.skip-magic-trailing-comma=true"),
)


def render_folder(spec: Spec, templates: Path | None = None) -> dict[str, str]:
    """The files of the generated folder: relative path to content, sorted by path.

    Args:
        spec: the architecture.
        templates: the template tree, by default the one that comes with this package.

    Raises:
        ScaffoldError: a template is broken, or what it makes is not Python.
    """
    root = templates if templates is not None else templates_root()
    environment = make_environment((root,), spec.custom)
    files: dict[str, str] = {}
    for path in sorted((root / "folder").rglob("*.j2")):
        name = path.relative_to(root).as_posix()
        text = render(environment, name, spec=spec)
        if text.strip():
            files[name.removeprefix("folder/").removesuffix(".j2")] = text
    return format_files(spec.package, files)


def render_files(templates: dict[str, str], **values: Any) -> dict[str, str]:
    """Python files that are no model's folder: each path with its content.

    Args:
        templates: each path with its template, relative to the templates.
        values: what the templates see beside the filters.
    """
    environment = make_environment((templates_root(),), None)
    return format_files("files", {path: render(environment, each, **values) for path, each in templates.items()})


def render(environment: Environment, name: str, **values: Any) -> str:
    """What a template gives.

    Raises:
        ScaffoldError: it is broken; the message names the place.
    """
    try:
        return environment.get_template(name).render(**values)
    except TemplateError as error:
        line = getattr(error, "lineno", None)
        place = f"{getattr(error, 'name', None) or name}:{line}" if line else name
        raise ScaffoldError(f"the template {place} cannot be rendered: {error}") from error


class _CompiledTemplates(BytecodeCache):
    """What templates compile to, which is most of the work: a process that renders again does not compile again.

    A template is known by its name and its text, so that trees that differ in a file share the others.
    """

    def __init__(self) -> None:
        self._codes: dict[tuple[str, str], CodeType] = {}

    def get_cache_key(self, name: str, filename: str | None = None) -> str:
        """The name alone, wherever the file lies."""
        return name

    def load_bytecode(self, bucket: Bucket) -> None:
        """Put the code into a bucket, if there is any of this name and text."""
        bucket.code = self._codes.get((bucket.key, bucket.checksum))

    def dump_bytecode(self, bucket: Bucket) -> None:
        """Keep the code of a bucket."""
        if bucket.code is not None:
            self._codes[bucket.key, bucket.checksum] = bucket.code


_COMPILED = _CompiledTemplates()


def make_environment(roots: Sequence[Path], custom: str | None) -> Environment:
    """What templates are rendered in.

    Args:
        roots: the trees of templates; one hides those of the same name in the next.
        custom: a folder of components of a spec's own, which hide all others of the same name.
    """
    own = [PrefixLoader({"components": FileSystemLoader(custom)})] if custom else []
    environment = ImmutableSandboxedEnvironment(
        loader=ChoiceLoader([*own, FileSystemLoader(roots)]),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        bytecode_cache=_COMPILED,
    )
    environment.filters["python"] = as_python
    environment.filters["wrapped"] = wrapped
    environment.filters["literals"] = literals
    environment.filters["read_from"] = read_from
    environment.filters["drawn"] = drawn
    environment.filters["written"] = written
    return environment


def as_python(value: Any, kind: str = "") -> str:
    """Python source for a value of a spec; a list becomes a tuple where the type says so."""
    if isinstance(value, (list, tuple)) and kind.startswith("tuple"):
        return repr(tuple(value))
    return short_exponents(repr(value)) if isinstance(value, float) else repr(value)


def read_from(formula: Expression, owner: str) -> str:
    """A formula outside of the constructor, its names read from `owner`, such as `self.config`."""
    return str(formula.renamed({name: f"{owner}." for name in formula.names if name != "self"}))


def written(formula: str, sources: dict[str, str]) -> str:
    """A formula with Python source in the place of some of its names: `timestep / 1000` with a timestep a picture."""
    tree = ast.parse(str(formula), mode="eval")
    return ast.unparse(_Writing(sources).visit(tree))


class _Writing(ast.NodeTransformer):
    """Puts source in the place of names."""

    def __init__(self, sources: dict[str, str]):
        self.sources = sources

    def visit_Name(self, node: ast.Name) -> ast.AST:
        """A name that has a source becomes it."""
        return ast.parse(self.sources[node.id], mode="eval").body if node.id in self.sources else node


def drawn(size: str | int, spec: Spec) -> str:
    """A size of a test's input: config entries of the model, and the constants of the tests for `tiny.sizes`."""
    formula = Expression(size)
    named = formula.renamed({name: "model.config." for name in formula.names if name in spec.config})
    return re.sub(rf"\b({'|'.join(spec.tiny.sizes)})\b", lambda match: match.group().upper(), str(named))


def wrapped(text: str, column: int, hanging: int | None = None, mark: str = "") -> str:
    """Prose in lines of at most 119 characters, the first of which stands at `column` already.

    Args:
        text: any prose; its own line breaks count as spaces.
        column: where the text begins.
        hanging: where further lines begin, by default at `column`.
        mark: what further lines begin with, such as `"# "`.
    """
    indent = " " * (column if hanging is None else hanging) + mark
    lines = textwrap.wrap(
        " ".join(text.split()),
        width=_LINE_LENGTH,
        initial_indent=" " * column,
        subsequent_indent=indent,
        break_long_words=False,
        break_on_hyphens=False,
    )
    return "\n".join(lines).lstrip()


def literals(text: str) -> str:
    """Prose as Python: a string, or in parentheses several of at most 86 characters that make one."""
    lines = textwrap.wrap(" ".join(text.split()), width=86, break_long_words=False, break_on_hyphens=False)
    if len(lines) == 1:
        return repr(lines[0])
    return "(" + "\n".join([*(repr(f"{line} ") for line in lines[:-1]), repr(lines[-1])]) + ")"


def format_files(package: str, files: dict[str, str]) -> dict[str, str]:
    """Ruff's import order, its pruning of unused imports and its layout, over all files of a package at once.

    Args:
        package: the package's name, by which its own imports are told from others.
        files: relative POSIX path to content.

    Raises:
        ScaffoldError: a file is not Python.
    """
    with tempfile.TemporaryDirectory(prefix="scaffold-") as staging:
        folder = Path(staging) / package
        for name, text in files.items():
            target = folder / name
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(text, encoding="utf-8", newline="\n")
        ruff = find_ruff_bin()
        own = f'--config=lint.isort.known-first-party=["{package}"]'
        for command in _COMMANDS:
            done = subprocess.run(
                [ruff, *command, *_RUFF_OPTIONS, own, package],
                cwd=staging,
                capture_output=True,
                text=True,
                check=False,
            )
            if done.returncode != 0:
                complaint = (done.stdout + done.stderr).strip().partition("\n")[0]
                raise ScaffoldError(f"the templates do not make valid Python: {complaint}")
        return {name: (folder / name).read_text(encoding="utf-8") for name in sorted(files)}
