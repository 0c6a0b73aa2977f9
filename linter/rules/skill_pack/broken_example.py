"""SKL009 broken-example."""

from __future__ import annotations

import ast
import json
from collections.abc import Callable, Iterator

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from linter.findings import Finding
from linter.pack.commands import SHELL, fault_of, shown_commands
from linter.pack.pages import Fence, Pack
from linter.rules.skill_pack import PackRule


class BrokenExample(PackRule):
    """A code block does not parse, a command has a subcommand or an option that is not there, or `not-run` no reason.

    ## What it does
    Parses blocks of Python, JSON and YAML, and holds every command of this distribution that a page shows, in a block
    or between backticks, against the parser of that command. `not-run="reason"` behind the language of a block tells
    that it cannot be run from an empty repository; the reason is asked for. Nothing is run.

    ## Why is this bad?
    An agent types what it reads, and believes the guide more than the error message.
    """

    code = "SKL009"
    name = "broken-example"
    guide = "pack.md#commands-and-code"
    good = {
        "AGENTS.md": "[models](models.md)\n",
        "models.md": "# Models\n\nLook with `linter check --select ATT PATH`.\n",
    }
    bad = {
        "AGENTS.md": "[models](models.md)\n",
        "models.md": "# Models\n\nLook with `linter check --only ATT PATH`. #!\n",
    }

    def check_pack(self, pack: Pack) -> Iterator[Finding]:
        """Yields a finding for each block and each command that is wrong."""
        for page in pack.sources:
            for fence in page.fences:
                message = _fault(fence)
                if message:
                    yield self.on(page, fence.line - 1, message)
            for line, span in shown_commands(page):
                fault = fault_of(line)
                if fault:
                    yield self.on(page, span, fault)


def _fault(fence: Fence) -> str:
    if "not-run" in fence.options and not fence.options["not-run"].strip():
        return 'the block is not run and does not say why: write not-run="reason"'
    if fence.language in _PARSERS:
        try:
            _PARSERS[fence.language](fence.text)
        except (SyntaxError, ValueError, YAMLError) as error:
            return f"the block is no {fence.language}: {str(error).splitlines()[0]}"
    return "" if fence.language or not fence.text.strip() else f"the block names no language, such as {min(SHELL)}"


_PARSERS: dict[str, Callable[[str], object]] = {
    "python": ast.parse,
    "json": json.loads,
    "yaml": lambda text: YAML(typ="safe").load(text),
}
