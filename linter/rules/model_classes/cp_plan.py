"""MOD008 cp-plan."""

from __future__ import annotations

import re
from collections.abc import Iterator

from linter.facts import Span
from linter.findings import Finding
from linter.project import Class, Function, Module
from linter.project.parallel_plans import PLAN, Part, Shard, plan_of
from linter.project.ranks import rank_of
from linter.project.submodules import place_of
from linter.project.tensors import Tensors
from linter.rules.base import Rule
from linter.rules.model_classes import GUIDE


class CpPlan(Rule):
    """`_cp_plan` names a submodule or an argument that does not exist, or splits tensors that have another shape.

    ## What it does
    Follows each key of the plan through what the model builds, `*` and numbers through its module lists, and compares
    the arguments with the `forward` found there, the places with what that `forward` returns, and `expected_dims` with
    how it unpacks the shape, with the shape that its docstring names, and with the dimension that is split.

    ## Why is this bad?
    A wrong name raises, on several devices only. A wrong number of dimensions does not even raise: the tensor is left
    whole, and each device computes with the wrong tokens.

    ## Exceptions
    Submodules whose class cannot be known, and forwards that take any keyword.
    """

    code = "MOD008"
    name = "cp-plan"
    guide = GUIDE
    bad = """
        from diffusers.configuration_utils import ConfigMixin, register_to_config
        from diffusers.models._modeling_parallel import ContextParallelInput, ContextParallelOutput
        from diffusers.models.modeling_utils import ModelMixin
        from torch import nn


        class TinyBlock(nn.Module):
            def forward(self, hidden_states):
                batch_size, tokens, width = hidden_states.shape
                return hidden_states.reshape(batch_size, tokens, width)


        class TinyModel(ModelMixin, ConfigMixin):
            _cp_plan = {
                "": {"image_ids": ContextParallelInput(split_dim=0, expected_dims=2)},  #!
                "blocks.0": {"hidden_states": ContextParallelInput(split_dim=1, expected_dims=4)},  #!
                "final_layer": ContextParallelOutput(gather_dim=1, expected_dims=3),  #!
            }

            @register_to_config
            def __init__(self, num_layers: int = 2):
                super().__init__()
                self.blocks = nn.ModuleList([TinyBlock() for _ in range(num_layers)])
                self.proj_out = nn.Linear(8, 8)

            def forward(self, hidden_states, img_ids):
                return hidden_states
    """
    good = (
        bad.replace("image_ids", "img_ids")
        .replace("split_dim=1, expected_dims=4", "split_dim=1, expected_dims=3")
        .replace("final_layer", "proj_out")
        .replace("  #!", "")
    )

    def check(self, module: Module) -> Iterator[Finding]:
        for cls in module.classes.values():
            own = cls.own_attributes.get(PLAN)
            for part in plan_of(module, own) if own is not None and cls.is_module else ():
                place = place_of(cls, part.name)
                if part.name.count("*") > 1:
                    message = f"`{part.name}` of `{PLAN}` has more than one `*`, which the hooks do not follow"
                    yield self.finding(module, part.span, message, cls)
                elif place.no_list:
                    message = (
                        f"`*` in `{part.name}` of `{PLAN}` stands behind `{place.owner}`, which is no `ModuleList`"
                    )
                    yield self.finding(module, part.span, message, cls)
                elif place.missing:
                    message = f"`{PLAN}` names `{part.name}`, and `{place.owner}` has no `{place.missing}`"
                    yield self.finding(module, part.span, message, cls)
                else:
                    for span, message in _problems(part, place.classes, is_root=not part.name):
                        yield self.finding(module, span, message, cls)


def _problems(part: Part, classes: tuple[Class, ...], is_root: bool) -> Iterator[tuple[Span, str]]:
    """What the plan says of a submodule that cannot be, with its place."""
    forwards = [forward for cls in classes if (forward := cls.method("forward")) is not None]
    # Of several classes each may be the one that the plan is for.
    forward = forwards[0] if len(forwards) == len(classes) == 1 else None
    for shard in part.shards:
        yield from _wrong_kind(shard)
        yield from _wrong_argument(shard, forwards if len(forwards) == len(classes) else [])
        yield from _wrong_dims(shard, forward)
    # What a whole model returns depends on `return_dict`.
    if forward is None or is_root or (count := _outputs(forward)) is None:
        return
    for shard in part.shards:
        if isinstance(shard.key, int) and shard.key >= count:
            yield shard.key_span, f"`{forward.qualname}` returns {_tensors(count)}: there is none at {shard.key}"
    if part.gathers and part.complete and len(part.shards) != count:
        yield part.span, f"`{forward.qualname}` returns {_tensors(count)}, and the plan gathers {len(part.shards)}"


def _wrong_kind(shard: Shard) -> Iterator[tuple[Span, str]]:
    if isinstance(shard.key, int) and shard.of_output is False:
        yield shard.key_span, f"{shard.key} is a place among the outputs, which needs `split_output=True`"
    if isinstance(shard.key, str) and shard.of_output:
        yield shard.key_span, f"`split_output=True` needs the place of the output, and `{shard.key}` is an argument"


def _wrong_argument(shard: Shard, forwards: list[Function]) -> Iterator[tuple[Span, str]]:
    parameters = [parameter for forward in forwards for parameter in forward.facts.parameters]
    if not forwards or not isinstance(shard.key, str) or any(item.kind == "**" for item in parameters):
        return
    if shard.key not in {item.name for item in parameters if item.kind != "*"} - {"self"}:
        names = " and ".join(f"`{forward.qualname}`" for forward in forwards)
        yield shard.key_span, f"`{PLAN}` splits `{shard.key}`, which {names} does not take"


def _wrong_dims(shard: Shard, forward: Function | None) -> Iterator[tuple[Span, str]]:
    if shard.expected_dims is None:
        return
    if shard.dim is not None and not -shard.expected_dims <= shard.dim < shard.expected_dims:
        yield shard.span, f"a tensor of {shard.expected_dims} dimensions has no dimension {shard.dim}"
    elif forward is not None and isinstance(shard.key, str):
        rank = rank_of(forward, shard.key)
        if rank is not None and not rank.allows(shard.expected_dims):
            message = (
                f"`{shard.key}` has not {shard.expected_dims} dimensions: `{forward.qualname}` says `{rank.text}`"
            )
            yield shard.span, message


def _outputs(forward: Function) -> int | None:
    """How many tensors a forward returns; None where that is not sure."""
    tensors = Tensors(forward)
    counts = set()
    for item in forward.facts.returns:
        if item.is_tuple:
            starred = re.search(r"(return|[(,])\s*\*", forward.module.source.between(item.span))
            counts.add(None if starred else len(item.paths))
        else:
            counts.add(1 if item.paths and tensors.is_tensor(item.paths[0]) else None)
    return counts.pop() if len(counts) == 1 else None


def _tensors(count: int) -> str:
    return "one tensor" if count == 1 else f"{count} tensors"
