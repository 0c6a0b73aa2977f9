"""Weight mappings: from the names and shapes of the reference's state dict to those of the candidate's."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import torch

from parity.errors import ParityError
from parity.sides.loading import load_object


@dataclass(frozen=True)
class WeightMapping:
    """A function that turns a state dict of the reference into one of the candidate.

    Attributes:
        path: Its import path or its file, for people.
        function: Takes and returns mappings of names to tensors; it must not write into the tensors.
    """

    path: str
    function: Callable[[dict[str, torch.Tensor]], Mapping[str, torch.Tensor]]

    def apply(self, state_dict: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        """Maps a state dict.

        Raises:
            ParityError: If the function raises, returns something else than tensors by name, or writes into what it
                was given.
        """
        given = {name: tensor.detach() for name, tensor in state_dict.items()}
        versions = {name: tensor._version for name, tensor in given.items()}
        try:
            mapped: Any = self.function(dict(given))
        except ParityError:
            raise
        except Exception as error:
            raise ParityError(f"{self.path}: the weight mapping raised {type(error).__name__}: {error}") from error
        written = [name for name, tensor in given.items() if tensor._version != versions[name]]
        if written:
            raise ParityError(
                f"{self.path}: the weight mapping writes into the reference's `{written[0]}`; let it make new ones."
            )
        if not (isinstance(mapped, Mapping) and all(isinstance(each, torch.Tensor) for each in mapped.values())):
            raise ParityError(f"{self.path}: a weight mapping has to return tensors by name, a state dict.")
        return dict(mapped)


def load_mapping(path: str) -> WeightMapping:
    """Imports the function that an import path names.

    Args:
        path: `package.module:function`; also `package.module:MAPPING.method`.

    Raises:
        ParityError: If there is none, or it cannot be called.
    """
    function = load_object(path)
    if not callable(function) or isinstance(function, type):
        raise ParityError(f"{path}: not a function; a weight mapping takes a state dict and returns one.")
    return WeightMapping(path, function)
