"""Runs a module's forward in steps: it halts whenever a watched submodule is entered or left.

Two forwards that halt in turn can be compared while the tensors of both are at hand, so none has to be kept.
"""

from __future__ import annotations

import inspect
import threading
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Any

import torch
from torch import nn

from parity.observing import watched
from parity.seeding import GeneratorStates, seeded
from parity.tensors import named_tensors


@dataclass(frozen=True)
class Halt:
    """Where a forward halted.

    Attributes:
        path: The submodule's path.
        leaves: Whether it is being left; else it is being entered.
        call: How often it was called before.
        tensors: What it takes, or what it returns, by place. They belong to the forward, which goes on with them.
    """

    path: str
    leaves: bool
    call: int
    tensors: dict[str, torch.Tensor]


class _Cancelled(BaseException):
    """Unwinds a forward that nobody waits for any more."""


class Steps:
    """One forward, in a thread of its own that runs only while `advance` waits for it.

    Global random generators are exchanged at each turn, so that two forwards do not draw from each other's.

    Args:
        module: The module, in eval mode.
        inputs: Keyword arguments of its forward; they are copied.
        paths: The submodules to halt at.
        seed: For global random generators.
    """

    def __init__(self, module: nn.Module, inputs: Mapping[str, Any], paths: Iterable[str], seed: int) -> None:
        self._module, self._paths = module, list(paths)
        self._inputs = {key: each.clone() if isinstance(each, torch.Tensor) else each for key, each in inputs.items()}
        with seeded(seed):
            self._generators = GeneratorStates.now()
        self._turn, self._halted = threading.Semaphore(0), threading.Semaphore(0)
        self._halt: Halt | None = None
        self._error: BaseException | None = None
        self._cancelled = False
        self._calls: Counter[str] = Counter()
        self._names = {path: _parameter_names(module.get_submodule(path)) for path in self._paths}
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> Steps:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._cancelled = True
        if self._thread.is_alive():
            self._turn.release()
            self._thread.join()

    def advance(self) -> Halt | None:
        """Runs to the next halt and returns it, or None at the end.

        Raises:
            Exception: What the forward raised.
        """
        outside = GeneratorStates.now()
        self._generators.restore()
        try:
            if self._thread.ident is None:
                self._thread.start()
            else:
                self._turn.release()
            self._halted.acquire()
        finally:
            self._generators = GeneratorStates.now()
            outside.restore()
        if self._error is not None:
            raise self._error
        return self._halt

    def _run(self) -> None:
        try:
            # Whether gradients are recorded is a matter of each thread.
            with torch.no_grad(), watched(self._module, self._paths, self._entered, self._left):
                self._module(**self._inputs)
        except _Cancelled:
            return
        except BaseException as error:
            self._error = error
        self._halt = None
        self._halted.release()

    def _entered(self, path: str, arguments: tuple[Any, ...], named: dict[str, Any]) -> None:
        names = self._names[path]
        places = [names[index] if index < len(names) else str(index) for index in range(len(arguments))]
        self._stop_at(path, False, self._calls[path], {**dict(zip(places, arguments, strict=True)), **named})

    def _left(self, path: str, arguments: tuple[Any, ...], named: dict[str, Any], result: Any) -> None:
        self._calls[path] += 1
        self._stop_at(path, True, self._calls[path] - 1, result)

    def _stop_at(self, path: str, leaves: bool, call: int, values: Any) -> None:
        found = {name: leaf.detach() for name, leaf in named_tensors(values) if isinstance(leaf, torch.Tensor)}
        self._halt = Halt(path, leaves, call, found)
        self._halted.release()
        self._turn.acquire()
        self._halt = None
        if self._cancelled:
            raise _Cancelled


def _parameter_names(module: nn.Module) -> list[str]:
    kinds = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    return [each.name for each in inspect.signature(module.forward).parameters.values() if each.kind in kinds]
