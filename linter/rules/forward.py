"""FWD: what runs in `forward`, in a processor's `__call__`, and in the helpers of the project that they reach."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from linter.facts import Call, Condition, FunctionFacts, Span
from linter.findings import Finding
from linter.project import Function, Module
from linter.rules.base import Rule


GUIDE = "models.md#forward-and-torchcompile"


@dataclass(frozen=True)
class Running:
    """A function that runs in a forward.

    `place` is where this file leads to it, None where it is of this file itself.
    """

    function: Function
    entry: Function
    place: Span | None


def running(module: Module) -> Iterator[Running]:
    """The functions that the forwards of a file run: of this file, and those of other files that it calls."""
    seen: set[int] = set()
    for cls in module.classes.values():
        entry = cls.own_methods.get("__call__" if cls.is_processor else "forward")
        if entry is None or not (cls.is_processor or cls.is_module):
            continue
        for function in entry.reached:
            if function.module is module and id(function.facts) not in seen:
                seen.add(id(function.facts))
                yield Running(function, entry, None)
                yield from _outside(module, function, entry, seen)


def _outside(module: Module, function: Function, entry: Function, seen: set[int]) -> Iterator[Running]:
    """What the calls of one function lead to in other files; a helper is told of once a file, at the first call."""
    for call in function.facts.calls:
        callee = function.callee(call)
        if isinstance(callee, Function) and callee.module is not module:
            for reached in callee.reached:
                if reached.module is not module and id(reached.facts) not in seen:
                    seen.add(id(reached.facts))
                    yield Running(reached, entry, call.span)


def guard_texts(facts: FunctionFacts, guards: tuple[int, ...]) -> Iterator[str]:
    """The source of the conditions that hold, or do not hold, at a place."""
    for index in guards:
        yield facts.conditions[index if index >= 0 else ~index].text


class ForwardRule(Rule):
    """What the rules of this family share: where a finding about a forward is placed and how it is told."""

    def told(self, module: Module, where: Running, span: Span, message: str) -> Finding:
        """A finding at the place itself, or at this file's call that leads to it."""
        if where.place is None:
            through = "" if where.function.facts is where.entry.facts else f", which `{where.entry.qualname}` reaches"
            return self.finding(module, span, message + through, where.function)
        other = where.function.module
        message = f"{message}, in `{where.function.qualname}` ({other.name}:{span.line}), which this call reaches"
        return self.finding(module, where.place, message, where.entry)


class NumpyInForward(ForwardRule):
    """NumPy is used in a forward.

    ## What it does
    Finds calls and attributes of NumPy, under any import name, in `forward`, in a processor's `__call__` and in the
    project's helpers that they reach.

    ## Why is this bad?
    `torch.compile` breaks the graph or recompiles, the computation leaves the device, and gradients stop.

    ## Exceptions
    Constants such as `np.pi`, branches for inputs that are NumPy arrays, and arithmetic on Python integers (`np.prod`
    of a shape).
    """

    code = "FWD001"
    name = "numpy-in-forward"
    guide = GUIDE
    bad = """
        import numpy as xp
        import torch
        from torch import nn


        def frequencies(dim):
            return torch.from_numpy(xp.arange(dim))  #!


        class TinyEmbedding(nn.Module):
            def forward(self, hidden_states):
                return hidden_states * frequencies(hidden_states.shape[-1])
    """
    good = """
        import torch
        from torch import nn


        def frequencies(dim, device):
            return torch.arange(dim, device=device)


        class TinyEmbedding(nn.Module):
            def forward(self, hidden_states):
                return hidden_states * frequencies(hidden_states.shape[-1], hidden_states.device)
    """

    _CONSTANTS = frozenset({"pi", "e", "inf", "nan", "newaxis", "ndarray", "generic"})
    _ON_INTEGERS = frozenset({"prod", "ceil", "floor", "log2", "sqrt", "lcm", "gcd"})

    def check(self, module: Module) -> Iterator[Finding]:
        for where in running(module):
            facts = where.function.facts
            uses: dict[int, tuple[str, Span]] = {}
            for call in facts.calls:
                name = self._numpy_name(where.function, call.path)
                if name and name not in self._ON_INTEGERS and not self._for_arrays(facts, call.guards):
                    uses.setdefault(call.span.line, (call.path, call.span))
            for read in facts.reads:
                name = self._numpy_name(where.function, read.path)
                if name and read.test < 0 and read.call < 0 and not self._for_arrays(facts, read.guards):
                    uses.setdefault(read.span.line, (read.path, read.span))
            for path, span in uses.values():
                yield self.told(module, where, span, f"`{path}` is NumPy in a forward; use torch")

    def _numpy_name(self, function: Function, path: str) -> str:
        target = function.target(path)
        name = target.removeprefix("numpy.").partition(".")[0]
        return name if target.startswith("numpy.") and name not in self._CONSTANTS else ""

    def _for_arrays(self, facts: FunctionFacts, guards: tuple[int, ...]) -> bool:
        return any("ndarray" in text for text in guard_texts(facts, guards))


