"""`scaffold inspect`: what a checkpoint is, read from the names and shapes in its header."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click
import msgspec

from scaffold.applying import write_file
from scaffold.commands.choosing import refuse
from scaffold.errors import ScaffoldError
from scaffold.inspecting.describing import as_spec, changed_defaults, grouped
from scaffold.inspecting.headers import Checkpoint, read_checkpoint
from scaffold.inspecting.proposing import Proposal, propose
from scaffold.inspecting.recognising import Recognition, recognise
from scaffold.loading import read_spec


JSON_VERSION = 1
# Names of a kind that are shown before the rest is counted.
_SHOWN = 12


@click.command("inspect")
@click.argument("checkpoint", type=click.Path(exists=True, path_type=Path))
@click.option(
    "--onto",
    type=click.Path(exists=True, path_type=Path),
    metavar="OURS",
    help="Propose how the names of CHECKPOINT become those of this checkpoint of the same model.",
)
@click.option("--write", type=click.Path(path_type=Path), metavar="FILE", help="Write a spec of it, ending in .yaml.")
@click.option("--json", "as_json", is_flag=True, help="Print the answer for programs.")
def inspect_checkpoint(checkpoint: Path, onto: Path | None, write: Path | None, as_json: bool) -> None:
    """Say which preset and which configuration a checkpoint is of.

    CHECKPOINT is a .safetensors file, the index of a sharded one, or a folder. Only headers are read, never tensors,
    and never a pickle. Ends with 1 where no preset has the names.
    """
    try:
        if onto is not None:
            proposal = propose(read_checkpoint(checkpoint).tensors, read_checkpoint(onto).tensors)
            click.echo(_proposal_as_json(proposal) if as_json else _proposal_as_text(proposal))
            raise SystemExit(1 if proposal.ambiguous or proposal.unmatched or proposal.unused else 0)
        read = read_checkpoint(checkpoint)
        found = recognise(read)
        if write is not None:
            _write(write, as_spec(found, read.tensors))
    except ScaffoldError as error:
        refuse(error)
    click.echo(_as_json(read, found) if as_json else _as_text(read, found))
    if write is not None and not as_json:
        click.echo(f"Wrote {write}; make its model with: scaffold model my-model --spec {write}")
        try:
            read_spec(write)
        except ScaffoldError as error:
            click.echo(f"Before it can be used: {error}")
    if not found.is_known:
        raise SystemExit(1)


def _write(path: Path, text: str) -> None:
    if path.suffix not in (".yaml", ".yml"):
        raise ScaffoldError(f"{path}: a spec's file ends in .yaml")
    if path.exists():
        raise ScaffoldError(f"{path} is there already; move it away or choose another name")
    write_file(path, text)


def _as_text(read: Checkpoint, found: Recognition) -> str:
    match, spec = found.match, found.spec
    layout = "of diffusers" if match.layout == "diffusers" else "of the original"
    prefix = f", each name after `{match.prefix}`" if match.prefix else ""
    size = f"{len(read.tensors):,} tensors, {read.parameters:,} numbers, {', '.join(read.dtypes)}"
    if found.is_known:
        lines = [f"{read.path}: {spec.title} (preset {spec.name}), in the layout {layout}{prefix}", size]
    else:
        share = round(100 * match.score[0])
        lines = [
            f"{read.path}: of no preset; the nearest is {spec.title} (preset {spec.name}), whose layout {layout} has "
            f"{share} % of its names{prefix}",
            f"{found.problem}",
            size,
        ]
        lines += _listed(f"It has beside {spec.name}:", grouped(match.unknown, read.tensors))
        lines += _listed("It lacks:", list(match.missing))
    if found.others:
        lines.append(f"Its names are as much those of: {', '.join(found.others)}")
    if found.published:
        lines.append(f"Published as: {', '.join(found.published)}")
    lines.append("")
    width = max(map(len, spec.config))
    for key, entry in spec.config.items():
        value = found.config.get(key, entry.default)
        default = "the preset's default: " + found.unreadable.get(key, "no tensor shows it")
        source = f"from {found.sources[key]}" if key in found.sources else default
        lines.append(f"  {key:<{width}}  {_yaml(value):<14}  {source}")
    for key, value in found.disagreements.items():
        lines.append(f"config.json says {key} = {_yaml(found.config[key])}, and the shapes say {_yaml(value)}")
    if found.is_known:
        settings = "".join(f" --set {key}={_yaml(value)}" for key, value in changed_defaults(found).items())
        lines += ["", f"To make a model of it: scaffold model my-model --from {spec.name}{settings}"]
    return "\n".join(lines)


def _as_json(read: Checkpoint, found: Recognition) -> str:
    return _json(
        {
            "version": JSON_VERSION,
            "checkpoint": str(read.path),
            "tensors": len(read.tensors),
            "parameters": read.parameters,
            "dtypes": list(read.dtypes),
            "preset": found.spec.name,
            "recognised": found.is_known,
            "problem": found.problem,
            "layout": found.match.layout,
            "prefix": found.match.prefix,
            "config": found.config,
            "sources": found.sources,
            "disagreements": found.disagreements,
            "published": list(found.published),
            "unknown": list(found.match.unknown),
            "missing": list(found.match.missing),
        }
    )


def _proposal_as_text(proposal: Proposal) -> str:
    lines = ["rules:"]
    for pair in proposal.pairs:
        ours = pair.ours[0] if len(pair.ours) == 1 else f"[{', '.join(map(_quoted, pair.ours))}]"
        lines.append(f"  - {{original: {_quoted(pair.original)}, diffusers: {_quoted(ours)}}}  # by {pair.why}")
    for title, names in (
        (
            "Not decided, because several fit as well as one another",
            [f"{name}: {', or '.join(fits)}" for name, fits in proposal.ambiguous.items()],
        ),
        ("Nothing of ours fits", list(proposal.unmatched)),
        ("Nothing of the original fits", list(proposal.unused)),
    ):
        if names:
            lines += [f"# {title}:", *(f"#   {name}" for name in names)]
    return "\n".join(lines)


def _proposal_as_json(proposal: Proposal) -> str:
    return _json({"version": JSON_VERSION, **msgspec.to_builtins(proposal)})


def _listed(title: str, names: list[str]) -> list[str]:
    if not names:
        return []
    rest = [f"  and {len(names) - _SHOWN} more"] if len(names) > _SHOWN else []
    return [title, *(f"  {name}" for name in names[:_SHOWN]), *rest]


def _quoted(name: str) -> str:
    return f'"{name}"' if "{" in name and not name.startswith("[") else name


def _yaml(value: Any) -> str:
    return msgspec.json.encode(value).decode().replace(",", ", ")


def _json(value: Any) -> str:
    return msgspec.json.format(msgspec.json.encode(value), indent=2).decode()
