"""Weight mappings that are written as rules in a file, in the grammar of a spec's `weights`."""

from __future__ import annotations

import re
from collections.abc import Mapping

import msgspec
import torch

from parity.errors import ParityError, nearest_name
from parity.sides.documents import read_mapping
from parity.sides.mapping import WeightMapping
from scaffold.spec.checkpoints import KeyRule
from scaffold.spec.node import Node


# Only the first number of a name is a block's; `img_mlp.0` and `to_out.0` are names.
_NUMBER = re.compile(r"(?<=\.)\d+(?=\.)")
# Names without a rule that a message lists.
_SHOWN = 3


class Renaming(Node, frozen=True):
    """What `scaffold inspect --onto` prints, and what stands under `weights` in a spec.

    Attributes:
        rules: One a name of the reference, with what it becomes in the candidate.
        prefix: What the reference puts before every name, if it does.
    """

    rules: tuple[KeyRule, ...]
    prefix: str = ""


def read_renaming(source: str) -> WeightMapping:
    """Reads a YAML or JSON file of rules.

    Raises:
        ParityError: If it cannot be read, or a rule is not one.
    """
    content = read_mapping(source, "mapping")
    try:
        renaming = msgspec.convert({**content}, Renaming)
    except msgspec.ValidationError as error:
        raise ParityError(f"{source}: {_place(str(error))}") from None
    table = {original: (rule, targets) for rule in renaming.rules for original, targets in rule.tensors}

    def rename(state_dict: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        last = _last_blocks(table, state_dict, renaming.prefix)
        renamed: dict[str, torch.Tensor] = {}
        unknown = []
        for name, tensor in state_dict.items():
            key, block = _pattern(name.removeprefix(renaming.prefix), table, last)
            if key is None:
                unknown.append(name)
                continue
            rule, targets = table[key]
            parts = _cut(tensor, rule, f"{source}: `{name}`")
            for target, part in zip(targets, parts, strict=True):
                renamed[target.replace("{last}", block).replace("{}", block)] = part
        if unknown:
            rest = f" and {len(unknown) - _SHOWN} more" if len(unknown) > _SHOWN else ""
            hint = nearest_name(_NUMBER.sub("{}", unknown[0], count=1), table)
            names = ", ".join(f"`{name}`" for name in unknown[:_SHOWN])
            raise ParityError(f"{source}: no rule for {names}{rest} of the reference.{hint}")
        return renamed

    return WeightMapping(source, rename)


def _place(complaint: str) -> str:
    """A complaint of msgspec with the number of the rule in place of a path."""
    text, _, path = complaint.rpartition(" - at `$")
    number = re.match(r"\.rules\[(\d+)\]", path)
    where = f"rule {int(number[1]) + 1}: " if number else ""
    return (
        f"{where}{text or complaint}. A mapping has `rules`, each like "
        '`{original: "blocks.{}.qkv.weight", diffusers: ["layers.{}.to_q.weight", ...]}`.'
    )


def _last_blocks(table: Mapping[str, object], names: Mapping[str, object], prefix: str) -> dict[str, str]:
    """For each pattern with `{last}` the number of the last block."""
    found: dict[str, str] = {}
    for pattern in table:
        start, mark, _ = pattern.partition("{last}")
        if mark:
            numbers = [name.removeprefix(f"{prefix}{start}").partition(".")[0] for name in names]
            found[pattern] = str(max((int(each) for each in numbers if each.isdecimal()), default=0))
    return found


def _pattern(name: str, table: Mapping[str, object], last: Mapping[str, str]) -> tuple[str | None, str]:
    """The rule's name for a tensor, and the number of its block."""
    if name in table:
        return name, ""
    number = _NUMBER.search(name)
    if number is None:
        return None, ""
    for mark in ("{last}", "{}"):
        pattern = f"{name[: number.start()]}{mark}{name[number.end() :]}"
        if pattern in table and last.get(pattern, number.group()) == number.group():
            return pattern, number.group()
    return None, ""


def _cut(tensor: torch.Tensor, rule: KeyRule, place: str) -> tuple[torch.Tensor, ...]:
    """The tensors that one becomes.

    Raises:
        ParityError: If its rows cannot be cut as the rule says.
    """
    if rule.swap_halves:
        tensor = torch.cat(tensor.chunk(2)[::-1])
    count = len(rule.targets)
    if count == 1:
        return (tensor,)
    sizes = rule.parts or (1,) * (count * (rule.rounds or 1))
    if tensor.ndim == 0 or tensor.shape[0] % sum(sizes):
        raise ParityError(f"{place}: {tuple(tensor.shape)} cannot be cut into parts of {sizes} along its first axis.")
    unit = tensor.shape[0] // sum(sizes)
    pieces = torch.split(tensor, [unit * size for size in sizes])
    # Where parts are dealt out in turn, each name gets every so many-th.
    return tuple(torch.cat(pieces[first::count]) if rule.rounds else pieces[first] for first in range(count))
