"""`linter rules`: list and explain the rules."""

from __future__ import annotations

import json

import click

from linter.commands.request import refusing


@click.command("rules")
@click.argument("codes", nargs=-1)
@click.option("--output-format", type=click.Choice(["text", "json"]), default="text", show_default=True)
@refusing
def rules_command(codes: tuple[str, ...], output_format: str) -> None:
    """List the rules, or explain those named by CODES (codes or families)."""
    from linter.documentation import rule_page
    from linter.rules import all_rules, rules_by_code
    from linter.selection import expand

    wanted = [rules_by_code()[code] for code in sorted(expand(codes))] if codes else list(all_rules())
    if output_format == "json":
        listed = [
            {
                "code": rule.code,
                "name": rule.name,
                "severity": rule.severity.value,
                "fix": rule.fixes and rule.fixes.value,
                "since": rule.since,
                "guide": rule.guide,
                "summary": rule.summary(),
            }
            for rule in wanted
        ]
        click.echo(json.dumps({"schema": 1, "rules": listed}, indent=2))
    elif codes:
        click.echo("\n".join(rule_page(rule) for rule in wanted).rstrip())
    else:
        width = max(len(rule.name) for rule in wanted)
        for rule in wanted:
            click.echo(f"{click.style(rule.code, bold=True)}  {rule.name:<{width}}  {rule.summary()}")
