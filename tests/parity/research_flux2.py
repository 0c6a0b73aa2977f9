"""A FLUX.2 transformer as a research repository would hold it: bare functions, fused projections, its own names.

It is written from the architecture alone and shares no code with diffusers: the original checkpoint's names, with
queries, keys and values in one matrix, and rotary pairs turned by 2x2 matrices.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn.functional import scaled_dot_product_attention, silu


def rope(positions: Tensor, dim: int, theta: int) -> Tensor:
    """Rotation matrices, (tokens, dim / 2, 2, 2), for positions of (tokens,)."""
    omega = theta ** (-torch.arange(0, dim, 2, dtype=torch.float64) / dim)
    angles = positions.double()[:, None] * omega
    rows = [torch.stack([angles.cos(), -angles.sin()], -1), torch.stack([angles.sin(), angles.cos()], -1)]
    return torch.stack(rows, -2).float()


def rotate(x: Tensor, matrices: Tensor) -> Tensor:
    """Turns the pairs of neighbouring channels of (batch, heads, tokens, dim)."""
    pairs = x.float().unflatten(-1, (-1, 1, 2))
    return (matrices * pairs).sum(-1).flatten(-2).to(x.dtype)


def attend(qkv: Tensor, norm: QKNorm, heads: int) -> tuple[Tensor, Tensor, Tensor]:
    """Splits (batch, tokens, 3 * heads * dim) into queries and keys, normed, and values, heads before tokens."""
    q, k, v = qkv.unflatten(-1, (3, heads, -1)).permute(2, 0, 3, 1, 4)
    return norm.query_norm(q), norm.key_norm(k), v


def merge(q: Tensor, k: Tensor, v: Tensor, matrices: Tensor) -> Tensor:
    return scaled_dot_product_attention(rotate(q, matrices), rotate(k, matrices), v).transpose(1, 2).flatten(2)


def sinusoid(t: Tensor, dim: int) -> Tensor:
    half = dim // 2
    frequencies = torch.exp(-math.log(10000) * torch.arange(half, dtype=torch.float32) / half)
    angles = (1000 * t).float()[:, None] * frequencies
    return torch.cat([angles.cos(), angles.sin()], -1).to(t.dtype)


class RMSNorm(nn.Module):
    def __init__(self, dim: int) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.ones(dim))

    def forward(self, x: Tensor) -> Tensor:
        wide = x.float()
        return (wide * torch.rsqrt(wide.square().mean(-1, keepdim=True) + 1e-6)).to(x.dtype) * self.scale


class QKNorm(nn.Module):
    def __init__(self, dim: int) -> None:
        super().__init__()
        self.query_norm = RMSNorm(dim)
        self.key_norm = RMSNorm(dim)


class MLPEmbedder(nn.Module):
    def __init__(self, inner: int, width: int) -> None:
        super().__init__()
        self.in_layer = nn.Linear(inner, width, bias=False)
        self.out_layer = nn.Linear(width, width, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        return self.out_layer(silu(self.in_layer(x)))


class Modulation(nn.Module):
    def __init__(self, width: int, count: int) -> None:
        super().__init__()
        self.lin = nn.Linear(width, count * width, bias=False)

    def forward(self, vec: Tensor) -> Tensor:
        return self.lin(silu(vec))[:, None]


class GatedSiLU(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        a, b = x.chunk(2, -1)
        return silu(a) * b


class SelfAttention(nn.Module):
    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.qkv = nn.Linear(width, 3 * width, bias=False)
        self.norm = QKNorm(width // heads)
        self.proj = nn.Linear(width, width, bias=False)


class DoubleBlock(nn.Module):
    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        for side in ("img", "txt"):
            self.add_module(f"{side}_norm1", nn.LayerNorm(width, eps=1e-6, elementwise_affine=False))
            self.add_module(f"{side}_attn", SelfAttention(width, heads))
            self.add_module(f"{side}_norm2", nn.LayerNorm(width, eps=1e-6, elementwise_affine=False))
            mlp = (nn.Linear(width, 6 * width, bias=False), GatedSiLU(), nn.Linear(3 * width, width, bias=False))
            self.add_module(f"{side}_mlp", nn.Sequential(*mlp))

    def forward(self, img: Tensor, txt: Tensor, pe: Tensor, mod_img: Tensor, mod_txt: Tensor) -> tuple[Tensor, Tensor]:
        shift1, scale1, gate1, shift2, scale2, gate2 = mod_img.chunk(6, -1)
        tshift1, tscale1, tgate1, tshift2, tscale2, tgate2 = mod_txt.chunk(6, -1)
        img_qkv = self.img_attn.qkv((1 + scale1) * self.img_norm1(img) + shift1)
        txt_qkv = self.txt_attn.qkv((1 + tscale1) * self.txt_norm1(txt) + tshift1)
        parts = zip(
            attend(txt_qkv, self.txt_attn.norm, self.heads),
            attend(img_qkv, self.img_attn.norm, self.heads),
            strict=True,
        )
        mixed = merge(*(torch.cat(pair, 2) for pair in parts), pe)
        txt_out, img_out = mixed[:, : txt.shape[1]], mixed[:, txt.shape[1] :]
        img = img + gate1 * self.img_attn.proj(img_out)
        img = img + gate2 * self.img_mlp((1 + scale2) * self.img_norm2(img) + shift2)
        txt = txt + tgate1 * self.txt_attn.proj(txt_out)
        txt = txt + tgate2 * self.txt_mlp((1 + tscale2) * self.txt_norm2(txt) + tshift2)
        return img, txt


class SingleBlock(nn.Module):
    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.width, self.heads = width, heads
        self.pre_norm = nn.LayerNorm(width, eps=1e-6, elementwise_affine=False)
        self.linear1 = nn.Linear(width, 9 * width, bias=False)
        self.norm = QKNorm(width // heads)
        self.mlp_act = GatedSiLU()
        self.linear2 = nn.Linear(4 * width, width, bias=False)

    def forward(self, x: Tensor, pe: Tensor, mod: Tensor) -> Tensor:
        shift, scale, gate = mod.chunk(3, -1)
        qkv, mlp = self.linear1((1 + scale) * self.pre_norm(x) + shift).split([3 * self.width, 6 * self.width], -1)
        mixed = merge(*attend(qkv, self.norm, self.heads), pe)
        return x + gate * self.linear2(torch.cat([mixed, self.mlp_act(mlp)], -1))


class LastLayer(nn.Module):
    def __init__(self, width: int, channels: int) -> None:
        super().__init__()
        self.norm_final = nn.LayerNorm(width, eps=1e-6, elementwise_affine=False)
        self.linear = nn.Linear(width, channels, bias=False)
        self.adaLN_modulation = nn.Sequential(nn.SiLU(), nn.Linear(width, 2 * width, bias=False))

    def forward(self, x: Tensor, vec: Tensor) -> Tensor:
        shift, scale = self.adaLN_modulation(vec)[:, None].chunk(2, -1)
        return self.linear((1 + scale) * self.norm_final(x) + shift)


class Flux2(nn.Module):
    def __init__(
        self,
        channels: int = 16,
        depth: int = 3,
        depth_single: int = 3,
        width: int = 32,
        heads: int = 2,
        context: int = 48,
        time_dim: int = 32,
        axes: tuple[int, ...] = (4, 4, 4, 4),
        theta: int = 2000,
    ) -> None:
        super().__init__()
        self.axes, self.theta, self.time_dim = axes, theta, time_dim
        self.img_in = nn.Linear(channels, width, bias=False)
        self.txt_in = nn.Linear(context, width, bias=False)
        self.time_in = MLPEmbedder(time_dim, width)
        self.guidance_in = MLPEmbedder(time_dim, width)
        self.double_stream_modulation_img = Modulation(width, 6)
        self.double_stream_modulation_txt = Modulation(width, 6)
        self.single_stream_modulation = Modulation(width, 3)
        self.double_blocks = nn.ModuleList(DoubleBlock(width, heads) for _ in range(depth))
        self.single_blocks = nn.ModuleList(SingleBlock(width, heads) for _ in range(depth_single))
        self.final_layer = LastLayer(width, channels)

    def forward(
        self, x: Tensor, x_ids: Tensor, timesteps: Tensor, ctx: Tensor, ctx_ids: Tensor, guidance: Tensor
    ) -> Tensor:
        vec = self.time_in(sinusoid(timesteps, self.time_dim)) + self.guidance_in(sinusoid(guidance, self.time_dim))
        img, txt = self.img_in(x), self.txt_in(ctx)
        ids = torch.cat([ctx_ids[0], x_ids[0]])
        pe = torch.cat([rope(ids[:, axis], dim, self.theta) for axis, dim in enumerate(self.axes)], 1)
        mod_img, mod_txt = self.double_stream_modulation_img(vec), self.double_stream_modulation_txt(vec)
        for block in self.double_blocks:
            img, txt = block(img, txt, pe, mod_img, mod_txt)
        joined = torch.cat([txt, img], 1)
        mod = self.single_stream_modulation(vec)
        for block in self.single_blocks:
            joined = block(joined, pe, mod)
        return self.final_layer(joined[:, txt.shape[1] :], vec)
