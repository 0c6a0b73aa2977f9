"""`scaffold list`: the presets, a line each."""

from __future__ import annotations

import click

from scaffold.loading import load_spec, preset_names


@click.command("list")
def list_presets() -> None:
    """Show the presets: what each is, and what its folder holds beside the model and its tests."""
    specs = [load_spec(name) for name in preset_names()]
    width = max(len(spec.name) for spec in specs)
    for spec in specs:
        parts = {"pipeline": spec.pipeline, "original weights": spec.weights, "LoRA formats": spec.lora}
        more = ", ".join(part for part, there in parts.items() if there)
        click.echo(f"{spec.name:<{width}}  {spec.title}: {spec.summary[0].lower()}{spec.summary[1:]}")
        click.echo(f"{'':<{width}}  equal to diffusers.{spec.counterpart}; with {more or 'no pipeline yet'}")