class GraphBreak(ForwardRule):
    """A forward leaves the graph: it reads a tensor's value in Python, prints, or moves to the CPU.

    ## What it does
    Finds `.item()`, `.tolist()`, `.numpy()`, `.cpu()`, `print`, `float`/`int`/`bool` of a tensor and branches on a
    tensor's value in `forward`, in a processor's `__call__` and in the project's helpers that they reach.

    ## Why is this bad?
    `torch.compile(fullgraph=True)` fails there, and on an accelerator every one waits for the device.

    ## Exceptions
    Code under `torch.compiler.is_compiling()` or `torch.jit.is_scripting()`, and NumPy arrays.
    """

    code = "FWD002"
    name = "graph-break"
    guide = GUIDE
    bad = """
        import torch
        from torch import nn


        class TinyBlock(nn.Module):
            def forward(self, hidden_states: torch.Tensor, attention_mask: torch.Tensor):
                if attention_mask.all():  #!
                    attention_mask = None
                length = attention_mask.sum().item()  #!
                return hidden_states[:, :length]
    """
    good = """
        import torch
        from torch import nn


        class TinyBlock(nn.Module):
            def forward(self, hidden_states: torch.Tensor, attention_mask: torch.Tensor | None = None):
                if attention_mask is None:
                    return hidden_states
                return hidden_states * attention_mask[:, :, None]
    """

    _METHODS = frozenset({"item", "tolist", "numpy", "cpu"})
    _REDUCTIONS = frozenset({"any", "all", "equal", "allclose", "isnan", "isinf", "is_nonzero", "max", "min", "sum"})
    _CASTS = frozenset({"float", "int", "bool"})
    _EAGER_ONLY = re.compile(
        r"is_compiling|is_scripting|is_tracing|is_dynamo_compiling|is_torch_compiling|isinstance\("
    )

    def check(self, module: Module) -> Iterator[Finding]:
        for where in running(module):
            facts = where.function.facts
            tensors = Tensors(where.function)
            told: set[Span] = set()
            for call in facts.calls:
                message = self._message(where.function, call, tensors)
                if not message or any(self._EAGER_ONLY.search(text) for text in guard_texts(facts, call.guards)):
                    continue
                place = facts.conditions[call.test].span if call.test >= 0 else call.span
                if place not in told:
                    told.add(place)
                    yield self.told(module, where, place, message)

    def _message(self, function: Function, call: Call, tensors: Tensors) -> str:
        condition: Condition | None = function.facts.conditions[call.test] if call.test >= 0 else None
        if call.method in self._METHODS and call.receiver and not call.arguments:
            if tensors.surely_not(call.receiver):
                return ""
            return f"`.{call.method}()` takes the tensor's value out of the graph"
        if call.path == "print" and function.target("print") == "print":
            return "`print` in a forward"
        if call.path in self._CASTS and len(call.arguments) == 1 and tensors.is_tensor(call.arguments[0].path):
            return f"`{call.path}({call.arguments[0].path})` takes the tensor's value out of the graph"
        if condition is not None and condition.kind != "comprehension" and call.method in self._REDUCTIONS:
            of_torch = function.target(call.path).startswith("torch.")
            if of_torch or tensors.is_tensor(call.receiver):
                return f"a branch on a tensor's value: `{condition.text}`"
        return ""


class Tensors:
    """Which names of a function are surely tensors: annotated so, or made by torch or by a method of a tensor."""

    _OTHERS = re.compile(r"\b(list|tuple|dict|List|Tuple|Dict|Sequence|int|float|bool|str)\b")
    _PLAIN = re.compile(r"\.(shape|size\(\)|dim\(\)|ndim|dtype|device|numel\(\)|stride\(\)|element_size\(\))(\[\])?")
    _MAKERS = re.compile(
        r"torch\.(arange|zeros|ones|empty|full|rand|randn|cat|stack|tensor|linspace|where|einsum|matmul|bmm|sum|mean|exp|outer"
        r"|zeros_like|ones_like|empty_like|full_like|randn_like|cos|sin|clamp|softmax|norm|abs|max|min|sqrt|log)\(\)$"
    )

    def __init__(self, function: Function) -> None:
        self._names = {
            parameter.name
            for parameter in function.facts.parameters
            if re.search(r"\bTensor\b", parameter.annotation) and not self._OTHERS.search(parameter.annotation)
        }
        for write in function.facts.writes:
            if write.kind == "=" and "." not in write.target and not write.target.endswith("[]"):
                head = write.value.partition(".")[0].removesuffix("[]")
                made = self._MAKERS.match(function.target(write.value.removesuffix("()")) + "()")
                if made or (head in self._names and "." in write.value and self.is_tensor(write.value)):
                    self._names.add(write.target)

    def is_tensor(self, path: str) -> bool:
        """Whether a path is surely a tensor."""
        head = path.partition(".")[0].removesuffix("[]")
        return head in self._names and not self._PLAIN.search(path) and "?" not in path

    def surely_not(self, path: str) -> bool:
        """Whether a path is surely something else: a shape, or a constant."""
        return bool(self._PLAIN.search(path)) or path[:1] in "'\"0123456789"


