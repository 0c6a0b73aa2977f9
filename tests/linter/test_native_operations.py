"""What is written with another library becomes the native operations that compute the same."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch


@pytest.fixture
def fixed(write: Callable[..., None], run: Callable[..., Any], folder: Path) -> Callable[..., str]:
    """The text of a file after `linter fix`."""

    def fixed(text: str, *options: str) -> str:
        write({"tiny.py": text})
        run("fix", "--no-cache", *options, "tiny.py")
        return (folder / "tiny.py").read_text()

    return fixed


def forward(imports: str, result: str) -> str:
    """A module whose forward returns an expression."""
    return (
        f"{imports}\nimport torch\nfrom torch import nn\n\n\nclass Tiny(nn.Module):\n"
        f"    def forward(self, x: torch.Tensor, y: torch.Tensor, n: int):\n        return {result}\n"
    )


# A call, a shape, what einops 0.8.2 gives for it, and what it becomes.
PATTERNS = [
    ('rearrange(x, "b (h d) -> b h d", h=2)', (2, 6), lambda x: x.reshape(2, 2, 3), "x.unflatten(1, (2, -1))"),
    (
        'rearrange(x, "b s (h d) -> b h s d", h=2)',
        (2, 3, 4),
        lambda x: torch.stack([x[:, :, :2], x[:, :, 2:]], dim=1),
        "x.unflatten(2, (2, -1)).transpose(1, 2)",
    ),
    (
        'rearrange(x, "b h s d -> b s (h d)")',
        (2, 3, 4, 5),
        lambda x: torch.cat([x[:, head] for head in range(3)], dim=-1),
        "x.transpose(1, 2).flatten(2, 3)",
    ),
    (
        'rearrange(x, "b c (h p) (w q) -> b (h w) (c p q)", p=2, q=2)',
        (1, 3, 4, 4),
        lambda x: torch.nn.functional.unfold(x, 2, stride=2).transpose(1, 2),
        "x.unflatten(3, (-1, 2)).unflatten(2, (-1, 2)).permute(0, 2, 4, 1, 3, 5).flatten(3, 5).flatten(1, 2)",
    ),
    (
        'rearrange(x, "b (p q c) h w -> b c (h p) (w q)", p=2, q=2)',
        (1, 12, 2, 2),
        lambda x: torch.nn.functional.pixel_shuffle(x.reshape(1, 4, 3, 2, 2).transpose(1, 2).flatten(1, 2), 2),
        "x.unflatten(1, (2, 2, -1)).permute(0, 3, 4, 1, 5, 2).flatten(4, 5).flatten(2, 3)",
    ),
    (
        'rearrange(x, "b 1 c -> c b 1")',
        (2, 1, 3),
        lambda x: x[:, 0].T[..., None],
        "x.squeeze(1).transpose(0, 1).unsqueeze(2)",
    ),
    (
        'rearrange(x, "... (h d) -> ... h d", h=2)',
        (2, 3, 4),
        lambda x: x.reshape(2, 3, 2, 2),
        "x.unflatten(-1, (2, -1))",
    ),
    ('rearrange(x, "... a b -> ... b a")', (2, 3, 4), lambda x: x.mT, "x.transpose(-2, -1)"),
    ('repeat(x, "d -> b d", b=n)', (3,), lambda x: torch.stack([x] * 5), "x.unsqueeze(0).expand(n, -1)"),
    (
        'repeat(x, "b (h d) -> b (h r) d", h=2, r=n)',
        (2, 6),
        lambda x: x.reshape(2, 2, 3).repeat_interleave(5, dim=1),
        "x.unflatten(1, (2, -1)).unsqueeze(2).expand(-1, -1, n, -1).flatten(1, 2)",
    ),
    (
        'repeat(x, "b s -> b (r s)", r=n)',
        (2, 3),
        lambda x: x.repeat(1, 5),
        "x.unsqueeze(1).expand(-1, n, -1).flatten(1, 2)",
    ),
    (
        'reduce(x, "b (s p) -> b s", "mean", p=2)',
        (2, 6),
        lambda x: (x[:, ::2] + x[:, 1::2]) / 2,
        "x.unflatten(1, (-1, 2)).mean(2)",
    ),
    ('reduce(x, "b s d -> d b", "max")', (2, 3, 4), lambda x: x.max(dim=1).values.T, "x.amax(1).transpose(0, 1)"),
    ('reduce(x, "b s d -> b", "sum")', (2, 3, 4), lambda x: x.sum(dim=(1, 2)), "x.sum((1, 2))"),
    ('rearrange(x + y, "a b -> b a")', (2, 3), lambda x: (x + 1).T, "(x + y).transpose(0, 1)"),
]


@pytest.mark.parametrize(("call", "shape", "meant", "native"), PATTERNS, ids=[item[0] for item in PATTERNS])
def test_an_einops_call_becomes_native_operations(
    call: str,
    shape: tuple[int, ...],
    meant: Callable[[torch.Tensor], torch.Tensor],
    native: str,
    fixed: Callable[..., str],
) -> None:
    name = call.partition("(")[0]
    text = fixed(forward(f"from einops import {name}", call), "--unsafe-fixes", "--select", "FWD008")
    assert text == forward("", native)[1:]
    names: dict[str, Any] = {}
    exec(text, names)
    x = torch.arange(torch.Size(shape).numel(), dtype=torch.float32).reshape(shape)
    result = names["Tiny"]()(x, torch.ones(()), 5)
    torch.testing.assert_close(result, meant(x), rtol=0, atol=0)


@pytest.mark.parametrize(
    "call",
    [
        "rearrange(x, pattern)",
        'rearrange([x, y], "n b -> b n")',
        'rearrange(x, "a (b c) -> a b c")',
        'rearrange(x, "a b -> a")',
        'rearrange(x, "a a -> a")',
        'rearrange(x, "... a -> a ...")',
        'rearrange(x, "a 2 -> a 2")',
        'rearrange(x, "a b -> b a", **sizes)',
        'rearrange(x, "(a (b c)) -> a b c", a=1, b=1)',
        'rearrange(x, "a b -> b a", "c")',
        'rearrange(tensor=x, pattern="a b -> b a")',
        'repeat(x, "a -> a b")',
        'reduce(x, "a b -> a", "prod")',
        'reduce(x, "a b -> a", max)',
    ],
)
def test_an_einops_call_that_has_no_native_form_is_left_alone(call: str, fixed: Callable[..., str]) -> None:
    text = forward("from einops import rearrange, reduce, repeat", call)
    assert fixed(text, "--unsafe-fixes", "--select", "FWD008") == text


def test_an_einops_call_is_rewritten_only_when_asked(fixed: Callable[..., str]) -> None:
    text = forward("from einops import rearrange", 'rearrange(x, "a b -> b a")')
    assert fixed(text, "--select", "FWD008") == text


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("from einops import rearrange, repeat\n", "from einops import repeat\n"),
        ("from einops import rearrange as move\n", ""),
        ("import einops\n", ""),
        ("import einops as layout\n", ""),
        (
            'from einops import rearrange\n__all__ = ["rearrange"]\n',
            'from einops import rearrange\n__all__ = ["rearrange"]\n',
        ),
    ],
)
def test_an_import_goes_with_its_last_use(before: str, after: str, fixed: Callable[..., str]) -> None:
    names = {"import einops\n": "einops.rearrange", "import einops as layout\n": "layout.rearrange"}
    name = names.get(before, "move" if "as move" in before else "rearrange")
    call = f'{name}({name}(x, "a b -> b a"), "a b -> b a")'
    text = fixed(before + forward("", call), "--unsafe-fixes", "--select", "FWD008")
    assert text == after + forward("", "x.transpose(0, 1).transpose(0, 1)")
