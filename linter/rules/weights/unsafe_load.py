"""WGT004 unsafe-load."""

from __future__ import annotations

from collections.abc import Iterator

from linter.facts import Call
from linter.findings import Finding
from linter.project import Function, Module
from linter.rules.base import Rule
from linter.rules.weights import GUIDE


_LOADERS = ("load", "loads", "Unpickler")
_UNPICKLERS = frozenset(
    f"{library}.{name}" for library in ("pickle", "dill", "cloudpickle", "joblib") for name in _LOADERS
)


class UnsafeLoad(Rule):
    """Weights are loaded in a way that runs code out of the file.

    ## What it does
    Finds `torch.load` that does not pass `weights_only=True`, and `pickle` and its kin.

    ## Why is this bad?
    A checkpoint is data from somebody else. Unpickled, it runs what its author wants. Which default `weights_only` has
    depends on the version of torch.

    ## Exceptions
    Calls that pass their keywords on from a mapping, and `weights_only` that holds a variable: what it holds cannot be
    seen.
    """

    code = "WGT004"
    name = "unsafe-load"
    guide = GUIDE
    bad = """
        import pickle

        import torch


        def load(path):
            with open(path, "rb") as file:
                config = pickle.load(file)  #!
            return config, torch.load(path, map_location="cpu")  #!
    """
    good = """
        import json

        import torch
        from safetensors.torch import load_file


        def load(path, other, config):
            with open(config) as file:
                return json.load(file), load_file(path), torch.load(other, map_location="cpu", weights_only=True)
    """

    words = frozenset(_LOADERS)

    def check(self, module: Module) -> Iterator[Finding]:
        for definition in module.definitions.values():
            if not isinstance(definition, Function):
                continue
            for call in definition.facts.calls:
                target = definition.target(call.path)
                if target in _UNPICKLERS:
                    message = f"`{target}` runs code out of the file; load with safetensors"
                    yield self.finding(module, call.span, message, definition)
                elif target in ("torch.load", "torch.serialization.load") and _may_unpickle(call):
                    yield self.finding(module, call.span, "`torch.load` without `weights_only=True`", definition)


def _may_unpickle(call: Call) -> bool:
    if any(argument.name == "**" for argument in call.arguments):
        return False
    return call.argument("weights_only") in (None, "False", "None")
