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


NUMPY = [
    ("torch.from_numpy(np.arange(n))", "torch.arange(n)"),
    ("torch.from_numpy(np.exp(-np.arange(n) / 2.0)).float() * x", "torch.exp(-torch.arange(n) / 2.0).float() * x"),
    ("torch.tensor(np.linspace(0, 1, n), dtype=x.dtype)", "torch.linspace(0, 1, n).to(dtype=x.dtype)"),
    (
        "torch.as_tensor(np.linspace(0.0, 1.0, num=n).astype(np.float32), device=x.device)",
        "torch.linspace(0.0, 1.0, steps=n).to(torch.float32).to(device=x.device)",
    ),
    ("torch.from_numpy(np.zeros((2, n), dtype=np.float32))", "torch.zeros((2, n), dtype=torch.float32)"),
    ("torch.from_numpy(np.outer(np.arange(3), np.ones(n)))", "torch.outer(torch.arange(3), torch.ones(n))"),
    (
        "torch.from_numpy(np.concatenate([np.sin(np.arange(n)), np.cos(np.arange(n))], axis=-1))",
        "torch.cat([torch.sin(torch.arange(n)), torch.cos(torch.arange(n))], dim=-1)",
    ),
    ("torch.from_numpy(np.array([1.0, 2.0]) * np.pi)", "torch.tensor([1.0, 2.0]) * torch.pi"),
    ("torch.from_numpy(np.expand_dims(np.eye(n), 0))", "torch.unsqueeze(torch.eye(n), 0)"),
    ("torch.from_numpy(np.full((2, n), 0.5)[:, 0])", "torch.full((2, n), 0.5)[:, 0]"),
    ("np.exp(x) + np.clip(y, 0, 1)", "torch.exp(x) + torch.clamp(y, 0, 1)"),
    (
        "torch.from_numpy(np.max(np.ones((2, n)), axis=-1, keepdims=True))",
        "torch.amax(torch.ones((2, n)), dim=-1, keepdim=True)",
    ),
    ("np.maximum(np.abs(x), y)", "torch.maximum(torch.abs(x), y)"),
]


@pytest.mark.parametrize(("before", "after"), NUMPY, ids=[item[0] for item in NUMPY])
def test_numpy_becomes_torch_where_that_is_exact(before: str, after: str, fixed: Callable[..., str]) -> None:
    text = fixed(forward("import numpy as np", before), "--unsafe-fixes", "--select", "FWD001")
    assert text == forward("", after)[1:]
    x, y = torch.rand(2, 3), torch.rand(2, 3)
    results = []
    for source in (forward("import numpy as np", before), text):
        names: dict[str, Any] = {}
        exec(source, names)
        results.append(names["Tiny"]()(x, y, 3))
    torch.testing.assert_close(results[1], results[0], check_dtype=False)


@pytest.mark.parametrize(
    "expression",
    [
        # An array that the code around it goes on with as one.
        "np.arange(n).tobytes()",
        "self.layer(np.linspace(0, 1, n))",
        "x + np.arange(n)",
        # Numbers, of which torch makes no tensor by itself.
        "torch.tensor(np.exp(n))",
        "np.exp(n) * x",
        # Functions and arguments that torch has in another way, or not at all.
        "torch.from_numpy(np.random.randn(n))",
        "torch.from_numpy(np.std(np.arange(n)))",
        "torch.from_numpy(np.linspace(0, 1, n, endpoint=False))",
        "torch.from_numpy(np.linspace(0, 1))",
        "torch.from_numpy(np.max(np.arange(n)))",
        "torch.from_numpy(np.concatenate(parts))",
        "torch.from_numpy(np.array(x))",
        "torch.from_numpy(np.arange(n)[np.newaxis])",
        "torch.from_numpy(np.arange(n).T.swapaxes(0, 1).astype(np.float32, copy=False))",
        "torch.tensor(np.arange(n), requires_grad=True)",
        "torch.from_numpy(np.exp(*parts))",
        "np.exp(x, out=y)",
    ],
)
def test_numpy_without_an_exact_counterpart_is_left_alone(expression: str, fixed: Callable[..., str]) -> None:
    text = forward("import numpy as np", expression)
    assert fixed(text, "--unsafe-fixes", "--select", "FWD001") == text


def test_numpy_stays_imported_where_it_is_used(fixed: Callable[..., str]) -> None:
    text = forward("import numpy as np", "np.exp(x)") + "\n\nHALF_TURN = np.pi\n"
    assert fixed(text, "--unsafe-fixes", "--select", "FWD001") == text.replace("np.exp(x)", "torch.exp(x)")
