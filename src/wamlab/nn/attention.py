"""Attention as both experts use it: norms across heads, rotary positions, one masked product.

Shape legend: B = batch, S = tokens, D = width of an expert, M = heads, K = numbers per head,
E = M * K = width of the attention, P = K / 2 = rotary pairs.

Source: Wan 2.2 (github.com/Wan-Video/Wan2.2, wan/modules/model.py) for norms and rotary axes,
Fast-WAM (arXiv 2603.16666) for attention that is wider than the action expert.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

THETA = 10_000.0


class Rotary(NamedTuple):
    """Rotary positions as points on the unit circle.

    Attributes:
        turn_S1P: complex64, shape (S, 1, P).
    """

    turn_S1P: Tensor

    def repeated(self, times: int) -> Rotary:
        """The same positions again, for another copy of the same tokens."""
        return Rotary(self.turn_S1P.repeat(times, 1, 1))

    def rows(self, start: int, stop: int | None = None) -> Rotary:
        """Positions of some of the tokens."""
        return Rotary(self.turn_S1P[start:stop])


class KeysValues(NamedTuple):
    """What queries look at.

    Attributes:
        k_BMSK: Normed and, in self-attention, rotated.
        v_BMSK: Of the same shape.
    """

    k_BMSK: Tensor
    v_BMSK: Tensor


class Projected(NamedTuple):
    """What queries look at, with the output projection done in advance.

    Attributes:
        out_BMSD: What each head adds to the output where it looks at nothing but that row.
    """

    k_BMSK: Tensor
    out_BMSD: Tensor


class Heads(NamedTuple):
    """One expert's part of a joint self-attention, each of shape (B, M, S, K)."""

    q_BMSK: Tensor
    k_BMSK: Tensor
    v_BMSK: Tensor


def video_rotary(
    frames: int, rows: int, columns: int, head_dim: int, device: torch.device | None
) -> Rotary:
    """Positions of video tokens in (frame, row, column) order.

    The pairs of a head are shared out to time, height and width, each with frequencies of its
    own: of 128 numbers 44 turn with the frame, 42 with the row and 42 with the column.
    """
    third = head_dim // 6 * 2
    grid = torch.meshgrid(*(torch.arange(n) for n in (frames, rows, columns)), indexing="ij")
    angles = [
        _angles(position.flatten(), dim)
        for position, dim in zip(grid, (head_dim - 2 * third, third, third), strict=True)
    ]
    return _table(torch.cat(angles, dim=1), device)


def action_rotary(horizon: int, head_dim: int, device: torch.device | None) -> Rotary:
    """Positions of action tokens: one axis over all pairs, not aligned with the video's time."""
    return _table(_angles(torch.arange(horizon), head_dim), device)


def rotate(x_BSMK: Tensor, rotary: Rotary) -> Tensor:
    """Turns adjacent pairs of numbers (2j, 2j+1) by their angles, in float32.

    A complex product: on CPU it takes a seventh of the time of sines and cosines apart.
    """
    pairs = torch.view_as_complex(x_BSMK.float().unflatten(-1, (-1, 2)))
    return torch.view_as_real(pairs * rotary.turn_S1P).flatten(-2).to(x_BSMK.dtype)


class Joined(NamedTuple):
    """Weights of queries, keys and values one below the other.

    Attributes:
        weight_3ED: Shape (3 E, D).
        norm_2E: Weights of the norms of queries and keys.
    """

    weight_3ED: Tensor
    bias_3E: Tensor
    norm_2E: Tensor


class RmsNorm(nn.Module):
    """Divides by the root mean square over all heads together, in float32."""

    def __init__(self, width: int, eps: float) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(width))
        self.eps = eps

    def forward(self, x_BSE: Tensor) -> Tensor:
        return rms_norm(x_BSE, self.eps) * self.weight


def rms_norm(x_E: Tensor, eps: float) -> Tensor:
    """Over the last axis, in float32, then of the type of `x_E`."""
    return F.rms_norm(x_E.float(), (x_E.shape[-1],), eps=eps).to(x_E.dtype)


