"""Makes whatever draws from a global random generator depend on the seed alone."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch


@contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Seeds torch, NumPy and Python for a block of code; afterwards their generators are as they were before."""
    before = GeneratorStates.now()
    try:
        random.seed(seed)
        np.random.seed(seed)
        torch.manual_seed(seed)
        yield
    finally:
        before.restore()


@dataclass(frozen=True)
class GeneratorStates:
    """The states of all global generators at one moment."""

    python: Any
    numpy: Any
    cpu: torch.Tensor
    cuda: list[torch.Tensor]

    @classmethod
    def now(cls) -> GeneratorStates:
        """Reads the states; those of GPUs only where one is in use."""
        cuda = torch.cuda.get_rng_state_all() if torch.cuda.is_initialized() else []  # type: ignore[no-untyped-call]
        return cls(random.getstate(), np.random.get_state(), torch.get_rng_state(), cuda)

    def equal(self, other: GeneratorStates) -> bool:
        """Whether all generators are at the same place; asking is cheaper than putting states back."""
        return (
            self.python == other.python
            and all(np.array_equal(one, each) for one, each in zip(self.numpy, other.numpy, strict=True))
            and torch.equal(self.cpu, other.cpu)
            and all(torch.equal(one, each) for one, each in zip(self.cuda, other.cuda, strict=True))
        )

    def restore(self) -> None:
        """Puts the states back."""
        random.setstate(self.python)
        np.random.set_state(self.numpy)
        torch.set_rng_state(self.cpu)
        if self.cuda:
            torch.cuda.set_rng_state_all(self.cuda)
