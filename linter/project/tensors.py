"""Which names of a function hold tensors, as far as that is sure."""

from __future__ import annotations

import re

from linter.project import Function


class Tensors:
    """Which names of a function are surely tensors: annotated so, or made by torch or by a method of a tensor."""

    _TENSOR = re.compile(r"\bTensor\b")
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
            if self._TENSOR.search(parameter.annotation) and not self._OTHERS.search(parameter.annotation)
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
