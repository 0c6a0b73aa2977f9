"""The commands that pages show, held against the command lines of this distribution."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from functools import cache
from importlib.metadata import distribution

import click

from linter.facts import Span
from linter.pack.pages import Page


_CONTINUED = re.compile(r"\\\n\s*")
SHELL = frozenset({"bash", "sh", "console"})


def shown_commands(page: Page) -> Iterator[tuple[str, Span]]:
    """The command lines in a page's shell blocks and code spans that call one of ours, with their places."""
    for fence in page.fences:
        if fence.language in SHELL:
            number = fence.line
            for line in _CONTINUED.sub(lambda found: "\0" * found[0].count("\n"), fence.text).split("\n"):
                if _program(line) in _tools():
                    yield line.replace("\0", " ").removeprefix("$ "), page.span(number)
                number += 1 + line.count("\0")
    for text, span in page.code_spans:
        if " " in text and _program(text) in _tools():
            yield text, span


def fault_of(line: str) -> str:
    """What a command line gets wrong about the tool that it calls; empty where nothing."""
    try:
        words = shlex.split(line, comments=True)
    except ValueError as error:
        return f"is no line for a shell ({error})"
    path = [words[0]]
    command: click.Command = _tools()[words.pop(0)]
    while isinstance(command, click.Group) and words and not words[0].startswith("-"):
        if words[0] not in command.commands:
            return f"`{' '.join(path)}` has no subcommand `{words[0]}`"
        path.append(words[0])
        command = command.commands[words.pop(0)]
    options = {name: each for each in command.params for name in (*each.opts, *each.secondary_opts)}
    for number, word in enumerate(words):
        name, _, value = word.partition("=")
        if not word.startswith("-") or word == "-" or name in ("-h", "--help"):
            continue
        if name not in options:
            return f"`{' '.join(path)}` has no option `{name}`"
        kind, following = options[name].type, value or next(iter(words[number + 1 :]), "")
        if isinstance(kind, click.Choice) and following.islower() and following not in kind.choices:
            return f"`{name}` of `{' '.join(path)}` takes {', '.join(kind.choices)}, not `{following}`"
    return ""


def _program(line: str) -> str:
    return next(iter(line.removeprefix("$ ").replace("\0", " ").split()), "")


@cache
def _tools() -> dict[str, click.Command]:
    """The commands of this distribution by name; only their parsers are asked, and nothing is run."""
    scripts = distribution("modelwright").entry_points.select(group="console_scripts")
    loaded = {script.name: script.load() for script in scripts}
    return {name: command for name, command in loaded.items() if isinstance(command, click.Command)}
