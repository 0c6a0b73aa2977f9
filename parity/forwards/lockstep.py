"""Runs a forward that halts whenever a watched submodule is entered or left, and another that follows it.

Two forwards that halt at the same places can be compared while the tensors of both are at hand, so none has to be
kept. The one that leads runs where it was called; the one that follows runs in a thread of its own.
"""

from __future__ import annotations

import inspect
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from types import TracebackType
from typing import Any

import torch
from torch import nn

from parity.forwards.execution import own_inputs
from parity.forwards.observing import watched
from parity.forwards.outputs import named_tensors
from parity.forwards.seeding import GeneratorStates, seeded


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


@contextmanager
def halting(module: nn.Module, paths: Iterable[str], halted: Callable[[Halt], None]) -> Iterator[None]:
    """Calls back whenever a submodule is entered or left, for a block of code.

    Args:
        module: The module that the paths begin at.
        paths: The submodules to halt at.
        halted: Called at each halt; the forward goes on when it returns.
    """
    paths = list(paths)
    calls: Counter[str] = Counter()
    signatures = dict(zip(paths, _parameter_names(map(module.get_submodule, paths)), strict=True))

    def halt(path: str, leaves: bool, call: int, values: Any) -> None:
        tensors = {name: leaf.detach() for name, leaf in named_tensors(values) if isinstance(leaf, torch.Tensor)}
        halted(Halt(path, leaves, call, tensors))

    def entered(path: str, arguments: tuple[Any, ...], named: dict[str, Any]) -> None:
        names = signatures[path]
        places = [names[index] if index < len(names) else str(index) for index in range(len(arguments))]
        halt(path, False, calls[path], {**dict(zip(places, arguments, strict=True)), **named})

    def left(path: str, arguments: tuple[Any, ...], named: dict[str, Any], result: Any) -> None:
        calls[path] += 1
        halt(path, True, calls[path] - 1, result)

    with watched(module, paths, entered, left):
        yield


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
        self._module, self._paths, self._inputs = module, list(paths), own_inputs(inputs)
        with seeded(seed):
            self._generators = GeneratorStates.now()
        self._turn, self._halted = threading.Semaphore(0), threading.Semaphore(0)
        self._halt: Halt | None = None
        self._error: BaseException | None = None
        self._cancelled = False
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
        if not self._generators.equal(outside):
            self._generators.restore()
        try:
            if self._thread.ident is None:
                self._thread.start()
            else:
                self._turn.release()
            self._halted.acquire()
        finally:
            self._generators = GeneratorStates.now()
            if not self._generators.equal(outside):
                outside.restore()
        if self._error is not None:
            raise self._error
        return self._halt

    def _run(self) -> None:
        try:
            # Whether gradients are recorded is a matter of each thread.
            with torch.no_grad(), halting(self._module, self._paths, self._stop_at):
                self._module(**self._inputs)
        except _Cancelled:
            return
        except BaseException as error:
            self._error = error
        self._halt = None
        self._halted.release()

    def _stop_at(self, halt: Halt) -> None:
        self._halt = halt
        self._halted.release()
        self._turn.acquire()
        self._halt = None
        if self._cancelled:
            raise _Cancelled


class Follower:
    """A forward that runs as far as it is asked for, and keeps what it passes on the way until that is asked for.

    Args:
        steps: The forward.
        wanted: How often each submodule's halts will be asked for.
    """

    def __init__(self, steps: Steps, wanted: Mapping[str, int]) -> None:
        self._steps, self._wanted = steps, wanted
        self._kept: dict[tuple[str, bool, int], tuple[Halt, int]] = {}
        self._current: tuple[str, bool, int] | None = None
        self._has_ended = False
        self._inside: list[str] = []

    def fetch(self, path: str, leaves: bool, call: int) -> Halt | None:
        """Runs on until it halts there; None if it never does.

        Raises:
            FollowerRaised: If the forward raises on the way.
        """
        key = (path, leaves, call)
        while key not in self._kept and not self._has_ended:
            self._go_on()
        if key not in self._kept:
            return None
        halt, uses = self._kept.pop(key)
        if uses > 1:
            self._kept[key] = halt, uses - 1
        return halt

    def _go_on(self) -> None:
        if self._current in self._kept:
            # The forward may write into it from here on.
            halt, uses = self._kept[self._current]
            own = {name: tensor.clone() for name, tensor in halt.tensors.items()}
            self._kept[self._current] = Halt(halt.path, halt.leaves, halt.call, own), uses
        try:
            halt_or_end = self._steps.advance()
        except Exception as error:
            place = f"in `{self._inside[-1]}`" if self._inside and self._inside[-1] else "in its own forward"
            raise FollowerRaised(f"{place}: {type(error).__name__}: {error}") from error
        if halt_or_end is None:
            self._has_ended = True
            return
        if halt_or_end.leaves:
            self._inside.remove(halt_or_end.path)
        else:
            self._inside.append(halt_or_end.path)
        self._current = (halt_or_end.path, halt_or_end.leaves, halt_or_end.call)
        self._kept[self._current] = halt_or_end, self._wanted[halt_or_end.path]


class FollowerRaised(Exception):
    """The forward that follows raised where the other goes on; the message says in which submodule, and what."""


def _parameter_names(modules: Iterable[nn.Module]) -> Iterator[list[str]]:
    """The names of what each module's forward takes by position."""
    kinds = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    # Blocks of one class share a function, and reading a signature takes long.
    known: dict[Any, list[str]] = {}
    for module in modules:
        function = getattr(module.forward, "__func__", module.forward)
        if function not in known:
            parameters = inspect.signature(module.forward).parameters.values()
            known[function] = [each.name for each in parameters if each.kind in kinds]
        yield known[function]
