"""What a forward costs: the operations that torch runs, and the most bytes of new tensors that live at once."""

from __future__ import annotations

import weakref
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves


@dataclass(frozen=True)
class Cost:
    """Counted, not timed, so that it is the same in every run.

    Attributes:
        operations: how many operations reach a kernel or make a view.
        peak: the most bytes that the storages made since the start held together.
    """

    operations: int
    peak: int


class Ledger(TorchDispatchMode):
    """Counts operations, and notes storages when they are made and when they go.

    Each thread that takes part enters it for itself.
    """

    def __init__(self, known: list[torch.Tensor]):
        super().__init__()
        self.operations = 0
        self.peak = 0
        self._live = 0
        self._seen = weakref.WeakSet(tensor.untyped_storage() for tensor in known)

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = func(*args, **(kwargs or {}))
        self.operations += 1
        for tensor in tree_leaves(result):
            if isinstance(tensor, torch.Tensor):
                self._enter(tensor.untyped_storage())
        return result

    def _enter(self, storage: torch.UntypedStorage) -> None:
        if storage in self._seen:
            return
        self._seen.add(storage)
        self._live += storage.nbytes()
        self.peak = max(self.peak, self._live)
        weakref.finalize(storage, self._leave, storage.nbytes())

    def _leave(self, size: int) -> None:
        self._live -= size


def measure_forward(model: nn.Module, inputs: dict[str, Any]) -> Cost:
    """The cost of one forward without gradients."""
    known = [*model.parameters(), *model.buffers(), *(each for each in tree_leaves(inputs) if torch.is_tensor(each))]
    with torch.no_grad(), Ledger(known) as ledger:
        model(**inputs, return_dict=False)
    return Cost(ledger.operations, ledger.peak)
