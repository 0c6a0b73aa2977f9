"""The program that tries a staged folder, in a process of its own: the one part of scaffold that imports torch.

It runs as a script with the path of a request, and writes its reply beside it; `scaffold.trial` makes the one and
reads the other.
"""

from __future__ import annotations

import importlib
import inspect
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

import torch
from diffusers.hooks.context_parallel import _get_submodule_by_name
from diffusers.hooks.tensor_parallel import resolve_tp_shard_specs
from torch import nn


# A tiny model has thousands of parameters; the forward of a real one would fill the memory.
_MOST_PARAMETERS = 50_000_000


def draw(kind: str, numbers: Sequence[Any], dtype: torch.dtype, generator: torch.Generator) -> Any:
    """An argument of `forward` as the `draw` of a spec describes it, its sizes being numbers by now."""
    if kind == "values":
        return torch.tensor(numbers, dtype=dtype)
    if kind == "each":
        return [draw("normal", shape, dtype, generator) for shape in numbers]
    if kind == "pair":
        return draw("normal", numbers, dtype, generator), draw("normal", numbers, dtype, generator)
    shape = [int(size) for size in numbers]
    if kind == "normal":
        return torch.randn(shape, generator=generator).to(dtype)
    if kind == "sides":
        return [[tuple(shape)]] * 2
    if kind in ("grid", "grid_batch"):
        places = torch.cartesian_prod(*(torch.arange(size) for size in shape))
        return places if kind == "grid" else places.expand(2, -1, -1)
    # A mask: the first of the batch keeps all, the others lose more and more of the end.
    kept = torch.arange(shape[-1]) < shape[-1] - 2 * torch.arange(shape[0])[:, None]
    return kept.to(dtype)


def try_folder(request: dict[str, Any]) -> dict[str, Any]:
    """Build every configuration without memory, run the tiny one, and find all that its plans for devices name.

    Returns:
        What failed (`import`, `build`, `forward` or `plan`), with the error and where in the model it arose; nothing
        if all went well.
    """
    folder = Path(request["folder"])
    try:
        model_class = getattr(import_model(folder), request["model"])
    except Exception as error:
        return {"failed": "import", "error": _described(error)}
    for index, config in enumerate(request["configurations"]):
        try:
            with torch.device("meta"):
                model = model_class(**_tuples(config))
        except Exception as error:
            return {
                "failed": "build",
                "configuration": index,
                "error": _described(error),
                "at": _class_at(error, folder),
            }
    # The tiny configuration is the last.
    parameters = sum(parameter.numel() for parameter in model.parameters())
    if parameters > _MOST_PARAMETERS:
        return {"failed": "size", "parameters": parameters}
    torch.manual_seed(0)
    model = model_class(**_tuples(request["configurations"][-1])).eval()
    generator = torch.Generator().manual_seed(0)
    inputs = {
        name: draw(kind, numbers, torch.float32, generator) for name, (kind, numbers) in request["inputs"].items()
    }
    try:
        with torch.no_grad():
            model(**inputs, return_dict=False)
    except Exception as error:
        return {"failed": "forward", "error": _described(error), "at": _path_at(error, model)}
    return _try_plans(model)


def _try_plans(model: Any) -> dict[str, Any]:
    """The first entry of a plan for several devices that the model cannot follow, or nothing."""
    for name, share in (model._cp_plan or {}).items():
        try:
            modules = _get_submodule_by_name(model, name)
        except ValueError as error:
            return {"failed": "plan", "key": "context_parallel", "name": name, "error": _described(error)}
        for argument in share if isinstance(share, dict) else ():
            for module in modules if isinstance(modules, list) else [modules]:
                if isinstance(argument, str) and argument not in inspect.signature(module.forward).parameters:
                    taken = f"`forward` of {type(module).__name__} takes no `{argument}`"
                    return {
                        "failed": "plan",
                        "key": "context_parallel",
                        "name": name,
                        "argument": argument,
                        "error": taken,
                    }
    for name, style in (model._tp_plan or {}).items():
        try:
            resolve_tp_shard_specs(model, {name: style}, 1)
        except (AttributeError, ValueError) as error:
            return {"failed": "plan", "key": "tensor_parallel", "name": name, "error": _described(error)}
    return {}


def import_model(folder: Path) -> ModuleType:
    """The module `model` of the folder, without the pipeline and all that its `__init__` imports."""
    package = ModuleType(folder.name)
    package.__path__ = [str(folder)]
    sys.modules[folder.name] = package
    return importlib.import_module(f"{folder.name}.model")


def _tuples(config: dict[str, Any]) -> dict[str, Any]:
    """The config as a constructor takes it; JSON knows no tuples."""
    return {key: tuple(value) if isinstance(value, list) else value for key, value in config.items()}


def _described(error: Exception) -> str:
    return f"{type(error).__name__}: {' '.join(str(error).split())}"


def _modules_on_the_way(error: Exception) -> list[nn.Module]:
    """The modules in whose methods the error arose, from the outermost to the innermost."""
    found = []
    trace = error.__traceback__
    while trace is not None:
        owner = trace.tb_frame.f_locals.get("self")
        if isinstance(owner, nn.Module):
            found.append(owner)
        trace = trace.tb_next
    return found


def _class_at(error: Exception, folder: Path) -> str | None:
    """The innermost class of the folder in which the error arose."""
    classes = [type(module) for module in _modules_on_the_way(error)]
    own = [each.__name__ for each in classes if each.__module__.startswith(f"{folder.name}.")]
    return own[-1] if own else None


def _path_at(error: Exception, model: nn.Module) -> str | None:
    """The path of the innermost module in which a forward failed, such as `blocks.0.attn1`."""
    paths = {module: path for path, module in model.named_modules()}
    found = [paths[module] for module in _modules_on_the_way(error) if paths.get(module)]
    return found[-1] if found else None


def main() -> None:
    """Answer the request whose path is the argument."""
    request = Path(sys.argv[1])
    reply = try_folder(json.loads(request.read_text(encoding="utf-8")))
    request.with_name("reply.json").write_text(json.dumps(reply), encoding="utf-8")


if __name__ == "__main__":
    main()
