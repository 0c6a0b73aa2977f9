"""What `parity diagnose` says of slips that are no parameter of a module, and of what no experiment explains."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import gelu, silu

from parity.bisection.bisect import Specimen, bisect
from parity.diagnosis.explaining import Diagnosis
from parity.diagnosis.models import diagnose


class Gates(nn.Module):
    """Two layers of a residual stream, each behind an activation that is a function."""

    act: Callable[[Tensor], Tensor] = staticmethod(silu)

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second = nn.Linear(8, 8), nn.Linear(8, 8)

    def forward(self, x: Tensor) -> Tensor:
        x = x + self.first(self.act(x))
        return self.change(x + self.second(self.act(x)))

    def change(self, x: Tensor) -> Tensor:
        return x


class WithoutSiLU(Gates):
    act = staticmethod(lambda x: x)


class WithGELU(Gates):
    act = staticmethod(gelu)


def specimens(*classes: type[nn.Module]) -> list[Specimen]:
    made = []
    for each in classes:
        torch.manual_seed(0)
        module = each()
        made.append(Specimen(each.__name__, module, {"x": torch.randn(2, 6, 8)}))
    return made


def examine(candidate: type[nn.Module]) -> Diagnosis:
    return diagnose(*specimens(Gates, candidate), torch.float32, tolerance=1e-5)


@pytest.mark.parametrize(
    ("candidate", "text"),
    [
        (WithoutSiLU, "SiLU of what enters `first` and `second`"),
        (WithGELU, "SiLU in place of `gelu` in the model's own forward"),
    ],
)
def test_an_activation_that_is_no_module_is_named_in_all_its_places(candidate: type[Gates], text: str) -> None:
    answer = examine(candidate)
    assert (answer.verdict, answer.explained_by, answer.leads) == ("explained", 1, ())
    assert (answer.causes[0].experiment, answer.causes[0].text) == ("norm or activation", text)


ORDER = torch.tensor([3, 0, 2, 1, 7, 5, 6, 4])


@pytest.mark.parametrize(
    ("change", "seen"),
    [
        (lambda x: 0.7 * x, "is 0.7 times the reference's"),
        (lambda x: -x, "has the other sign"),
        (lambda x: x + 0.25, "is the reference's plus 0.25"),
        (lambda x: x.roll(4, -1), "has its channels in another order, halves exchanged"),
        (lambda x: x[..., ORDER], "has its channels in another order, 3 0 2 1 7 5 6 4"),
        (
            lambda x: x.transpose(1, 2).reshape(x.shape),
            "holds the reference's numbers with its axes in the order 0 2 1",
        ),
        (lambda x: x.flatten(1).roll(3, 1).view(x.shape), "holds the reference's numbers, laid out otherwise"),
        (lambda x: x.flip(1), "has its tokens in another order, from the last to the first"),
        (lambda x: x.roll(2, 1), "has its tokens in another order, moved on by 2"),
        (lambda x: x * torch.arange(1, 9), "is the reference's times a factor of its own for each channel"),
        (lambda x: x + torch.arange(1, 9), "is the reference's plus an offset of its own for each channel"),
        (lambda x: x / x.norm(dim=-1, keepdim=True), "is the reference's times a factor of its own for each token"),
        (
            lambda x: torch.cat([x[:, :2], 3 * x[:, 2:]], 1),
            "differs in tokens 2 to 5 of 6 alone, where it is 3 times the reference's",
        ),
    ],
)
def test_what_no_experiment_explains_is_described(change: Callable[[Tensor], Tensor], seen: str) -> None:
    candidate = type("Candidate", (Gates,), {"change": lambda self, x: change(x)})
    answer = examine(candidate)
    assert answer.verdict == "unexplained"
    assert [(lead.place, lead.text) for lead in answer.leads] == [("the output", f"tensor {seen}")]


class Modulation(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.lin = nn.Linear(8, 8)

    def forward(self, x: Tensor) -> Tensor:
        return self.lin(silu(x))


class ActivatedModulation(Modulation):
    def forward(self, x: Tensor) -> Tensor:
        return silu(self.lin(x))


class Modulated(nn.Module):
    modulation: type[Modulation] = Modulation

    def __init__(self) -> None:
        super().__init__()
        self.mod, self.out = self.modulation(), nn.Linear(8, 8)

    def forward(self, x: Tensor) -> Tensor:
        return self.out(x * self.mod(x))


class ModulatedByActivated(Modulated):
    modulation = ActivatedModulation


class PortOfModulation(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.linear = nn.Linear(8, 8)

    def forward(self, x: Tensor) -> Tensor:
        return self.linear(x)


class WithoutActivation(nn.Module):
    """In other names, without the activation in the modulation."""

    def __init__(self) -> None:
        super().__init__()
        self.modulation, self.proj = PortOfModulation(), nn.Linear(8, 8)

    def forward(self, x: Tensor) -> Tensor:
        return self.proj(x * self.modulation(x))


class ActivatesOutside(WithoutActivation):
    """Does behind the module what the reference does in it, and forgets the last bias."""

    def forward(self, x: Tensor) -> Tensor:
        return self.proj(x * silu(self.modulation(x))) - self.proj.bias


@pytest.mark.parametrize(
    ("reference", "candidate", "place"),
    [(Modulated, WithoutActivation, "modulation"), (ModulatedByActivated, ActivatesOutside, "")],
)
def test_a_module_around_one_layer_is_known_by_it(
    reference: type[nn.Module], candidate: type[nn.Module], place: str
) -> None:
    finding = bisect(*specimens(reference, candidate), torch.float32).finding
    assert finding is not None
    assert finding.passage.candidate == place