class Float64(ForwardRule):
    """A forward computes in float64 where the device may not have it.

    ## What it does
    Finds `torch.float64`, `torch.double` and `.double()` in a forward and in what it reaches, unless a condition on
    the device or `maybe_adjust_dtype_for_device` guards them.

    ## Why is this bad?
    MPS and some NPUs have no float64: the model raises there. Elsewhere it is many times slower.

    ## Exceptions
    Comparisons with a dtype, and tensors that are made on the CPU.
    """

    code = "FWD005"
    name = "float64"
    guide = GUIDE
    bad = """
        import torch
        from torch import nn


        class TinyRotary(nn.Module):
            def forward(self, ids: torch.Tensor):
                return torch.outer(ids, torch.arange(0, 8, dtype=torch.float64, device=ids.device))  #!
    """
    good = """
        import torch
        from diffusers.utils.torch_utils import maybe_adjust_dtype_for_device
        from torch import nn


        class TinyRotary(nn.Module):
            def forward(self, ids: torch.Tensor):
                dtype = maybe_adjust_dtype_for_device(torch.float64, ids.device)
                return torch.outer(ids, torch.arange(0, 8, dtype=dtype, device=ids.device))
    """

    _GUARD = re.compile(r"mps|npu|xla|cuda|neuron|hpu|device|float64|double")
    _NAMES = frozenset({"torch.float64", "torch.double"})

    def check(self, module: Module) -> Iterator[Finding]:
        for where in running(module):
            facts = where.function.facts
            for read in facts.reads:
                if where.function.target(read.path) not in self._NAMES or read.test >= 0:
                    continue
                call = facts.calls[read.call] if read.call >= 0 else None
                if not self._guarded(facts, read.guards) and not self._harmless(call):
                    message = f"`{read.path}` in a forward; guard it with `maybe_adjust_dtype_for_device`"
                    yield self.told(module, where, read.span, message)
            for call in facts.calls:
                if call.method == "double" and call.receiver and not self._guarded(facts, call.guards):
                    message = "`.double()` in a forward; guard the dtype with `maybe_adjust_dtype_for_device`"
                    yield self.told(module, where, call.span, message)

    def _guarded(self, facts: FunctionFacts, guards: tuple[int, ...]) -> bool:
        return any(self._GUARD.search(text) for text in guard_texts(facts, guards))

    def _harmless(self, call: Call | None) -> bool:
        return call is not None and (
            call.method in ("maybe_adjust_dtype_for_device", "finfo") or call.argument("device") == "'cpu'"
        )


class Einops(ForwardRule):
    """einops is used where native tensor operations serve.

    ## What it does
    Finds calls of `einops`, under any import name, in modules: functions of a forward and layers made in `__init__`.

    ## Why is this bad?
    It is a dependency that the library does not take. `reshape`, `permute`, `unflatten` and `flatten` say the same and
    compile.
    """

    code = "FWD008"
    name = "einops"
    guide = GUIDE
    bad = """
        from einops import rearrange
        from torch import nn


        class TinyAttention(nn.Module):
            def forward(self, hidden_states):
                return rearrange(hidden_states, "b s (h d) -> b s h d", h=8)  #!
    """
    good = """
        from torch import nn


        class TinyAttention(nn.Module):
            def forward(self, hidden_states):
                return hidden_states.unflatten(-1, (8, -1))
    """

    def check(self, module: Module) -> Iterator[Finding]:
        told: set[Span] = set()
        inits = [
            Running(method, method, None)
            for cls in module.classes.values()
            if cls.is_module
            for method in cls.own_methods.values()
        ]
        for where in (*running(module), *inits):
            for call in where.function.facts.calls:
                target = where.function.target(call.path)
                place = where.place or call.span
                if target.startswith("einops.") and place not in told:
                    told.add(place)
                    message = f"`{call.path}` is einops; write it with `reshape`, `permute` or `unflatten`"
                    yield self.told(module, where, call.span, message)
