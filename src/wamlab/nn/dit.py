"""The two experts: Wan's video transformer, and a narrower one for actions of the same depth.

Parameters have the names of released checkpoints. A module computes what one expert computes
for itself; who attends to whom is put together in `nn.mixture`.

Shape legend: B = batch, S = tokens of one expert (N of the video, H of the action), D = width of
the expert, C = latent channels, F = latent frames, Y, X = rows and columns of latents, L = rows
of context, A = numbers per action, 6 = shift, scale, gate before attention, then before the FFN.

Source: Wan 2.2 (github.com/Wan-Video/Wan2.2, wan/modules/model.py) and Fast-WAM (arXiv
2603.16666); formulas from the specification, sections 1.3 and 4.
"""

from __future__ import annotations

import math
from typing import NamedTuple, cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from wamlab.nn.attention import Attention, Heads, KeysValues, Projected, Rotary
from wamlab.nn.card import Sizes

PATCH = 2  # latents per token, along rows and along columns


class Modulation(NamedTuple):
    """How the timestep bends one block; each broadcastable to (B, S, D)."""

    shift1: Tensor
    scale1: Tensor
    gate1: Tensor
    shift2: Tensor
    scale2: Tensor
    gate2: Tensor


class Block(nn.Module):
    """One layer of an expert, in two halves around the joint self-attention."""

    def __init__(self, width: int, ffn: int, sizes: Sizes) -> None:
        super().__init__()
        self.modulation = nn.Parameter(torch.randn(1, 6, width) / width**0.5)
        self.self_attn = Attention(width, sizes.num_heads, sizes.head_dim, sizes.eps)
        self.cross_attn = Attention(width, sizes.num_heads, sizes.head_dim, sizes.eps)
        self.norm3 = nn.LayerNorm(width, eps=sizes.eps)
        self.ffn = nn.Sequential(nn.Linear(width, ffn), TanhGelu(), nn.Linear(ffn, width))
        self.eps = sizes.eps

    def modulated(self, tmod_BS6D: Tensor) -> Modulation:
        return Modulation(*(self.modulation + tmod_BS6D).unbind(-2))

    def heads(self, x_BSD: Tensor, bend: Modulation, rotary: Rotary) -> Heads:
        """Queries, keys and values of self-attention."""
        return self.self_attn.heads(self.before_attention(x_BSD, bend), rotary)

    def before_attention(self, x_BSD: Tensor, bend: Modulation) -> Tensor:
        return bent_norm(x_BSD, bend.shift1, bend.scale1, self.eps)

    def after_attention(
        self,
        x_BSD: Tensor,
        mixed_BSE: Tensor,
        bend: Modulation,
        text: KeysValues | Projected,
        text_mask: Tensor | None,
    ) -> Tensor:
        """Output projection, cross-attention to the text, feed-forward.

        Args:
            text: Of the context (`cross_attn.keys_values`).
            text_mask: As in `attend`; for `Projected`, a number that is added.
        """
        x_BSD = torch.addcmul(x_BSD, bend.gate1, self.self_attn.o(mixed_BSE))
        asked = self.cross_attn.queries(self.norm3(x_BSD))
        x_BSD = x_BSD + self.cross_attn.look(asked, text, text_mask)
        h_BSD = bent_norm(x_BSD, bend.shift2, bend.scale2, self.eps)
        return torch.addcmul(x_BSD, bend.gate2, self.ffn(h_BSD))


class TanhGelu(nn.Module):
    """GELU by its tanh formula; on CPU, where no gradient is wanted, in half of torch's time."""

    def forward(self, x: Tensor) -> Tensor:
        if x.device.type != "cpu" or x.dtype != torch.float32 or torch.is_grad_enabled():
            return F.gelu(x, approximate="tanh")
        # (1 + tanh u) / 2 = sigmoid(2 u), and sigmoid is vectorised where tanh is not
        twice = 2 * (2 / math.pi) ** 0.5
        inner = (x * x).mul_(0.044715 * twice).add_(twice).mul_(x)
        return inner.sigmoid_().mul_(x)


class Expert(nn.Module):
    """What both experts have in common: embeddings of text and time, and the blocks."""

    def __init__(self, width: int, ffn: int, sizes: Sizes) -> None:
        super().__init__()
        self.text_embedding = nn.Sequential(
            nn.Linear(sizes.text_dim, width),
            nn.GELU(approximate="tanh"),
            nn.Linear(width, width),
        )
        self.time_embedding = nn.Sequential(
            nn.Linear(sizes.freq_dim, width), nn.SiLU(), nn.Linear(width, width)
        )
        self.time_projection = nn.Sequential(nn.SiLU(), nn.Linear(width, 6 * width))
        self.blocks = nn.ModuleList(Block(width, ffn, sizes) for _ in range(sizes.num_layers))
        self.freq_dim = sizes.freq_dim

    def time(self, t: Tensor) -> tuple[Tensor, Tensor]:
        """Embedding of timesteps, shape (*t, D), and its projection for blocks, (*t, 6, D)."""
        temb = self.time_embedding(sinusoid(t, self.freq_dim))
        return temb, self.time_projection(temb).unflatten(-1, (6, -1))

    def text(self, context_BLT: Tensor) -> list[KeysValues]:
        """Keys and values of the context in each block."""
        context_BLD = self.text_embedding(context_BLT)
        return [block.cross_attn.keys_values(context_BLD) for block in self.layers]

    @property
    def layers(self) -> list[Block]:
        """The blocks with their type, which a ModuleList forgets."""
        return cast("list[Block]", list(self.blocks))


