"""`scaffold list`: the presets, each with what was verified of it."""

from __future__ import annotations

import click

from scaffold.loading import load_spec, preset_names, read_verified
from scaffold.spec import Spec


@click.command("list")
def list_presets() -> None:
    """Show the presets: what each is, what was verified of it, and what its folder holds beside model and tests."""
    specs = [load_spec(name) for name in preset_names()]
    verified = read_verified()
    width = max(len(spec.name) for spec in specs)
    for spec in specs:
        cases = verified.cases.get(spec.name)
        seen = f"equal in {cases} cases" if cases else "not compared yet"
        click.echo(f"{spec.name:<{width}}  {spec.title}: {spec.summary[0].lower()}{spec.summary[1:]}")
        click.echo(f"{'':<{width}}  {spec.counterpart}: {seen}; {_holds(spec)}")
    click.echo(f"Compared on {verified.date} with diffusers {verified.diffusers}, outputs and gradients, float32.")


def _holds(spec: Spec) -> str:
    parts = {
        "pipeline": spec.pipeline,
        "image to image": spec.pipeline and spec.pipeline.image_to_image,
        "image to video": spec.pipeline and spec.pipeline.image_to_video,
        "few steps": spec.pipeline and spec.pipeline.distilled,
        "original weights": spec.weights,
        "LoRA formats": spec.lora,
    }
    return ", ".join(part for part, there in parts.items() if there) or "the model alone"
