"""WGT005 chunk-order."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from itertools import pairwise

from linter.findings import Finding, Severity
from linter.project import Class, Function, Module
from linter.project.profiles import LIBRARIES
from linter.project.queries import kept_query
from linter.project.single_file import single_file_table
from linter.project.submodules import place_of
from linter.rules.base import Rule
from linter.rules.weights import GUIDE, conversion, value_of


_SWAP = re.compile(r"swap_(scale_shift|shift_scale|halves)$")
_CONVERTED_BY = "checkpoint_mapping_fn"


class ChunkOrder(Rule):
    """A layer unpacks shift and scale in the order of the original, though the mapping swaps them on the way.

    ## What it does
    For a model that loads from a single file, reads which keys its conversion passes through `swap_scale_shift`, goes
    to the layer that such a key belongs to, and looks at the order in which its `forward` unpacks the chunks. Swapped
    weights hold scale first.

    ## Why is this bad?
    Scale is added where shift belongs. Everything loads, every shape fits, and the pictures are wrong.

    ## Exceptions
    Keys that are put together at run time, and layers that one of several classes is built as.
    """

    code = "WGT005"
    name = "chunk-order"
    severity = Severity.ADVICE
    guide = GUIDE
    profiles = LIBRARIES
    bad = {
        "tinylib/__init__.py": '_import_structure = {"models": ["TinyModel"]}\n',
        "tinylib/loaders/__init__.py": "",
        "tinylib/loaders/single_file_model.py": """
            def swap_scale_shift(weight):
                shift, scale = weight.chunk(2, dim=0)
                return torch.cat([scale, shift], dim=0)


            def convert_tiny_to_diffusers(checkpoint):
                converted = {}
                converted["norm_out.linear.weight"] = swap_scale_shift(checkpoint.pop("final.adaLN.weight"))
                return converted


            SINGLE_FILE_LOADABLE_CLASSES = {
                "TinyModel": {"checkpoint_mapping_fn": convert_tiny_to_diffusers},
            }
        """,
        "tinylib/models.py": """
            from torch import nn


            class ModelMixin(nn.Module):
                pass


            class TinyNorm(nn.Module):
                def __init__(self):
                    super().__init__()
                    self.linear = nn.Linear(8, 16)

                def forward(self, x, emb):
                    shift, scale = self.linear(emb).chunk(2, dim=1)
                    return x * (1 + scale) + shift


            class TinyModel(ModelMixin):
                def __init__(self):
                    super().__init__()
                    self.norm_out = TinyNorm()  #!
        """,
    }
    good = {
        **bad,
        "tinylib/models.py": bad["tinylib/models.py"].replace("shift, scale =", "scale, shift =").replace("  #!", ""),
    }

    def check(self, module: Module) -> Iterator[Finding]:
        for cls in module.classes.values():
            converter = _conversion_of(cls) if cls.is_model else None
            for key in _swapped(converter) if converter else ():
                layer = _layer_of(cls, key)
                if layer is not None and _unpacks_shift_first(layer):
                    message = f"`{layer.name}` unpacks shift before scale, and the conversion swaps the two in `{key}`"
                    built = cls.members.get(key.partition(".")[0])
                    yield self.finding(module, built[0].span if built else cls.facts.header, message, cls)


def _conversion_of(cls: Class) -> Function | None:
    """The function that converts a model's original checkpoints, by the table of what loads from a single file."""
    table = single_file_table(cls.module)
    return _converters(table.module).get(cls.name) if table else None


@kept_query
def _converters(home: Module) -> dict[str, Function]:
    """The functions that convert for the classes in the table of what loads from a single file."""
    table = single_file_table(home)
    classes = value_of(home, table.attribute) if table else None
    found = {}
    for cls, entry in zip(classes.keys, classes.values, strict=True) if isinstance(classes, ast.Dict) else ():
        for key, value in zip(entry.keys, entry.values, strict=True) if isinstance(entry, ast.Dict) else ():
            converter = home.find(value.id) if _text(key) == _CONVERTED_BY and isinstance(value, ast.Name) else None
            if isinstance(converter, Function):
                found[_text(cls)] = converter
    return found


@kept_query
def _swapped(function: Function) -> tuple[str, ...]:
    """The keys, with `{}` for what is put in at run time, whose halves a conversion swaps."""
    found = conversion(function) if function.facts.mentions("swap_") else None
    keys = []
    for node in ast.walk(found.tree) if found else ():
        value, target = (node.value, node.targets[0]) if isinstance(node, ast.Assign) else (None, None)
        if isinstance(value, ast.Call) and isinstance(target, ast.Subscript):
            keys += [_text(target.slice)] if _SWAP.search(ast.unparse(value.func)) else []
    return tuple(key for key in dict.fromkeys(keys) if key)


def _text(node: ast.expr | None) -> str:
    """A string constant, or an f-string with `{}` for its parts; empty for anything else."""
    if isinstance(node, ast.JoinedStr):
        return "".join(_text(part) if isinstance(part, ast.Constant) else "{}" for part in node.values)
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else ""


def _layer_of(cls: Class, key: str) -> Class | None:
    """The class of the layer of a model that holds the weight of a key; None where that may be one of several."""
    # The last two names are the linear layer's in it and its weight's.
    names = ["*" if "{" in name else name for name in key.split(".")[:-2]]
    classes = place_of(cls, ".".join(names)).classes
    return classes[0] if len(classes) == 1 else None


def _unpacks_shift_first(layer: Class) -> bool:
    forward = layer.method("forward")
    writes = forward.facts.writes if forward else ()
    pairs = [
        (first.target, second.target)
        for first, second in pairwise(writes)
        if first.span.line == second.span.line and {first.target, second.target} == {"shift", "scale"}
    ]
    return pairs == [("shift", "scale")]