class VideoHead(nn.Module):
    """From tokens back to patches; bent by the embedding of time, not by its projection."""

    def __init__(self, width: int, out: int, eps: float) -> None:
        super().__init__()
        self.modulation = nn.Parameter(torch.randn(1, 2, width) / width**0.5)
        self.head = nn.Linear(width, out)
        self.eps = eps

    def forward(self, x_BND: Tensor, temb_BND: Tensor) -> Tensor:
        return self.bent(x_BND, *(self.modulation + temb_BND.unsqueeze(-2)).unbind(-2))

    def bent(self, x_BND: Tensor, shift: Tensor, scale: Tensor) -> Tensor:
        """The same, where embedding and modulation are already added up."""
        return self.head(bent_norm(x_BND, shift, scale, self.eps))


class VideoExpert(Expert):
    """Wan 2.2's diffusion transformer with a timestep for each token."""

    def __init__(self, sizes: Sizes) -> None:
        super().__init__(sizes.video_width, sizes.video_ffn, sizes)
        patch = (1, PATCH, PATCH)
        self.patch_embedding = nn.Conv3d(
            sizes.latent_channels, sizes.video_width, kernel_size=patch, stride=patch
        )
        num_out = sizes.latent_channels * PATCH * PATCH
        self.head = VideoHead(sizes.video_width, num_out, sizes.eps)

    def tokens(self, latents_BCFYX: Tensor) -> Tensor:
        """Shape (B, N, D), in (frame, row, column) order."""
        # A convolution whose stride is its kernel is a matrix product: several times faster on
        # CPU, and the same sum.
        patches_BND = _patches(latents_BCFYX)
        weight = self.patch_embedding.weight.flatten(1)
        return F.linear(patches_BND, weight, self.patch_embedding.bias)

    def head_bends(self, temb_KD: Tensor) -> list[tuple[Tensor, Tensor]]:
        """Shift and scale of the head at each of K timesteps, each of shape (D,)."""
        shift_scale_K2D = self.head.modulation + temb_KD.unsqueeze(1)
        return [(shift, scale) for shift, scale in shift_scale_K2D]

    def velocity(self, x_BND: Tensor, temb_BND: Tensor, grid: tuple[int, int, int]) -> Tensor:
        """What the tokens say about the latents, shape (B, C, F, Y, X).

        Args:
            grid: Frames, token rows and token columns.
        """
        return _unpatched(self.head(x_BND, temb_BND), grid)

    def bent_velocity(
        self, x_BND: Tensor, shift: Tensor, scale: Tensor, grid: tuple[int, int, int]
    ) -> Tensor:
        """The same, with `VideoHead.bent`."""
        return _unpatched(self.head.bent(x_BND, shift, scale), grid)


class ActionExpert(Expert):
    """A narrower transformer whose attention is as wide as the video's."""

    def __init__(self, sizes: Sizes) -> None:
        super().__init__(sizes.action_width, sizes.action_ffn, sizes)
        self.action_encoder = nn.Linear(sizes.action_dim, sizes.action_width)
        self.head = nn.Linear(sizes.action_width, sizes.action_dim)  # no norm, no modulation


def bent_norm(x_BSD: Tensor, shift: Tensor, scale: Tensor, eps: float) -> Tensor:
    """A layer norm, in float32, whose weight and bias come from the timestep.

    Args:
        shift: Of each token, or of shape (D,) if all tokens share it; then norm, product and sum
            are one kernel.
        scale: Likewise; 0 changes nothing.
    """
    width = x_BSD.shape[-1:]
    if scale.ndim == 1:
        return F.layer_norm(x_BSD, width, 1 + scale, shift, eps)
    normed = F.layer_norm(x_BSD.float(), width, eps=eps).to(x_BSD.dtype)
    return torch.addcmul(shift, normed, 1 + scale)


def sinusoid(t: Tensor, dim: int) -> Tensor:
    """Cosines, then sines, of t at dim / 2 frequencies; in float64, then of t's dtype."""
    half = dim // 2
    frequency = 10_000.0 ** -(torch.arange(half, dtype=torch.float64, device=t.device) / half)
    angle = t.double().unsqueeze(-1) * frequency
    return torch.cat([angle.cos(), angle.sin()], dim=-1).to(t.dtype)


def token_timesteps(t_B: Tensor, num_frames: int, tokens_per_frame: int) -> Tensor:
    """Timestep of each video token, shape (B, N): 0 in the first frame, which is never noise."""
    is_later = torch.arange(num_frames * tokens_per_frame, device=t_B.device) >= tokens_per_frame
    return t_B[:, None] * is_later


def grid_of(latents_BCFYX: Tensor) -> tuple[int, int, int]:
    """Frames, token rows and token columns of latents."""
    _, _, frames, rows, columns = latents_BCFYX.shape
    return frames, rows // PATCH, columns // PATCH


def _patches(latents_BCFYX: Tensor) -> Tensor:
    """Numbers of each patch in the order of the convolution's weight, shape (B, N, C * 4)."""
    batch, channels, frames, height, width = latents_BCFYX.shape
    split = latents_BCFYX.view(
        batch, channels, frames, height // PATCH, PATCH, width // PATCH, PATCH
    )
    return split.permute(0, 2, 3, 5, 1, 4, 6).flatten(4).flatten(1, 3)


def _unpatched(out_BND: Tensor, grid: tuple[int, int, int]) -> Tensor:
    """Latents, shape (B, C, F, Y, X), of tokens that hold (row, column, channel) of a patch."""
    frames, rows, columns = grid
    patches = out_BND.view(len(out_BND), frames, rows, columns, PATCH, PATCH, -1)
    return patches.permute(0, 6, 1, 2, 4, 3, 5).flatten(5, 6).flatten(3, 4)