class Attention(nn.Module):
    """Projections of one attention; what attends to what is decided by the caller."""

    def __init__(self, width: int, num_heads: int, head_dim: int, eps: float) -> None:
        super().__init__()
        inner = num_heads * head_dim
        self.q = nn.Linear(width, inner)
        self.k = nn.Linear(width, inner)
        self.v = nn.Linear(width, inner)
        self.o = nn.Linear(inner, width)
        self.norm_q = RmsNorm(inner, eps)
        self.norm_k = RmsNorm(inner, eps)
        self.num_heads = num_heads
        self._joined: Joined | None = None

    def join(self, weights: Joined) -> None:
        """Makes the projections views of joined ones; from then on `heads` multiplies once.

        The module must stay where it is: moving it to another device or type parts the views.
        """
        width = len(weights.weight_3ED) // 3
        for index, layer in enumerate((self.q, self.k, self.v)):
            rows = slice(index * width, (index + 1) * width)
            layer.weight.data, layer.bias.data = weights.weight_3ED[rows], weights.bias_3E[rows]
        self.norm_q.weight.data, self.norm_k.weight.data = weights.norm_2E.unbind(0)
        self._joined = weights

    def queries(self, x_BSD: Tensor, rotary: Rotary | None = None) -> Tensor:
        """Shape (B, M, S, K)."""
        return self._split(self.norm_q(self.q(x_BSD)), rotary)

    def keys_values(self, x_BSD: Tensor, rotary: Rotary | None = None) -> KeysValues:
        k_BMSK = self._split(self.norm_k(self.k(x_BSD)), rotary)
        return KeysValues(k_BMSK, self._split(self.v(x_BSD), None))

    def heads(self, x_BSD: Tensor, rotary: Rotary) -> Heads:
        if self._joined is None:
            return Heads(self.queries(x_BSD, rotary), *self.keys_values(x_BSD, rotary))
        made_BS3E = F.linear(x_BSD, self._joined.weight_3ED, self._joined.bias_3E)
        made_BS3MK = made_BS3E.unflatten(-1, (3, self.num_heads, -1))
        qk_BS2E = rms_norm(made_BS3MK[:, :, :2].flatten(-2), self.norm_q.eps)
        qk_BSMK = (qk_BS2E * self._joined.norm_2E).unflatten(-1, (self.num_heads, -1)).flatten(2, 3)
        q_BMSK, k_BMSK = rotate(qk_BSMK, rotary).transpose(1, 2).chunk(2, dim=1)
        return Heads(q_BMSK, k_BMSK, made_BS3MK[:, :, 2].transpose(1, 2))

    def look(self, q_BMSK: Tensor, memory: KeysValues | Projected, mask: Tensor | None) -> Tensor:
        """Attention and output projection, shape (B, S, D); `mask` as in `attend`."""
        if isinstance(memory, KeysValues):
            return self.o(attend(q_BMSK, memory, mask))
        logits = q_BMSK @ memory.k_BMSK.transpose(2, 3) * q_BMSK.shape[-1] ** -0.5
        if mask is not None:
            logits = logits + mask
        weights_BMSQ = logits.float().softmax(dim=-1).to(q_BMSK.dtype)
        weights_BS_MQ = weights_BMSQ.transpose(1, 2).flatten(2)
        return weights_BS_MQ @ memory.out_BMSD.flatten(1, 2) + self.o.bias

    def projected(self, memory: KeysValues) -> Projected:
        """Worth its cost where few rows are looked at often: M * rows below E."""
        weight_DMK = self.o.weight.unflatten(1, (self.num_heads, -1))
        out_BMSD = torch.einsum("bmsk,dmk->bmsd", memory.v_BMSK, weight_DMK)
        return Projected(memory.k_BMSK, out_BMSD)

    def _split(self, x_BSE: Tensor, rotary: Rotary | None) -> Tensor:
        x_BSMK = x_BSE.unflatten(-1, (self.num_heads, -1))
        if rotary is not None:
            x_BSMK = rotate(x_BSMK, rotary)
        return x_BSMK.transpose(1, 2)


def attend(q_BMSK: Tensor, memory: KeysValues, mask: Tensor | None = None) -> Tensor:
    """Softmax attention.

    Args:
        mask: Broadcastable to (B, M, queries, keys): bool, True = may attend, or a number that
            is added to the logit.

    Returns:
        Shape (B, S, E).
    """
    mixed = F.scaled_dot_product_attention(q_BMSK, memory.k_BMSK, memory.v_BMSK, attn_mask=mask)
    return mixed.transpose(1, 2).flatten(2)


def _angles(position_S: Tensor, dim: int) -> Tensor:
    """Angles of one axis, float64, shape (S, dim / 2): position * theta^(-2j/dim)."""
    powers = torch.arange(0, dim, 2, dtype=torch.float64) / dim
    return torch.outer(position_S.double(), THETA**-powers)


def _table(angles_SP: Tensor, device: torch.device | None) -> Rotary:
    turn_SP = torch.polar(torch.ones_like(angles_SP), angles_SP).to(torch.complex64)
    return Rotary(turn_SP[:, None].to(device))
